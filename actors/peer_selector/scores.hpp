// What is known of a peer's performance, and of the pool's. A Score never decides anything: the
// choice of a peer is choice.hpp's, its exclusion peers.hpp's.
//
// Latency is an average that rises with each slower sample and falls over ten seconds; time in
// which no answer came replaces it at once. Samples are taken when an answer arrives and counted
// once its outcome is known (R11). Times are float microseconds, so that peers under a millisecond
// differ.
#pragma once

#include <cstdint>

#include "actors/peer_selector/tuning.hpp"
#include "msg/time.hpp"

namespace quarry::peer_selector {

// What stands in for what a newcomer has not shown yet: the medians of the measured peers.
struct Pool {
  double latency_us = 50'000;  // of nobody: a far but not a dead peer
  double bytes_per_us = 10;    // 10 MB/s
  double p95_us = 0;           // of all their answers; 0: of nobody
};

class Score {
 public:
  explicit Score(const Tuning& tuning = {}) : tuning_(tuning) {}
  // The value was right and wanted.
  void accepted(Duration elapsed, std::uint64_t bytes, Time now);
  // The value was right and helped nobody: only its latency counts.
  void unresolved(Duration elapsed, Time now);
  // An honest "no": its latency, and half a failure.
  void no_data(Duration elapsed, Time now);
  // Silence, or what is no better.
  void timed_out(Duration elapsed, Time now);
  void refused();
  // Another was faster, and it has taken so long: counts where that is worse than its estimate.
  void overtaken(Duration elapsed, Time now);

  // Whether a latency was ever seen.
  bool measured() const { return latency_us_ > 0; }
  double latency_us(const Pool& pool) const { return measured() ? latency_us_ : pool.latency_us; }
  double bytes_per_us(const Pool& pool) const {
    return bytes_per_us_ > 0 ? bytes_per_us_ : pool.bytes_per_us;
  }
  // Smoothed, and capped below 1: a cost divided by 1 - failure stays finite.
  double failure() const;
  // In microseconds and bytes per second; 0 while not measured.
  double measured_latency_us() const { return latency_us_; }
  double measured_bytes_per_us() const { return bytes_per_us_; }

  // What is kept over a restart, and how long ago it was learnt.
  struct Kept {
    double latency_us = 0, bytes_per_us = 0, failure = 0, srtt_us = 0, rttvar_us = 0;
    Duration age{};
    friend bool operator==(const Kept&, const Kept&) = default;
  };
  Kept kept(Time now) const;
  void recall(const Kept& kept, Time now);

  struct TimeoutBounds {
    Duration first, least, most;
  };
  // How long a value of about this size may take (N2).
  Duration timeout(std::uint64_t bytes, const TimeoutBounds& bounds) const;

 private:
  void latency_sample(double us, Time now);
  void round_trip_sample(double us);
  void failed(double weight);

  Tuning tuning_;
  double latency_us_ = 0;
  Time latency_at_{};
  double bytes_per_us_ = 0;
  double failure_ = 0;
  double srtt_us_ = 0;
  double rttvar_us_ = 0;
  int timeouts_in_a_row_ = 0;
};

}  // namespace quarry::peer_selector
