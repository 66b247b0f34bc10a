// The links of a testnet that has a relay between its nodes: one for each node and each peer that
// it dials, with the trouble that is on it. A file in the testnet's folder, one link a line:
//   FROM TO LISTEN TARGET CUT DELAY_MS LOSS_PERCENT
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "msg/result.hpp"

namespace quarry::cli {

struct Link {
  std::string from, to;
  std::uint16_t listen = 0;  // the relay's port where FROM dials TO
  std::string target;        // where TO listens, HOST:PORT
  // Nothing passes, and nobody is told: what was sent waits, as on a network that is cut.
  bool cut = false;
  std::chrono::milliseconds delay{0};  // each way
  // Of the pieces in which bytes come, so many arrive late by a retransmission's time: what TCP
  // makes of a lost packet.
  unsigned loss_percent = 0;

  // Whether both nodes are on this machine, and nobody else has business with the relay.
  bool local() const { return target.starts_with("127."); }
};

Result<std::vector<Link>> read_links(const std::filesystem::path& file);
Result<> write_links(const std::filesystem::path& file, const std::vector<Link>& links);

}  // namespace quarry::cli
