// When a second peer may be asked beside a slow one, and how often (N3). A hedge is a bet against
// the slow tail: taken where an answer takes longer than nearly all of its class do, and paid
// from a budget that only asks fill, so that it can never add more than a fixed part to the load.
#pragma once

#include <algorithm>
#include <array>

#include "actors/peer_selector/config.hpp"
#include "actors/peer_selector/recent.hpp"
#include "msg/words.hpp"

namespace quarry::peer_selector {

class Hedging {
 public:
  // After so many answers of a class its quantile means something.
  static constexpr std::uint64_t kLeastSamples = 50;
  // The quantile is taken anew after so many answers: it moves slowly, and sorting costs.
  static constexpr std::uint64_t kRefreshAfter = 32;

  // Where the median itself is above what is usual, it is not this peer that is slow but everybody,
  // or our own line, and more requests are the last thing that helps. To be known soon: it is of
  // few answers, and looked at often. What is usual follows with these parts of the difference each
  // time.
  static constexpr std::uint64_t kLookAfter = 8;
  static constexpr double kRise = 0.01, kFall = 0.2;
  // What the end of one hedge weighs in how often they win: the last twenty count.
  static constexpr double kOutcome = 0.05;

  explicit Hedging(const Config& config)
      : tokens_(config.hedge_burst), won_(config.tuning.hedges_won) {}

  // A fetch of this class was answered so long after its round began.
  void answered(Class of, Duration elapsed, const Config& config) {
    One& one = classes_[at(of)];
    one.answers.add(elapsed);
    one.last.add(elapsed);
    const std::uint64_t count = one.answers.count();
    if (count % kRefreshAfter == 0 || count == kLeastSamples) {
      one.quantile = one.answers.quantile(config.hedge_quantile);
    }
    if (count % kLookAfter != 0) return;
    const Duration median = one.last.quantile(0.5);
    if (one.usual == Duration::zero()) one.usual = median;
    one.usual += Duration(static_cast<std::int64_t>(
        static_cast<double>((median - one.usual).count()) * (median > one.usual ? kRise : kFall)));
    one.strained = static_cast<double>(median.count()) >
                   config.tuning.strained * static_cast<double>(one.usual.count());
  }
  // A request went out that is no hedge.
  void asked(const Config& config) {
    const Tuning& tuning = config.tuning;
    const double worth = std::clamp(
        (won_ - tuning.hedges_lost) / (tuning.hedges_won - tuning.hedges_lost), 0.0, 1.0);
    tokens_ = std::min(config.hedge_burst, tokens_ + worth * config.hedge_budget);
  }
  // Which answered first, the hedge or the one that was slow.
  void ended(bool won) { won_ += kOutcome * ((won ? 1 : 0) - won_); }
  // How long after the request a second one is worth its cost; kLong where none is.
  static constexpr Duration kLong = std::chrono::hours(1);
  Duration after(Class of, Duration timeout, const Config& config) const {
    const One& one = classes_[at(of)];
    const bool known = one.answers.count() >= kLeastSamples;
    if (config.hedge_budget <= 0 || !known || one.strained) return kLong;
    return std::min({one.quantile, config.hedge_at_most, timeout / 4});
  }
  bool affordable() const { return tokens_ >= 1; }
  // Requires affordable().
  void take() { tokens_ -= 1; }

 private:
  struct One {
    Recent<256> answers;
    Recent<64> last;
    Duration quantile{};
    Duration usual{};       // of the median; follows it slowly upwards, quickly down
    bool strained = false;  // everybody is much slower than usual
  };
  static std::size_t at(Class of) { return static_cast<std::size_t>(of) - 1; }
  std::array<One, 3> classes_;
  double tokens_;
  double won_;  // the part that did
};

}  // namespace quarry::peer_selector
