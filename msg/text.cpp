#include "msg/text.hpp"

#include <cstdint>

namespace quarry {
namespace {

// The bytes of the character that `text` begins with; 0 where it begins with none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (size == 0 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) > 0x9f;
  const bool beyond = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string fit_text(std::string_view text, std::size_t most) {
  std::string fitted;
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (fitted.size() + (size == 0 ? 1 : size) > most) break;
    if (size == 0) {
      fitted += '?';
    } else {
      fitted += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return fitted;
}

}  // namespace quarry
