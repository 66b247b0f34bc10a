// The numbers of the policy that no operator sets: what won in all scenarios of the bench together
// (docs/selection.md has the sweep). Each stands here once, with its reason.
#pragma once

#include <cstddef>

#include "msg/time.hpp"

namespace quarry::peer_selector {

struct Tuning {
  // Of many peers so many are weighed up: more find nearer ones, and since what is in flight
  // counts, nodes do not run to the same few.
  std::size_t sample = 8;
  // A score that fell could never recover if its peer were never asked. Any peer weighed up is
  // asked now and then, the less often the worse it is: it costs this part of the time at most.
  double explore = 0.02;
  // A newcomer is asked at once, one request at a time, until it is measured.
  bool probes = true;
  // Nobody gets more than half of the last picks while there are others.
  bool share_cap = true;
  // A slower sample draws the latency up by this part of the difference: answers vary, and one slow
  // one says little of a peer. A faster one draws it down to a third of the way within this time.
  double latency_rise = 0.1;
  Duration latency_tau = std::chrono::seconds(10);
  // What one sample weighs in the rate and in how often a peer fails.
  double rate_weight = 0.25;
  double failure_weight = 0.1;
  // A timeout is the smoothed round trip, so many deviations, and so many times the transfer.
  double deviations = 4;
  double transfers = 2;
  // Hedges earn their budget: all of it where the one part of them answers first, nothing where
  // only the other does. Where our own line or all peers are full they hardly ever win, and add to
  // what is full.
  double hedges_won = 0.15;
  double hedges_lost = 0.05;
  // Where the median answer takes so many times the usual, everybody is slow: no hedges at all.
  double strained = 1.15;
};

}  // namespace quarry::peer_selector
