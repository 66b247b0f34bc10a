// A value on its way: a refcounted slice of bytes that somebody else owns (a received frame, a
// mapped page, a string). Copying a Payload never copies bytes. Knows nothing of ZeroMQ.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "msg/bytes.hpp"

namespace quarry {

class Payload {
 public:
  // A value below this size that outlives its turn is copied out: it would pin the frame (and, for
  // frames this small, the receive arena) that it came in.
  static constexpr std::size_t kCopyBelow = 8 * 1024;

  Payload() = default;
  Payload(std::shared_ptr<const void> owner, ByteView bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  static Payload copy_of(ByteView bytes);
  static Payload of(std::string text);

  ByteView view() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // Requires offset + length <= size().
  Payload slice(std::size_t offset, std::size_t length) const {
    QUARRY_CHECK(offset <= size() && length <= size() - offset);
    return {owner_, bytes_.subspan(offset, length)};
  }
  // The same bytes, fit to be kept beyond this turn.
  Payload kept() const { return size() < kCopyBelow ? copy_of(bytes_) : *this; }

  friend bool operator==(const Payload& a, const Payload& b) {
    return text_of(a.bytes_) == text_of(b.bytes_);
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteView bytes_;
};

}  // namespace quarry
