#include "cli/text.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("what others say cannot move the cursor, ring the bell or fake a line") {
  CHECK(shown("plain text") == "plain text");
  CHECK(shown("a\x1b[2Jb\x07\nquarry: c\r\x7f") == "a?[2Jb??quarry: c??");
  CHECK(shown("\xc2\x9b"
              "31m") == "?31m");  // CSI as one character
  CHECK(shown("abc\xe2\x80\xae"
              "cba") == "abc?cba");  // right-to-left override
  CHECK(shown(std::string_view("a\0b", 3)) == "a?b");
}

TEST_CASE("letters of all languages stay, and bytes that are no letters do not") {
  CHECK(shown("Grüße 世界 🙂") == "Grüße 世界 🙂");
  CHECK(shown("\xff\xc3(\xed\xa0\x80") == std::string("??") + "(???");
}

TEST_CASE("long text is cut between characters") {
  CHECK(shown("abcdef", 3) == "abc...");
  CHECK(shown("abc", 3) == "abc");
  CHECK(shown("aü", 2) == "a...");
}

TEST_CASE("a JSON string is valid whatever is in it") {
  CHECK(json_string("a\"b\\c") == R"("a\"b\\c")");
  CHECK(json_string("line\nbell\x07") == R"("line\nbell\u0007")");
  CHECK(json_string("\xe2\x80\xae") == R"("\u202e")");
  CHECK(json_string("\xff") == R"("?")");
  CHECK(json_string("世界") == "\"世界\"");
}

}  // namespace
}  // namespace quarry::cli
