// A network of nodes on this machine: their homes side by side in one folder, with keys and peers
// files made so that each knows all others; and, where it is asked for, a relay between them.
// Starts and ends their processes. Knows nothing of what is printed about them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cli/home.hpp"
#include "cli/links.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

class Testnet {
 public:
  static constexpr std::uint32_t kMostNodes = 64;
  // With a relay: each link has a port.
  static constexpr std::uint32_t kMostRelayed = 32;

  struct Node {
    std::string name;  // node1, node2, ...
    Home home;
    pid_t started = 0;  // the process, where this program has just started it
  };

  // The folder as given; empty: one in the system's folder for temporary files, which is removed
  // when the testnet ends.
  explicit Testnet(const std::string& directory);

  const std::filesystem::path& directory() const { return directory_; }
  // Nodes that are there, running or not.
  std::vector<Node>& nodes() { return nodes_; }

  Result<> make(std::uint32_t nodes, const std::string& placement, bool relayed = false);
  // Starts those that do not run.
  Result<> start(const std::filesystem::path& program);
  Result<> signal(const Node& node, int signal);

  // Where it has a relay: the links that it relays, with the trouble on them.
  std::filesystem::path links_file() const { return directory_ / "links"; }
  std::filesystem::path relay_lock() const { return directory_ / "relay.lock"; }
  bool relayed() const;
  bool in_trouble() const;  // any of its links
  Result<> change_links(const std::function<void(Link&)>& change);
  // Ends those that run, and waits for them; or one, in good order or at once.
  Result<> stop();
  Result<> stop(const Node& node, bool at_once);
  // What make() made, and the nodes' own files. Nothing else that lies in the folder.
  Result<> remove();
  bool temporary() const { return temporary_; }

 private:
  void look();
  std::filesystem::path relay_log() const { return directory_ / "relay.log"; }

  std::filesystem::path directory_;
  bool temporary_;
  std::vector<Node> nodes_;
};

// The last line of a node's log: why it ended.
std::string last_words(const Home& home);

}  // namespace quarry::cli
