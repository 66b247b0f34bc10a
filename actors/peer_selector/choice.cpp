#include "actors/peer_selector/choice.hpp"

namespace quarry::peer_selector {

double Choice::cost(const Candidate& candidate, std::uint64_t bytes, const Pool& pool) {
  const Score& score = *candidate.score;
  const double alone =
      score.latency_us(pool) + static_cast<double>(bytes) / score.bytes_per_us(pool);
  return alone * (candidate.in_flight + 1) / (1 - score.failure());
}

void Choice::add(const Candidate& candidate) {
  if (candidate.score == nullptr) return;
  for (std::size_t i = 0; i < found_; ++i) {
    if (sample_[i].index == candidate.index) return;
  }
  sample_[found_++] = candidate;
}

std::size_t Choice::best(std::uint64_t bytes, const Pool& pool) {
  if (found_ == 1) return sample_[0].index;
  // Looked at from a random place on, so that equals are picked equally.
  const std::size_t start = random_.below(found_);
  if (random_.unit() < kExplore) return sample_[start].index;
  std::size_t chosen = start;
  double least = 0;
  for (std::size_t i = 0; i < found_; ++i) {
    const std::size_t at = (start + i) % found_;
    if (!sample_[at].score->measured() && sample_[at].in_flight == 0) return sample_[at].index;
    const double here = cost(sample_[at], bytes, pool);
    if (i == 0 || here < least) {
      chosen = at;
      least = here;
    }
  }
  return sample_[chosen].index;
}

}  // namespace quarry::peer_selector
