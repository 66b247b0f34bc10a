// Whom to ask, among those who may be asked: all of a few, else a sample, and of these the one of
// least cost = (latency + bytes / rate) x (in flight + 1) / (1 - failure). Ties fall at random. An
// unmeasured peer that has nothing out is asked first, once at a time; and now and then the choice
// is uniform, else a score that fell could never recover. Knows no peers, only candidates.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "actors/peer_selector/random.hpp"
#include "actors/peer_selector/scores.hpp"

namespace quarry::peer_selector {

struct Candidate {
  std::size_t index = 0;  // as the caller numbers them
  std::uint32_t in_flight = 0;
  const Score* score = nullptr;
};

class Choice {
 public:
  static constexpr std::size_t kAskAllUpTo = 8;
  static constexpr std::size_t kSample = 4;
  static constexpr double kExplore = 0.05;

  explicit Choice(std::uint64_t seed) : random_(seed) {}

  // Picks an index below `count`. `candidate(index)` gives the Candidate, or one without a score
  // where that peer may not be asked. Nobody: nullopt, only after all were looked at.
  template <class CandidateAt>
  std::optional<std::size_t> pick(std::size_t count, std::uint64_t bytes, const Pool& pool,
                                  CandidateAt candidate) {
    found_ = 0;
    if (count > kAskAllUpTo) {
      for (std::size_t draw = 0; draw < 3 * kSample && found_ < kSample; ++draw) {
        add(candidate(random_.below(count)));
      }
    }
    if (count <= kAskAllUpTo || found_ == 0) look_at_all(count, candidate);
    if (found_ == 0) return std::nullopt;
    return best(bytes, pool);
  }

  static double cost(const Candidate& candidate, std::uint64_t bytes, const Pool& pool);

 private:
  template <class CandidateAt>
  void look_at_all(std::size_t count, CandidateAt candidate) {
    if (count == 0) return;
    const std::size_t most = count <= kAskAllUpTo ? kAskAllUpTo : kSample;
    const std::size_t start = random_.below(count);
    for (std::size_t i = 0; i < count && found_ < most; ++i) add(candidate((start + i) % count));
  }
  void add(const Candidate& candidate);
  std::size_t best(std::uint64_t bytes, const Pool& pool);

  Random random_;
  std::array<Candidate, kAskAllUpTo> sample_{};
  std::size_t found_ = 0;
};

}  // namespace quarry::peer_selector
