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

Block::Kept Block::kept(Time now) const {
  const Duration left = !holds(now)        ? Duration::zero()
                        : until_ == kNever ? Duration::max()
                                           : until_ - now;
  return {left, weight(now), weight(now) > 0 ? now - last_offence_ : Duration::zero()};
}

void Block::recall(const Kept& kept, Time now) {
  if (kept.left > Duration::zero()) ordered(kept.left, now);
  // The days that have passed are taken off already.
  offences_ = std::min(kept.offences, kMaxDoublings);
  last_offence_ = now - kept.age % std::chrono::hours(24);
  since_ = now;
}

}  // namespace quarry::peer_selector
