#include "msg/text.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;

TEST_CASE("text is UTF-8 and nothing that only looks like it") {
  for (const char* text :
       {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc2\x80", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    CAPTURE(text);
    REQUIRE(is_utf8(text));
    REQUIRE(fit_text(text, 255) == text);
  }
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe2\x82", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CAPTURE(text);
    REQUIRE_FALSE(is_utf8(text));
    REQUIRE_FALSE(is_utf8(std::string("a") + text + "b"));
    REQUIRE(is_utf8(fit_text(text, 255)));
  }
}

TEST_CASE("text is cut between characters") {
  REQUIRE(fit_text("abc", 2) == "ab");
  REQUIRE(fit_text("a\xe2\x82\xac", 3) == "a");
  REQUIRE(fit_text("a\xe2\x82\xac", 4) == "a\xe2\x82\xac");
  REQUIRE(fit_text("a\xff\xfe", 2) == "a?");
  REQUIRE(fit_text("a\xff\xfe", 255) == "a??");
}
