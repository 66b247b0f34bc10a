#include "msg/types.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace quarry {
namespace {

// The Z85 alphabet of ZeroMQ RFC 32.
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool KeyRange::contains(const Key& key) const {
  const std::string_view bytes = text_of(key.view());
  return bytes.substr(0, first.size()) >= text_of(first.view()) &&
         bytes.substr(0, last.size()) <= text_of(last.view());
}

bool contains(std::span<const KeyRange> ranges, const Key& key) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(),
                                       [&](const KeyRange& range) { return range.contains(key); });
}

bool KeyRange::sound() const {
  const std::size_t both = std::min(first.size(), last.size());
  return text_of(first.view()).substr(0, both) <= text_of(last.view()).substr(0, both);
}

std::optional<Key> key_from_hex(std::string_view hex, std::size_t length) {
  if (length > Key::kMaxSize || hex.size() != 2 * length) return std::nullopt;
  std::array<std::byte, Key::kMaxSize> bytes;
  for (std::size_t i = 0; i < length; ++i) {
    const int high = hex_digit(hex[2 * i]);
    const int low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::byte>(high << 4 | low);
  }
  return Key(ByteView(bytes.data(), length));
}

std::optional<PeerKey> peer_from_z85(std::string_view z85) {
  PeerKey peer;
  if (z85.size() != 40) return std::nullopt;
  for (std::size_t group = 0; group < 8; ++group) {
    std::uint64_t value = 0;
    for (char c : z85.substr(5 * group, 5)) {
      const std::size_t digit = kZ85.find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      value = value * 85 + digit;
    }
    if (value > UINT32_MAX) return std::nullopt;
    for (std::size_t i = 0; i < 4; ++i) {
      peer.bytes[4 * group + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xff);
    }
  }
  return peer;
}

std::string to_z85(const PeerKey& peer) {
  std::string text(40, ' ');
  for (std::size_t group = 0; group < 8; ++group) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      value = value << 8 | std::to_integer<std::uint32_t>(peer.bytes[4 * group + i]);
    }
    for (std::size_t i = 5; i-- > 0; value /= 85) text[5 * group + i] = kZ85[value % 85];
  }
  return text;
}

std::size_t SaltedHash::operator()(ByteView bytes) const {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), salt);
}

}  // namespace quarry
