// The policies that are compared: ours, which is the PeerSelector's own core as the node runs it,
// and four that others use.
#pragma once

#include "actors/peer_selector/config.hpp"
#include "tests/bench/selection/world.hpp"

namespace quarry::bench {

struct Policy {
  std::string name;
  MakeClient make;
};

// best_average: always the peer with the best average so far, which halves with each sample.
// weighted_draw: a draw in proportion to useful bytes per charged second (both halve with each
// sample), with probability 4 / (r + 4) at the r-th retry, else a uniform one. uniform. least_busy:
// the fewest of our own requests out. All of them give a request two seconds.
Policy simple(const std::string& name);
Policy ours(const std::string& name, const peer_selector::Config& config);

}  // namespace quarry::bench
