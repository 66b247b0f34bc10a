// The composition root: makes the four actors, the built-in verifier and storage, joins them by
// their links, and waits for signals. SIGTERM and SIGINT end the node, SIGHUP reads the peers file
// again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "msg/report.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

// Which actors share a thread: all (`one`), or none (`threads`).
enum class Placement { one, threads };

struct NodeOptions {
  std::filesystem::path home;
  std::string listen;  // tcp endpoint; empty: the node only asks
  Network network;
  std::string name;
  Placement placement = Placement::one;
  std::filesystem::path peers_file;
};

// Returns when the node has ended: in good order, or with what went wrong.
Result<> run_node(const NodeOptions& options);

}  // namespace quarry::cli
