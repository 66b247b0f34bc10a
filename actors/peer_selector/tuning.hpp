// The numbers of the policy that no operator sets. Each stands here once, with its reason; none has
// been swept yet.
#pragma once

#include <cstddef>

#include "msg/time.hpp"

namespace quarry::peer_selector {

struct Tuning {
  // Of many peers so many are weighed up. Two are too few when half of the peers are slow; more
  // make all nodes run to the same few.
  std::size_t sample = 4;
  // This part of the choices is uniform, else a score that fell could never recover.
  double explore = 0.05;
  // A newcomer is asked at once, one request at a time, until it is measured.
  bool probes = true;
  // Nobody gets more than half of the last picks while there are others.
  bool share_cap = true;
  // A faster sample draws the latency down to a third of the way within this time.
  Duration latency_tau = std::chrono::seconds(10);
  // What one sample weighs in the rate and in how often a peer fails.
  double rate_weight = 0.25;
  double failure_weight = 0.1;
  // A timeout is the smoothed round trip, so many deviations, and so many times the transfer.
  double deviations = 4;
  double transfers = 2;
};

}  // namespace quarry::peer_selector
