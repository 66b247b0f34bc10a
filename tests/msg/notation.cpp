#include "tests/msg/notation.hpp"

#include "msg/bytes.hpp"
#include "tests/support/catch.hpp"

namespace quarry::test {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : left_(text) {}

  Node whole() {
    Node node = value();
    blanks();
    REQUIRE(left_.empty());
    return node;
  }

 private:
  Node value() {
    blanks();
    REQUIRE_FALSE(left_.empty());
    if (left_[0] == '[') return list();
    if (left_[0] == '{') return bytes();
    if (left_[0] == '"') return Node::of(Node::Type::text, quoted());
    if (took("true")) return Node::of(true);
    if (took("false")) return Node::of(false);
    return number();
  }
  Node list() {
    Node node;
    expect("[");
    blanks();
    if (took("]")) return node;
    do {
      node.list.push_back(value());
      blanks();
    } while (took(","));
    expect("]");
    return node;
  }
  Node bytes() {
    expect("{");
    const std::string name = quoted();
    REQUIRE((name == "hex" || name == "value"));
    expect(":");
    const std::string content = bytes_from_hex(quoted());
    expect("}");
    return Node::of(name == "hex" ? Node::Type::bytes : Node::Type::value, content);
  }
  std::string quoted() {
    expect("\"");
    const std::size_t end = left_.find('"');
    REQUIRE(end != std::string_view::npos);
    const std::string text(left_.substr(0, end));
    REQUIRE(text.find('\\') == std::string::npos);  // the examples need no escapes
    left_.remove_prefix(end + 1);
    return text;
  }
  Node number() {
    const std::size_t end = std::min(left_.find_first_not_of("0123456789"), left_.size());
    REQUIRE(end > 0);
    const std::uint64_t number = std::stoull(std::string(left_.substr(0, end)));
    left_.remove_prefix(end);
    return Node::of(number);
  }
  void blanks() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }
  bool took(std::string_view what) {
    if (!left_.starts_with(what)) return false;
    left_.remove_prefix(what.size());
    return true;
  }
  void expect(std::string_view what) {
    blanks();
    CAPTURE(what, left_.substr(0, 40));
    REQUIRE(took(what));
  }

  std::string_view left_;
};

void big_endian(std::string& to, std::uint64_t number, int bytes) {
  while (bytes-- > 0) to += static_cast<char>(number >> (8 * bytes) & 0xff);
}

void put_number(std::string& to, std::uint64_t n) {
  if (n < 0x80) return big_endian(to, n, 1);
  const int form = n <= 0xff ? 0 : n <= 0xffff ? 1 : n <= 0xffffffff ? 2 : 3;
  to += static_cast<char>(0xcc + form);
  big_endian(to, n, 1 << form);
}

// `small`: the one-byte form for sizes below `below`; `first`: the form with one byte of size, or,
// for arrays, which have none, the one with two.
void put_size(std::string& to, std::size_t size, unsigned small, std::size_t below, unsigned first,
              bool has_one_byte_form) {
  if (size < below) return big_endian(to, small | size, 1);
  const int form = has_one_byte_form ? (size <= 0xff ? 0 : 1) : 1;
  REQUIRE(size <= 0xffff);
  to += static_cast<char>(first + (has_one_byte_form ? form : 0));
  big_endian(to, size, 1 << form);
}

void put(Frames& to, const Node& node) {
  switch (node.type) {
    case Node::Type::boolean:
      to.envelope += static_cast<char>(node.number != 0 ? 0xc3 : 0xc2);
      return;
    case Node::Type::number:
      return put_number(to.envelope, node.number);
    case Node::Type::text:
      put_size(to.envelope, node.text.size(), 0xa0, 32, 0xd9, true);
      to.envelope += node.text;
      return;
    case Node::Type::bytes:
      put_size(to.envelope, node.text.size(), 0, 0, 0xc4, true);
      to.envelope += node.text;
      return;
    case Node::Type::value:
      put_number(to.envelope, node.text.size());
      to.payload += node.text;
      return;
    case Node::Type::list:
      put_size(to.envelope, node.list.size(), 0x90, 16, 0xdc, false);
      for (const Node& element : node.list) put(to, element);
      return;
  }
}

}  // namespace

Node parse_notation(std::string_view text) { return Parser(text).whole(); }

std::string show(const Node& node) {
  switch (node.type) {
    case Node::Type::boolean:
      return node.number != 0 ? "true" : "false";
    case Node::Type::number:
      return std::to_string(node.number);
    case Node::Type::text:
      return '"' + node.text + '"';
    case Node::Type::bytes:
      return "{\"hex\": \"" + to_hex(bytes_of(node.text)) + "\"}";
    case Node::Type::value:
      return "{\"value\": \"" + to_hex(bytes_of(node.text)) + "\"}";
    case Node::Type::list:
      break;
  }
  std::string text;
  for (const Node& element : node.list) text += (text.empty() ? "" : ", ") + show(element);
  return '[' + text + ']';
}

Frames encode(const Node& message) {
  Frames frames;
  put(frames, message);
  return frames;
}

std::string bytes_from_hex(std::string_view hex) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string bytes;
  std::size_t digits = 0;
  for (char c : hex) {
    if (c == ' ' || c == '\n') continue;
    const std::size_t digit = kDigits.find(c);
    REQUIRE(digit != std::string_view::npos);
    if (digits++ % 2 == 0) {
      bytes += static_cast<char>(digit << 4);
    } else {
      bytes.back() = static_cast<char>(bytes.back() | static_cast<char>(digit));
    }
  }
  REQUIRE(digits % 2 == 0);
  return bytes;
}

}  // namespace quarry::test
