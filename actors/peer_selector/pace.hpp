// A token bucket: so many a second, with a burst of a tenth of a second's worth.
#pragma once

#include <algorithm>

#include "msg/time.hpp"

namespace quarry::peer_selector {

class Pace {
 public:
  Pace(double per_second, Time now)
      : per_second_(per_second),
        burst_(std::max(1.0, per_second / 10)),
        tokens_(burst_),
        at_(now) {}
  bool ready(Time now) {
    if (now > at_) {
      const double seconds = std::chrono::duration<double>(now - at_).count();
      tokens_ = std::min(burst_, tokens_ + seconds * per_second_);
      at_ = now;
    }
    return tokens_ >= 1;
  }
  // Requires ready(now). What came until now counts as had: beyond the burst it is gone.
  void take(Time now) {
    ready(now);
    tokens_ -= 1;
  }
  // When ready() will be true.
  Time next() const {
    if (tokens_ >= 1) return at_;
    // One nanosecond more, so that rounding never leaves the token a hair short.
    return at_ + Duration(1 + static_cast<std::int64_t>((1 - tokens_) / per_second_ * 1e9));
  }

 private:
  double per_second_, burst_, tokens_;
  Time at_;
};

}  // namespace quarry::peer_selector
