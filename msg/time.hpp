// Time as the cores know it: a number that comes in with each event. Only bus/ reads a clock.
#pragma once

#include <chrono>

namespace quarry {

struct MonotonicTime {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicTime>;
  static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using Time = MonotonicTime::time_point;

// "No deadline": later than anything.
inline constexpr Time kNever = Time::max();

}  // namespace quarry
