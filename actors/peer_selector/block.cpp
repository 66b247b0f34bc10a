#include "actors/peer_selector/block.hpp"

#include <algorithm>

namespace quarry::peer_selector {
namespace {
constexpr int kMaxDoublings = 16;
}

int Block::weight(Time now) const {
  const auto days =
      std::chrono::duration_cast<std::chrono::hours>(now - last_offence_).count() / 24;
  return offences_ == 0 || days > kMaxDoublings ? 0 : offences_ >> days;
}

Duration Block::sentence(Time now, Duration first, Duration most) const {
  const int doublings = std::min(weight(now), kMaxDoublings);
  return first > most / (1 << doublings) ? most : first * (1 << doublings);
}

bool Block::offended(Time sent, Time now, Duration first, Duration most) {
  if (sent <= since_) return false;
  const Duration duration = sentence(now, first, most);
  offences_ = std::min(weight(now) + 1, kMaxDoublings);
  last_offence_ = now;
  since_ = now;
  until_ = std::max(until_, now + duration);
  return true;
}

void Block::ordered(Duration duration, Time now) {
  until_ = duration > kNever - now ? kNever : now + duration;
}

}  // namespace quarry::peer_selector
