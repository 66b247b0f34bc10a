// A node as a process of its own: an EmbeddedNode that waits for signals. SIGTERM and SIGINT end
// it, SIGHUP reads the peers file again.
#pragma once

#include "cli/embedded_node.hpp"

namespace quarry::cli {

// Returns when the node has ended: in good order, or with what went wrong.
Result<> run_node(const NodeOptions& options, std::vector<EmbeddedNode::Guest> guests = {});

}  // namespace quarry::cli
