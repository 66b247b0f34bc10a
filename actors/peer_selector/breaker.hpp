// Who was found lying lately, and whether that can be true (N5). Where many turn liars at once it
// is the verifier that is broken: then nobody is blocked any more, and those who just were are
// given back what they had. Blocks nobody itself.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/peer_selector/block.hpp"

namespace quarry::peer_selector {

class Breaker {
 public:
  // Liars found within this time are found together: a broken verifier needs seconds to disagree
  // with everybody, honest liars come one by one.
  static constexpr Duration kWindow = std::chrono::seconds(60);
  static constexpr std::size_t kLeastPeers = 3;

  struct Liar {
    std::uint32_t peer;
    Time at;
    Block before;
  };

  // Its value was judged invalid.
  void found(std::uint32_t peer, const Block& before, Time now) {
    std::erase_if(liars_, [&](const Liar& it) { return it.at + kWindow < now; });
    const bool known = std::ranges::any_of(liars_, [&](const Liar& it) { return it.peer == peer; });
    if (!known) liars_.push_back({peer, now, before});
    if (open(now)) open_until_ = now + kWindow;
  }
  // Whether so many cannot all be liars, of so many that were asked.
  bool incredible(std::size_t asked) const {
    return liars_.size() >= kLeastPeers && liars_.size() * 3 >= asked;
  }
  // Stops blocking until a window has passed without a further one. Those who are to be acquitted.
  std::vector<Liar> trip(Time now) {
    open_until_ = now + kWindow;
    return std::exchange(liars_, {});
  }
  bool open(Time now) const { return now < open_until_; }

 private:
  std::vector<Liar> liars_;
  Time open_until_{Time::min()};
};

}  // namespace quarry::peer_selector
