#include "cli/destination.hpp"

#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

const Key kKey(std::string_view("\x01\x02", 2));

TEST_CASE("one value goes to stdout, several need a folder") {
  CHECK(Destination::choose("", false, false)->is_stdout());
  CHECK(Destination::choose("-", false, false)->is_stdout());
  CHECK(Destination::choose("", true, false).error().kind == Error::Kind::usage);
}

TEST_CASE("values never mix with JSON on stdout") {
  const auto to = Destination::choose("", true, true);
  REQUIRE(to);
  CHECK_FALSE(to->writes());
  CHECK(to->write(kKey, bytes_of("value")));
}

TEST_CASE("a value is written to a file of its own, or into a folder under its key") {
  const Folder folder;
  const auto file = Destination::choose((folder / "file").string(), false, false);
  REQUIRE(file);
  REQUIRE(file->write(kKey, bytes_of("one")));
  CHECK(content(folder / "file") == "one");

  const auto in = Destination::choose(folder.path().string(), false, false);
  REQUIRE(in);
  REQUIRE(in->write(kKey, bytes_of("two")));
  CHECK(content(folder / "0102") == "two");
  CHECK(in->file(kKey) == folder / "0102");
  CHECK(folder.entries() == 2);
}

TEST_CASE("a folder for several values is made") {
  const Folder folder;
  const auto to = Destination::choose((folder / "new").string(), true, false);
  REQUIRE(to);
  REQUIRE(to->write(kKey, bytes_of("x")));
  CHECK(content(folder / "new" / "0102") == "x");
}

TEST_CASE("what cannot be written is known before it is asked for") {
  const Folder folder;
  const auto deep = Destination::choose((folder / "no/such/file").string(), false, false);
  REQUIRE_FALSE(deep);
  CHECK(deep.error().kind == Error::Kind::io);
  REQUIRE(create_file(folder / "file", "", 0644));
  CHECK(Destination::choose((folder / "file").string(), true, false).error().kind ==
        Error::Kind::io);
}

TEST_CASE("a value that cannot be written whole leaves the old file and nothing beside it") {
  const Folder folder;
  std::filesystem::create_directory(folder / "0102");
  const auto to = Destination::choose(folder.path().string(), false, false);
  REQUIRE(to);
  const auto written = to->write(kKey, bytes_of("x"));
  REQUIRE_FALSE(written);
  CHECK(written.error().kind == Error::Kind::io);
  CHECK(folder.entries() == 1);
}

}  // namespace
}  // namespace quarry::cli
