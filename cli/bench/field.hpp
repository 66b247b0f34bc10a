// Where a bench takes place: nodes with homes in a temporary folder, each a process of its own, but
// for the asking one when the client is its guest; the workers they are given; and the load. All of
// it ends with this object.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/bench/load.hpp"
#include "cli/embedded_node.hpp"
#include "cli/interrupt.hpp"
#include "cli/testnet.hpp"

namespace quarry::cli::bench {

struct Plan {
  std::size_t size = 1024;  // bytes of a value
  std::uint32_t window = 64;
  Duration lasts = std::chrono::seconds(3);
  std::uint32_t nodes = 2;  // one asks, the others serve
  Placement placement = Placement::one;
  bool own_process = false;  // the client has one, and speaks over ipc
  bool lmdb = false;         // values lie in the serving nodes' own storage
  std::string verifier;      // a command to run in place of the built-in one; empty: none
  std::string storage;       // the same for each serving node; finds values in $QUARRY_BENCH_VALUES
  std::uint32_t pending = 0;
};

class Field {
 public:
  // Made before anything else of the program that has threads: it forks.
  explicit Field(Plan plan);
  ~Field();
  Field(const Field&) = delete;
  Field& operator=(const Field&) = delete;

  // Nothing when it was interrupted.
  Result<std::optional<Load::Outcome>> run();
  std::uint32_t values() const { return values_->count(); }

 private:
  Result<> prepare();
  Result<> store_values();
  Result<> write_values();
  NodeOptions options_of(std::size_t node);
  Result<pid_t> fork_node(std::size_t node);
  Result<pid_t> spawn(const std::string& command, const Home& home);
  Result<> start();
  Result<std::optional<Load::Outcome>> wait(std::future<Result<Load::Outcome>> outcome);
  std::optional<Error> ended_early();

  Plan plan_;
  std::shared_ptr<const Values> values_;
  Interrupt interrupt_;
  std::optional<Testnet> net_;
  std::vector<report::PeerEntry> entries_;  // of the nodes, in order
  std::vector<pid_t> asking_, serving_;     // processes that we started
  std::unique_ptr<EmbeddedNode> asker_;     // where the client is its guest
  std::optional<bus::Context> context_;     // of the client, where it has a process of its own
  std::unique_ptr<bus::Thread> client_;
};

}  // namespace quarry::cli::bench
