#include "cli/output.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("JSON nests objects and arrays") {
  Json json;
  json.begin().add("a", 1).begin("list", '[');
  json.begin().add("b", "x").end();
  json.begin().add_flag("c", true).end();
  json.end().begin("empty", '{').end().null("d").end();
  CHECK(json.text() == R"({"a":1,"list":[{"b":"x"},{"c":true}],"empty":{},"d":null})");
}

TEST_CASE("numbers keep all their digits") {
  CHECK(Json().begin().add("n", UINT64_MAX).end().text() == R"({"n":18446744073709551615})");
}

TEST_CASE("a table's columns fit their widest cell, and numbers stand to the right") {
  Table table({"NAME", ">COUNT", "DETAIL"});
  table.add({"é", "7", ""});
  table.add({"longer", "1234567", "x\ny"});
  CHECK(table.text() ==
        "NAME      COUNT  DETAIL\n"
        "é             7\n"
        "longer  1234567  x?y\n");
}

}  // namespace
}  // namespace quarry::cli
