// How a node of a testnet is, as it says itself; and waiting until it is ready.
#pragma once

#include <optional>
#include <vector>

#include "bus/context.hpp"
#include "cli/testnet.hpp"
#include "msg/control.hpp"

namespace quarry::cli {

// A node is ready in well under a second; a handshake with each peer, on a busy machine, adds up.
constexpr Duration kReadyWithin = std::chrono::seconds(30);

// What is known of one node; nothing but `running` where it does not run.
struct NodeView {
  bool running = false;
  bool answers = false;
  pid_t pid = 0;
  control::NodeInfo info;
  std::vector<report::PeerInfo> peers;
  std::size_t connected = 0;
  std::size_t fetches = 0;
};

Result<NodeView> look_at(bus::Context& context, const Testnet::Node& node);

// Until the node answers, and is connected to so many others.
Result<NodeView> wait_ready(bus::Context& context, const Testnet& net, const Testnet::Node& node,
                            std::size_t others, Time until);

}  // namespace quarry::cli
