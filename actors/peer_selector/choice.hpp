// Whom to ask, among those who may be asked: of a sample the one of least cost = (latency + bytes /
// rate) x (in flight + 1) / (1 - failure). Ties fall at random. An unmeasured peer that has nothing
// out is asked first, once at a time; now and then another is, else a score that fell could never
// recover; and nobody gets more than half of the last picks while there are others. Knows no peers,
// only candidates.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "actors/peer_selector/random.hpp"
#include "actors/peer_selector/scores.hpp"
#include "msg/words.hpp"

namespace quarry::peer_selector {

struct Candidate {
  std::size_t index = 0;  // as the caller numbers them
  std::uint32_t in_flight = 0;
  const Score* score = nullptr;
  std::uint32_t id = 0;  // the same in every choice
  double cost_us = 0;    // filled in by the choice
};

class Choice {
 public:
  // Up to so many are all weighed up; of more, a sample.
  static constexpr std::size_t kAskAllUpTo = 8;
  // Nobody gets more than half of the last so many picks while at least so many can be asked: one
  // who answers fast at first, and then stalls or lies, holds up no more than that.
  static constexpr std::size_t kShareWindow = 32;
  static constexpr std::size_t kShareFrom = 4;

  explicit Choice(std::uint64_t seed, const Tuning& tuning = {}) : tuning_(tuning), random_(seed) {
    recent_.fill(UINT32_MAX);
  }

  struct Picked {
    std::size_t index;
    Why why;
  };
  // Picks an index below `count`. `candidate(index)` gives the Candidate, or one without a score
  // where that peer may not be asked. Nobody: nullopt, only after all were looked at.
  template <class CandidateAt>
  std::optional<Picked> pick(std::size_t count, std::uint64_t bytes, const Pool& pool,
                             CandidateAt candidate) {
    found_ = 0;
    if (count > kAskAllUpTo) {
      for (std::size_t draw = 0; draw < 3 * tuning_.sample && found_ < tuning_.sample; ++draw) {
        add(candidate(random_.below(count)));
      }
    }
    if (count <= kAskAllUpTo || found_ == 0) look_at_all(count, candidate);
    if (found_ == 0) return std::nullopt;
    return best(bytes, pool, count);
  }
  // Those among whom the last pick fell; none after forget().
  void forget() { found_ = 0; }
  std::span<const Candidate> considered() const { return {sample_.data(), found_}; }

  static double cost(const Candidate& candidate, std::uint64_t bytes, const Pool& pool);

 private:
  template <class CandidateAt>
  void look_at_all(std::size_t count, CandidateAt candidate) {
    if (count == 0) return;
    const std::size_t most = count <= kAskAllUpTo ? kAskAllUpTo : tuning_.sample;
    const std::size_t start = random_.below(count);
    for (std::size_t i = 0; i < count && found_ < most; ++i) add(candidate((start + i) % count));
  }
  void add(const Candidate& candidate);
  Picked best(std::uint64_t bytes, const Pool& pool, std::size_t count);
  std::pair<std::size_t, Why> weigh();
  bool has_its_share(const Candidate& candidate) const;

  Tuning tuning_;
  Random random_;
  std::array<Candidate, kAskAllUpTo> sample_{};
  std::size_t found_ = 0;
  std::array<std::uint32_t, kShareWindow> recent_{};  // ids of the last picks
  std::size_t recent_at_ = 0;
};

}  // namespace quarry::peer_selector
