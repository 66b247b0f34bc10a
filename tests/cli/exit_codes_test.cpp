#include "cli/exit_codes.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("scripts may rely on the exit codes") {
  CHECK(static_cast<int>(exit_for(Error::Kind::usage)) == 2);
  CHECK(static_cast<int>(exit_for(Error::Kind::config)) == 3);
  CHECK(static_cast<int>(exit_for(Error::Kind::unavailable)) == 4);
  CHECK(static_cast<int>(exit_for(Error::Kind::refused)) == 5);
  CHECK(static_cast<int>(exit_for(Error::Kind::busy)) == 6);
  CHECK(static_cast<int>(exit_for(Error::Kind::io)) == 7);
  CHECK(static_cast<int>(exit_for(Error::Kind::internal)) == 70);
}

TEST_CASE("failures of one kind keep their code, and different ones are partial") {
  ExitSum sum;
  CHECK(sum.code() == Exit::ok);
  sum.add(Exit::ok);
  sum.add(Exit::io);
  sum.add(Exit::ok);
  sum.add(Exit::io);
  CHECK(sum.code() == Exit::io);
  sum.add(Exit::refused);
  CHECK(sum.code() == Exit::partial);
  sum.add(Exit::io);
  CHECK(sum.code() == Exit::partial);
}

}  // namespace
}  // namespace quarry::cli
