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

Choice::Picked Choice::best(std::uint64_t bytes, const Pool& pool, std::size_t count) {
  for (std::size_t i = 0; i < found_; ++i) sample_[i].cost_us = cost(sample_[i], bytes, pool);
  auto [chosen, why] = weigh();
  if (tuning_.share_cap && found_ > 1 && count >= kShareFrom && has_its_share(sample_[chosen])) {
    // The best of the others.
    std::size_t other = chosen == 0 ? 1 : 0;
    for (std::size_t i = 0; i < found_; ++i) {
      if (i != chosen && sample_[i].cost_us < sample_[other].cost_us) other = i;
    }
    chosen = other;
  }
  recent_[recent_at_] = sample_[chosen].id;
  recent_at_ = (recent_at_ + 1) % kShareWindow;
  return {sample_[chosen].index, why};
}

std::pair<std::size_t, Why> Choice::weigh() {
  if (found_ == 1) return {0, Why::only};
  // Looked at from a random place on, so that equals are picked equally.
  const std::size_t start = random_.below(found_);
  std::size_t chosen = start;
  for (std::size_t i = 0; i < found_; ++i) {
    const std::size_t at = (start + i) % found_;
    const bool new_here = !sample_[at].score->measured() && sample_[at].in_flight == 0;
    if (new_here && tuning_.probes) return {at, Why::newcomer};
    if (sample_[at].cost_us < sample_[chosen].cost_us) chosen = at;
  }
  if (random_.unit() * sample_[start].cost_us < tuning_.explore * sample_[chosen].cost_us) {
    return {start, Why::explored};
  }
  return {chosen, Why::cheapest};
}

bool Choice::has_its_share(const Candidate& candidate) const {
  return std::ranges::count(recent_, candidate.id) >= static_cast<std::ptrdiff_t>(kShareWindow / 2);
}

}  // namespace quarry::peer_selector
