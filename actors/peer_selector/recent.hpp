// The last N durations of something, and their quantiles. Sorted only when a quantile is asked for,
// and then only so far as that needs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "msg/time.hpp"

namespace quarry::peer_selector {

template <std::size_t N>
class Recent {
 public:
  void add(Duration duration) {
    const auto us = duration / std::chrono::microseconds(1);
    last_[count_++ % N] = static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 1, UINT32_MAX));
  }
  std::uint64_t count() const { return count_; }  // ever
  // Zero where there is none.
  Duration quantile(double q) const {
    const std::size_t size = std::min<std::uint64_t>(count_, N);
    if (size == 0) return Duration::zero();
    std::array<std::uint32_t, N> sorted = last_;
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(size - 1));
    std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(size));
    return std::chrono::microseconds(*at);
  }

 private:
  std::array<std::uint32_t, N> last_{};  // microseconds
  std::uint64_t count_ = 0;
};

}  // namespace quarry::peer_selector
