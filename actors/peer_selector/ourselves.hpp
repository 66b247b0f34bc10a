// Is it the peers that are silent, or is it us (N2)? Where many time out together, the fault is
// most likely in our own line: then nobody is charged, and timeouts double until answers come.
// Keeps what a score was before a timeout, to give it back. Charges nobody itself.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/peer_selector/scores.hpp"

namespace quarry::peer_selector {

class Ourselves {
 public:
  // Together means within one round trip of most of the pool, and within these bounds.
  static constexpr Duration kLeastWindow = std::chrono::milliseconds(50);
  static constexpr Duration kMostWindow = std::chrono::milliseconds(500);
  // Fewer than three peers prove nothing: two may well be down.
  static constexpr std::size_t kLeastPeers = 3;
  // Timeouts grow to four times at most, or a dead network would never be noticed.
  static constexpr double kMostFactor = 4;
  static constexpr double kRecovery = 0.85;

  struct Suspect {
    std::uint32_t peer;
    Time at;
    Score before;
    Time aside_until;
    int setbacks;
  };

  // A peer is about to be charged with a timeout. What it was before the first one is kept.
  void suspect(Suspect suspect, Duration window) {
    std::erase_if(suspects_, [&](const Suspect& it) { return it.at + window < suspect.at; });
    const bool known =
        std::ranges::any_of(suspects_, [&](const Suspect& it) { return it.peer == suspect.peer; });
    if (!known) suspects_.push_back(suspect);
  }
  // How many different peers timed out within the window.
  std::size_t suspects() const { return suspects_.size(); }
  // It is us. Those who are to get back what they had; until the window is over nobody is charged.
  std::vector<Suspect> acquit(Time now, Duration window) {
    factor_ = std::min(factor_ * 2, kMostFactor);
    until_ = now + window;
    return std::exchange(suspects_, {});
  }
  bool known_to_be_us(Time now) const { return now < until_; }
  void answered() { factor_ = std::max(1.0, factor_ * kRecovery); }
  double factor() const { return factor_; }

 private:
  std::vector<Suspect> suspects_;
  Time until_{Time::min()};
  double factor_ = 1;
};

}  // namespace quarry::peer_selector
