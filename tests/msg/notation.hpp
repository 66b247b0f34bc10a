// The notation of the documents' examples: a message as a JSON value, with {"hex": "…"} for bytes
// and {"value": "…"} for a value that travels in the payload. Knows nothing of the codec: its
// encoder is a second opinion on what MessagePack is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::test {

struct Node {
  enum class Type { boolean, number, text, bytes, value, list };
  Type type = Type::list;
  std::uint64_t number = 0;  // a number, or 0 and 1 for false and true
  std::string text;          // a text, bytes or a value
  std::vector<Node> list;

  static Node of(bool flag) { return {Type::boolean, flag ? 1U : 0U, {}, {}}; }
  static Node of(std::uint64_t number) { return {Type::number, number, {}, {}}; }
  static Node of(Type type, std::string_view text) { return {type, 0, std::string(text), {}}; }
  friend bool operator==(const Node&, const Node&) = default;
};

// Fails the test that calls it when the text is not in the notation.
Node parse_notation(std::string_view text);
std::string show(const Node& node);

// Both frames of a message.
struct Frames {
  std::string envelope;
  std::string payload;
  friend bool operator==(const Frames&, const Frames&) = default;
};
Frames encode(const Node& message);

// Skips blanks; fails the test at anything else that is no hexadecimal digit.
std::string bytes_from_hex(std::string_view hex);

}  // namespace quarry::test
