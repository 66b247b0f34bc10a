// A node within a program: the four actors and the built-in workers, joined by their links, on
// threads of their own. `quarry node` is one that waits for signals; any other program embeds one
// the same way, and talks to it like every client: over the control door, which is at an inproc
// address of the node's context too.
//
//     auto node = EmbeddedNode::start(options);
//     auto client = Client::connect((*node)->context(), EmbeddedNode::control_endpoint(), {});
//
// Signals are the program's own affair: a node's threads block all of them. Only one node at a time
// lives in a context, and a context is to be the only one of its process.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "actors/peer_selector/config.hpp"
#include "bus/thread.hpp"
#include "msg/report.hpp"

namespace quarry::workers {
class LmdbStore;
}

namespace quarry::cli {

// Which actors share a thread: all (`one`), or none (`threads`).
enum class Placement { one, threads };

struct NodeOptions {
  std::filesystem::path home;
  std::string listen;      // tcp endpoint; empty: the node only asks
  std::string advertised;  // where peers reach it, if not there
  Network network;
  std::string name;
  std::string keep_in = "store";  // name of the storage that keeps
  Placement placement = Placement::one;
  std::filesystem::path peers_file;
  double hedge_budget = peer_selector::Config{}.hedge_budget;
  double requests_per_second = peer_selector::Config{}.requests_per_second;  // to one peer
  bool verifies = true;  // with the built-in digest verifier, where the network has a digest
  bool stores = true;    // in the built-in storage, below its home
};

class EmbeddedNode {
 public:
  // An actor of the program's own, on the thread of the Engine: a client or a worker that costs no
  // change of threads. It is made after the node's actors there, and ends before them.
  using Guest = std::function<Result<std::unique_ptr<bus::Actor>>(bus::Loop&, bus::Context&)>;

  // Takes the home's lock and starts; the node is ready when this returns.
  static Result<std::unique_ptr<EmbeddedNode>> start(NodeOptions options,
                                                     std::vector<Guest> guests = {});
  // Ends in good order, and waits for it.
  ~EmbeddedNode();
  EmbeddedNode(const EmbeddedNode&) = delete;
  EmbeddedNode& operator=(const EmbeddedNode&) = delete;

  // For the clients and workers of this process.
  static std::string control_endpoint() { return Node{}.control_door.front(); }
  static std::string verifier_endpoint() { return Node{}.verifier_door.front(); }
  static std::string storage_endpoint() { return Node{}.storage_door.front(); }
  bus::Context& context();

  // Readable once a part of it has ended on its own; failure() is why.
  int failed_fd() const;
  std::string failure() const;

 private:
  struct State;
  explicit EmbeddedNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quarry::cli
