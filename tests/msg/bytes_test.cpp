#include "msg/bytes.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace quarry;

namespace {
using Short = ShortBytes<15>;
Short of_size(std::size_t size, char fill = 'x') { return Short(std::string(size, fill)); }
}  // namespace

TEST_CASE("short bytes hold every length up to 255, inside and outside of the object") {
  for (std::size_t size = 0; size <= 255; ++size) {
    const std::string text(size, static_cast<char>('a' + size % 26));
    const Short bytes(text);
    REQUIRE(bytes.size() == size);
    REQUIRE(bytes.empty() == (size == 0));
    REQUIRE(text_of(bytes.view()) == text);
  }
}

TEST_CASE("short bytes are copied, moved and assigned across the inline limit") {
  for (std::size_t from : {0U, 1U, 15U, 16U, 255U}) {
    for (std::size_t to : {0U, 1U, 15U, 16U, 255U}) {
      const Short original = of_size(from);
      Short copy = of_size(to, 'y');
      copy = original;
      REQUIRE(copy == original);
      Short moved = std::move(copy);
      REQUIRE(moved == original);
      REQUIRE(copy.empty());  // NOLINT: what was moved from is empty, and fit for use
      copy = of_size(to, 'z');
      REQUIRE(copy == of_size(to, 'z'));
      const Short& self = moved;
      moved = self;
      REQUIRE(moved == original);
    }
  }
}

TEST_CASE("short bytes are ordered as unsigned bytes, a beginning before what goes on") {
  const std::vector<std::string> ascending{
      "", std::string(1, '\0'), "a", "aa", "b", "\x7f", "\x80", "\xff"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t k = 0; k < ascending.size(); ++k) {
      CAPTURE(i, k);
      REQUIRE((Short(ascending[i]) < Short(ascending[k])) == (i < k));
      REQUIRE((Short(ascending[i]) == Short(ascending[k])) == (i == k));
    }
  }
}

TEST_CASE("hexadecimal has two lower-case digits a byte") {
  REQUIRE(to_hex({}).empty());
  REQUIRE(to_hex(bytes_of(std::string_view("\x00\x0f\xa5\xff", 4))) == "000fa5ff");
}
