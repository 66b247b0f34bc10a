// What a node is made of: makers of its actors and of its built-in workers, for threads in
// whichever of its processes. Knows where the parts meet, and which worker lives beside which
// bridge; starts nothing.
#pragma once

#include <memory>
#include <vector>

#include "actors/node.hpp"
#include "bus/thread.hpp"
#include "cli/home.hpp"
#include "cli/node_options.hpp"

namespace quarry::workers {
class LmdbStore;
class Work;
}  // namespace quarry::workers

namespace quarry::cli {

class NodeParts {
 public:
  using Make = bus::Thread::Make;

  explicit NodeParts(NodeOptions its);
  NodeParts(const NodeParts&) = delete;
  NodeParts& operator=(const NodeParts&) = delete;

  // Reads the node's key.
  Result<> open();
  // Opens the built-in storage; one process of a node does.
  Result<> open_store();
  bool verifies() const { return options.verifies && !node.network.digest.empty(); }

  Make engine();
  Make selector();
  std::vector<Make> consumer();  // the built-in verifier, and the bridge
  Make producer();               // the bridge alone
  std::vector<Make> reader();    // of the built-in storage, if that was opened
  std::vector<Make> writer();

  NodeOptions options;
  Home home;
  bus::Context context;
  Node node;
  std::vector<report::PeerEntry> peers;

 private:
  using Work = std::function<Result<std::unique_ptr<workers::Work>>()>;
  Make worker(const std::string& door, Work work);

  std::shared_ptr<workers::LmdbStore> store_;
};

}  // namespace quarry::cli
