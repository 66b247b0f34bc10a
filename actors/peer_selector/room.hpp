// The room that the Engine granted for answers (N8), and how much of it one ask should reserve.
// A request takes a slot and the bytes it reserves; what is neither in hand nor lent out is gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "actors/peer_selector/limits.hpp"
#include "msg/check.hpp"
#include "msg/link.hpp"

namespace quarry::peer_selector {

class Room {
 public:
  void granted(const link::Room& room) {
    slots_ += room.slots;
    bytes_ += room.bytes;
    // What the Engine gives back had been lent; what is held for another life counts as lent.
    lent_slots_ += room.held_slots - std::min<std::uint64_t>(lent_slots_, room.slots);
    lent_bytes_ += room.held_bytes - std::min(lent_bytes_, room.bytes);
  }
  bool fits(std::uint64_t bytes) const { return slots_ > 0 && bytes_ >= bytes; }
  // Requires fits(bytes).
  void take(std::uint64_t bytes) {
    QUARRY_CHECK(fits(bytes));
    --slots_;
    bytes_ -= bytes;
    ++lent_slots_;
    lent_bytes_ += bytes;
  }
  // A request is over that held so much.
  void give_back(std::uint64_t bytes) {
    QUARRY_CHECK(lent_slots_ > 0);
    ++slots_;
    --lent_slots_;
    give_back_bytes(bytes);
  }
  // An answer was smaller than what was reserved for it.
  void give_back_bytes(std::uint64_t bytes) {
    QUARRY_CHECK(lent_bytes_ >= bytes);
    bytes_ += bytes;
    lent_bytes_ -= bytes;
  }
  // Nothing is lent: if something does not fit now, it never will.
  bool whole() const { return lent_slots_ == 0; }
  std::uint64_t lent_slots() const { return lent_slots_; }
  std::uint64_t lent_bytes() const { return lent_bytes_; }
  std::uint64_t slots() const { return slots_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::uint64_t slots_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t lent_slots_ = 0;
  std::uint64_t lent_bytes_ = 0;
};

// How large values are here: twice the largest of the last ones accepted.
class ExpectedSize {
 public:
  explicit ExpectedSize(std::uint32_t max_value) : max_value_(max_value) {}
  void accepted(std::size_t bytes) {
    const auto size = static_cast<double>(bytes);
    typical_ = seen_ == 0 && !before_ ? size : typical_ + (size - typical_) / 8;
    window_ = std::max(window_, bytes);
    if (++seen_ < limits::kRoomWindow) return;
    last_window_ = std::exchange(window_, 0);
    before_ = true;
    seen_ = 0;
  }
  // What an ask reserves.
  std::uint32_t room() const {
    std::uint64_t room = 2 * static_cast<std::uint64_t>(std::max(window_, last_window_));
    if (!before_) room = std::max<std::uint64_t>(room, limits::kFirstRoom);
    room = std::max<std::uint64_t>(room, limits::kMinRoom);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(room, max_value_));
  }
  // What an answer is likely to be.
  std::uint64_t typical() const { return static_cast<std::uint64_t>(typical_); }

 private:
  std::uint32_t max_value_;
  double typical_ = 1024;
  std::size_t window_ = 0;
  std::size_t last_window_ = 0;
  int seen_ = 0;
  bool before_ = false;
};

}  // namespace quarry::peer_selector
