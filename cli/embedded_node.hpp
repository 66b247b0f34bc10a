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

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/node.hpp"
#include "bus/thread.hpp"
#include "cli/node_options.hpp"

namespace quarry::cli {

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
