// One bridge of a node, with the built-in workers that live beside it, as a process of its own:
// what cli/bridges.hpp starts. Its stdin is a socket to the node: it says there that it is ready,
// or why it cannot be, and ends when the node closes it. It is killed when the node is.
#pragma once

#include <optional>
#include <string>

#include "cli/node_options.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

// What a bridge says to its node: a line when it is ready, or three for an Error.
struct BridgeReport {
  static std::string ready() { return "ready\n"; }
  static std::string failed(const Error& error);
  static bool is_ready(const std::string& said) { return said.starts_with(ready()); }
  // Nothing: it has not said that it failed.
  static std::optional<Error> why(const std::string& said);
};

enum class BridgeKind { consumer, producer };

// Returns when the node has ended it: in good order, or with what went wrong.
Result<> run_bridge(BridgeKind which, NodeOptions options);

}  // namespace quarry::cli
