// How long things took: how many took up to each of some times, which are the same everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "msg/time.hpp"

namespace quarry {

class Histogram {
 public:
  // Microseconds: from a value that is at hand, to what nobody had for long.
  static constexpr std::array<std::uint32_t, 16> kUpTo = {
      100,    250,     500,     1'000,   2'500,     5'000,     10'000,     25'000,
      50'000, 100'000, 250'000, 500'000, 1'000'000, 5'000'000, 30'000'000, 300'000'000};

  void add(Duration took) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
    sum_us_ += static_cast<std::uint64_t>(us);
    ++count_;
    for (std::size_t i = 0; i < kUpTo.size(); ++i) {
      if (us > kUpTo[i]) continue;
      ++counts_[i];
      break;
    }
  }

  // Says it as counters: NAME_us_le_N (so many took up to N), NAME_us_count, NAME_us_sum.
  template <class Say>
  void tell(std::string_view name, Say say) const {
    const std::string prefix = std::string(name) + "_us_";
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < kUpTo.size(); ++i) {
      so_far += counts_[i];
      say(prefix + "le_" + std::to_string(kUpTo[i]), so_far);
    }
    say(prefix + "count", count_);
    say(prefix + "sum", sum_us_);
  }

 private:
  std::array<std::uint64_t, kUpTo.size()> counts_{};  // of each step alone
  std::uint64_t count_ = 0, sum_us_ = 0;
};

}  // namespace quarry
