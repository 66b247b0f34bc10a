// A network of nodes on this machine, each a process or a container: their homes side by side in
// one folder, with keys and peers files made so that each knows all others; and, where it is asked
// for, a relay between them. Starts and ends them. Knows nothing of what is printed about them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/containers.hpp"
#include "cli/home.hpp"
#include "cli/links.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

class Testnet {
 public:
  static constexpr std::uint32_t kMostNodes = 64;
  // With a relay: each link has a port.
  static constexpr std::uint32_t kMostRelayed = 32;

  struct Shape {
    std::uint32_t nodes = 3;
    std::string placement = "one";
    bool relayed = false;
    std::string image{};  // of the containers; empty: processes
  };
  struct Node {
    std::string name;  // node1, node2, ...
    Home home;
    pid_t started = 0;  // the process, where this program has just started it
    // Its store lies on a file system of its own, so large and in memory; 0: on the folder's. Only
    // for as long as this object is asked to start it.
    std::uint64_t disk_bytes = 0;
  };
  // A verifier or a storage of one node, as a process of its own.
  struct Worker {
    std::string name;
    std::string node;
    std::vector<std::string> words;  // of `quarry`, without --home
  };

  // The folder as given; empty: one in the system's folder for temporary files, which is removed
  // when the testnet ends.
  explicit Testnet(const std::string& directory);

  const std::filesystem::path& directory() const { return directory_; }
  // Nodes that are there, running or not.
  std::vector<Node>& nodes() { return nodes_; }
  Node* find(const std::string& name);
  // Of all nodes, as one dials them from outside of a relay.
  std::filesystem::path peers_file() const { return directory_ / "peers"; }

  Result<> make(const Shape& shape);
  // Makes it larger, or ends and removes the last of its nodes; the others are told. Without a
  // relay only.
  Result<> resize(std::uint32_t nodes);
  // Adds a line to a node's configuration.
  Result<> configure(const Node& node, const std::string& line);
  // Starts those that do not run.
  Result<> start();
  Result<> start(Node& node);
  Result<> start(const Worker& worker);
  bool runs(const Worker& worker) const;
  Result<> signal(const Node& node, int signal);

  bool in_containers() const { return !image_.empty(); }
  // Where it has a relay: the links that it relays, with the trouble on them.
  std::filesystem::path links_file() const { return directory_ / "links"; }
  std::filesystem::path relay_lock() const { return directory_ / "relay.lock"; }
  bool relayed() const;
  bool in_trouble() const;  // any of its links
  Result<> change_links(const std::function<void(Link&)>& change);
  // Ends those that run, and waits for them; or one, in good order or at once.
  Result<> stop();
  Result<> stop(const Node& node, bool at_once);
  Result<> stop(const Worker& worker, bool at_once);
  // What make() made, and the nodes' own files. Nothing else that lies in the folder.
  Result<> remove();
  bool temporary() const { return temporary_; }

 private:
  void look();
  Result<> grow(std::uint32_t nodes, const std::string& placement, bool relayed);
  Result<> shrink(std::uint32_t nodes);
  Result<> introduce(const std::vector<std::uint16_t>& ports);
  std::string program() const;
  Result<> begin(Node& node);
  Result<pid_t> launch(Containers::What what);
  Result<> wait_launched();
  std::filesystem::path relay_log() const { return directory_ / "relay.log"; }
  std::filesystem::path lock_of(const Worker& worker) const;

  std::filesystem::path directory_;
  bool temporary_;
  std::string image_;
  std::vector<Node> nodes_;
  std::vector<std::pair<pid_t, std::filesystem::path>> launched_;  // what starts containers; logs
};

// The last line of a node's log: why it ended.
std::string last_words(const Home& home);

}  // namespace quarry::cli
