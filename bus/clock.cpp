#include "bus/clock.hpp"

#include <sys/random.h>

#include <ctime>

#include "msg/check.hpp"

namespace quarry::bus {
namespace {

std::int64_t wall_offset = 0;

std::int64_t read_clock(clockid_t clock) {
  timespec t{};
  QUARRY_CHECK(clock_gettime(clock, &t) == 0);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

Time now() { return Time(Duration(read_clock(CLOCK_MONOTONIC))); }

std::int64_t wall_seconds() { return read_clock(CLOCK_REALTIME) / 1'000'000'000 + wall_offset; }

void set_wall_offset(std::int64_t seconds) { wall_offset = seconds; }

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  QUARRY_CHECK(getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

}  // namespace quarry::bus
