// Short byte strings: keys, tags, prefixes. Up to 255 bytes; the first Inline of them live in the
// object itself, so a table of millions needs no second allocation for the usual lengths.
// Never grows after it is made.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "msg/check.hpp"

namespace quarry {

using ByteView = std::span<const std::byte>;

inline ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <std::size_t Inline>
class ShortBytes {
  static_assert(Inline >= sizeof(std::byte*));

 public:
  static constexpr std::size_t kMaxSize = 255;

  ShortBytes() = default;
  explicit ShortBytes(ByteView bytes) { assign(bytes); }
  explicit ShortBytes(std::string_view text) : ShortBytes(bytes_of(text)) {}
  // What lies in the object is copied with it, in one piece: the usual case is to cost no branch.
  ShortBytes(const ShortBytes& other) : size_(other.size_), place_(other.place_) {
    if (on_heap()) assign(other.view());
  }
  ShortBytes(ShortBytes&& other) noexcept
      : size_(std::exchange(other.size_, std::uint8_t{0})), place_(other.place_) {}
  ShortBytes& operator=(const ShortBytes& other) {
    if (on_heap() || other.on_heap()) return *this = ShortBytes(other);
    size_ = other.size_;
    place_ = other.place_;
    return *this;
  }
  ShortBytes& operator=(ShortBytes&& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(place_, other.place_);
    return *this;
  }
  ~ShortBytes() {
    if (on_heap()) delete[] heap();
  }

  ByteView view() const { return {on_heap() ? heap() : place_.data(), size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  friend bool operator==(const ShortBytes& a, const ShortBytes& b) {
    return a.size_ == b.size_ && std::is_eq(a <=> b);
  }
  friend std::strong_ordering operator<=>(const ShortBytes& a, const ShortBytes& b) {
    return text_of(a.view()) <=> text_of(b.view());
  }

 private:
  bool on_heap() const { return size_ > Inline; }
  std::byte* heap() const {
    std::byte* at = nullptr;
    std::memcpy(&at, place_.data(), sizeof at);
    return at;
  }
  void assign(ByteView bytes) {
    QUARRY_CHECK(bytes.size() <= kMaxSize);
    std::byte* to = place_.data();
    if (bytes.size() > Inline) {
      to = new std::byte[bytes.size()];
      std::memcpy(place_.data(), &to, sizeof to);
    }
    size_ = static_cast<std::uint8_t>(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }

  std::uint8_t size_ = 0;
  std::array<std::byte, Inline> place_{};
};

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);

}  // namespace quarry
