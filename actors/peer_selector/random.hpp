// Chance, as the core knows it: a seeded generator, so that a simulation replays. Not for secrets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "msg/check.hpp"

namespace quarry::peer_selector {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  // SplitMix64: one addition and three mixing steps, every seed is a good one.
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // Below `bound`, which is above 0.
  std::size_t below(std::size_t bound) {
    QUARRY_CHECK(bound > 0);
    return static_cast<std::size_t>(next() % bound);
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  // In [1 - spread, 1 + spread).
  double around_one(double spread) { return 1 - spread + 2 * spread * unit(); }

 private:
  std::uint64_t state_;
};

}  // namespace quarry::peer_selector
