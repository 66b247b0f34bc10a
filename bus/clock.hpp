// The only clock of quarry.
#pragma once

#include "msg/time.hpp"

namespace quarry::bus {

// CLOCK_MONOTONIC.
Time now();
// Seconds since 1970; only for what is written to disk or shown to people.
std::int64_t wall_seconds();
// Has wall_seconds() be off by so many, for tests of nodes whose clocks disagree. Before any thread
// reads it.
void set_wall_offset(std::int64_t seconds);
// From getrandom(); seeds the generators of cores, and ids that a peer sees.
std::uint64_t random_u64();

}  // namespace quarry::bus
