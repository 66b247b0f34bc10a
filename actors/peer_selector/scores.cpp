#include "actors/peer_selector/scores.hpp"

#include <algorithm>
#include <cmath>

namespace quarry::peer_selector {
namespace {

constexpr double kFailureCap = 0.9;
// Three doublings: from the least timeout to beyond the usual most.
constexpr int kMaxDoublings = 3;

double to_us(Duration d) { return std::max(1.0, static_cast<double>(d.count()) / 1e3); }
Duration from_us(double us) { return Duration(static_cast<std::int64_t>(us * 1e3)); }

}  // namespace

void Score::accepted(Duration elapsed, std::uint64_t bytes, Time now) {
  unresolved(elapsed, now);
  const double rate = static_cast<double>(bytes) / to_us(elapsed);
  bytes_per_us_ = bytes_per_us_ > 0 ? bytes_per_us_ + tuning_.rate_weight * (rate - bytes_per_us_)
                                    : std::max(rate, 1e-6);
  failure_ *= 1 - tuning_.failure_weight;
}

void Score::unresolved(Duration elapsed, Time now) {
  latency_sample(to_us(elapsed), now);
  round_trip_sample(to_us(elapsed));
  timeouts_in_a_row_ = 0;
}

void Score::no_data(Duration elapsed, Time now) {
  unresolved(elapsed, now);
  failed(0.5);
}

void Score::timed_out(Duration elapsed, Time now) {
  overtaken(elapsed, now);
  timeouts_in_a_row_ = std::min(timeouts_in_a_row_ + 1, kMaxDoublings);
  failed(1);
}

void Score::overtaken(Duration elapsed, Time now) {
  if (to_us(elapsed) < latency_us_) return;
  latency_us_ = to_us(elapsed);
  latency_at_ = now;
}

void Score::refused() { failed(0.5); }

Score::Kept Score::kept(Time now) const {
  if (!measured()) return {};
  return {latency_us_, bytes_per_us_, failure_, srtt_us_, rttvar_us_, now - latency_at_};
}

// The older it is, the more the next answer counts.
void Score::recall(const Kept& kept, Time now) {
  latency_us_ = kept.latency_us;
  bytes_per_us_ = kept.bytes_per_us;
  failure_ = kept.failure;
  srtt_us_ = kept.srtt_us;
  rttvar_us_ = kept.rttvar_us;
  latency_at_ = now - kept.age;
}

double Score::failure() const { return std::min(failure_, kFailureCap); }

Duration Score::timeout(std::uint64_t bytes, const TimeoutBounds& bounds) const {
  if (srtt_us_ == 0)
    return std::clamp(bounds.first * (1 << timeouts_in_a_row_), bounds.least,
                      std::max(bounds.first, bounds.most));
  const double transfer_us =
      bytes_per_us_ > 0 ? tuning_.transfers * static_cast<double>(bytes) / bytes_per_us_ : 0;
  const double us =
      (srtt_us_ + tuning_.deviations * rttvar_us_ + transfer_us) * (1 << timeouts_in_a_row_);
  // Compared as numbers first: a slow peer's estimate may be beyond what a Duration holds.
  return us > to_us(bounds.most) ? bounds.most : std::max(from_us(us), bounds.least);
}

void Score::latency_sample(double us, Time now) {
  if (us >= latency_us_) {
    latency_us_ = latency_us_ == 0 ? us : latency_us_ + tuning_.latency_rise * (us - latency_us_);
  } else {
    const double keep = std::exp(-to_us(now - latency_at_) / to_us(tuning_.latency_tau));
    latency_us_ = latency_us_ * keep + us * (1 - keep);
  }
  latency_at_ = now;
}

void Score::round_trip_sample(double us) {
  if (srtt_us_ == 0) {
    srtt_us_ = us;
    rttvar_us_ = us / 2;
    return;
  }
  rttvar_us_ += 0.25 * (std::abs(us - srtt_us_) - rttvar_us_);
  srtt_us_ += 0.125 * (us - srtt_us_);
}

void Score::failed(double weight) { failure_ += tuning_.failure_weight * weight * (1 - failure_); }

}  // namespace quarry::peer_selector
