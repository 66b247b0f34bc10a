#include "bus/link.hpp"

#include <spdlog/spdlog.h>

#include "bus/clock.hpp"

namespace quarry::bus {
namespace {
// Messages. Credit bounds what is on its way; this only has to be more than that in any turn.
constexpr int kLinkHwm = 1000;
}  // namespace

Socket::Options link_options(Socket::Kind kind, const Network& network) {
  Socket::Options options;
  options.kind = kind;
  options.max_frame = std::max(limits::kMaxEnvelope, limits::max_payload(network));
  options.send_hwm = kLinkHwm;
  options.receive_hwm = kLinkHwm;
  return options;
}

std::uint64_t new_epoch() {
  for (;;) {
    if (const std::uint64_t epoch = random_u64(); epoch != 0) return epoch;
  }
}

void report_unfit(const Socket& socket, const Unfit& unfit) {
  spdlog::warn("link {}: a message was dropped: {}: {}", socket.endpoint(), name(unfit.reason),
               unfit.detail);
}

}  // namespace quarry::bus
