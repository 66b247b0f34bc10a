#include "cli/text.hpp"

#include <cstdio>

#include "msg/text.hpp"

namespace quarry::cli {
namespace {

// Requires well-formed UTF-8.
std::size_t length_of_first(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}
unsigned first_character(std::string_view text) {
  const std::size_t length = length_of_first(text);
  unsigned character = static_cast<unsigned char>(text[0]);
  if (length > 1) character &= 0xffu >> (length + 1);
  for (std::size_t i = 1; i < length; ++i) {
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  }
  return character;
}

bool fit_for_terminals(unsigned c) {
  const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  const bool direction = c == 0x061c || c == 0x200e || c == 0x200f ||
                         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
  return !control && !direction;
}

// Goes through the characters of any text: replace(character, bytes) for each.
template <class Each>
void for_each_character(std::string_view text, Each each) {
  const std::string whole = fit_text(text, std::string_view::npos);
  for (std::string_view rest = whole; !rest.empty(); rest.remove_prefix(length_of_first(rest))) {
    each(first_character(rest), rest.substr(0, length_of_first(rest)));
  }
}

}  // namespace

std::string shown(std::string_view text, std::size_t most) {
  std::string to;
  bool cut = false;
  for_each_character(text, [&](unsigned character, std::string_view bytes) {
    cut = cut || to.size() + bytes.size() > most;
    if (!cut) to += fit_for_terminals(character) ? bytes : "?";
  });
  return cut ? to + "..." : to;
}

std::string json_string(std::string_view text) {
  std::string to = "\"";
  for_each_character(text, [&](unsigned character, std::string_view bytes) {
    if (character == '"' || character == '\\') {
      to += '\\';
      to += bytes;
    } else if (character == '\n') {
      to += "\\n";
    } else if (fit_for_terminals(character)) {
      to += bytes;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", character);
      to += escaped;
    }
  });
  return to + '"';
}

}  // namespace quarry::cli
