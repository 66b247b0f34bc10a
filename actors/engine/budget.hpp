// A number of slots and of bytes that may be in use at one time. Only counts; decides nothing.
#pragma once

#include <cstdint>

#include "msg/check.hpp"

namespace quarry::engine {

struct Held {
  std::uint32_t slots = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const Held&, const Held&) = default;
};

class Budget {
 public:
  Budget(std::uint32_t slots, std::uint64_t bytes) : most_{slots, bytes} {}

  // Whatever its size, one always fits into an empty budget.
  bool fits(std::uint64_t bytes) const {
    return held_.slots == 0 || (held_.slots < most_.slots && held_.bytes + bytes <= most_.bytes);
  }
  void take(std::uint64_t bytes) {
    held_.slots += 1;
    held_.bytes += bytes;
  }
  void give(std::uint64_t bytes) {
    QUARRY_CHECK(held_.slots > 0 && held_.bytes >= bytes);
    held_.slots -= 1;
    held_.bytes -= bytes;
  }
  const Held& held() const { return held_; }
  Held left() const {
    return {held_.slots < most_.slots ? most_.slots - held_.slots : 0,
            held_.bytes < most_.bytes ? most_.bytes - held_.bytes : 0};
  }

 private:
  Held most_;
  Held held_;
};

}  // namespace quarry::engine
