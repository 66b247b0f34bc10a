#include "cli/key_list.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

Key key(std::string_view bytes) { return Key(bytes); }

TEST_CASE("a list has a key a line, and what stands behind it") {
  const auto list = parse_key_list(
      "# a comment\n"
      "6162  a file name\n"
      "\n"
      "  6364\t bob,eve \r\n"
      "\\6566  an\\nescaped name\n"
      "6768",
      "keys", 2);
  REQUIRE(list);
  REQUIRE(list->size() == 4);
  CHECK((*list)[0].key == key("ab"));
  CHECK((*list)[0].rest == "a file name");
  CHECK((*list)[1].key == key("cd"));
  CHECK((*list)[1].rest == "bob,eve");
  CHECK((*list)[1].where == "keys:4");
  CHECK((*list)[2].key == key("ef"));
  CHECK((*list)[3].key == key("gh"));
  CHECK((*list)[3].rest.empty());
}

TEST_CASE("an empty list is a list, and a wrong line is named") {
  CHECK(parse_key_list("", "keys", 2)->empty());
  CHECK(parse_key_list("#\n\n", "keys", 2)->empty());
  const auto wrong = parse_key_list("6162\nnope\n", "keys", 2);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().kind == Error::Kind::usage);
  CHECK(wrong.error().what.starts_with("keys:2: "));
}

}  // namespace
}  // namespace quarry::cli
