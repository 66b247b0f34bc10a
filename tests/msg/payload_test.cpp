#include "msg/payload.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;

TEST_CASE("a payload is copied and sliced without copying bytes") {
  const Payload whole = Payload::of("hello world");
  const Payload copy = whole;
  const Payload slice = whole.slice(6, 5);
  REQUIRE(copy.view().data() == whole.view().data());
  REQUIRE(slice.view().data() == whole.view().data() + 6);
  REQUIRE(text_of(slice.view()) == "world");
  REQUIRE(slice.owner() == whole.owner());
}

TEST_CASE("a slice outlives the payload that it came from") {
  Payload slice;
  {
    const Payload whole = Payload::of(std::string(100, 'x') + "end");
    slice = whole.slice(100, 3);
  }
  REQUIRE(text_of(slice.view()) == "end");
  REQUIRE(slice.owner().use_count() == 1);
}

TEST_CASE("a slice may be empty, also at the end") {
  const Payload whole = Payload::of("ab");
  REQUIRE(whole.slice(2, 0).size() == 0);
  REQUIRE(Payload().slice(0, 0).size() == 0);
  REQUIRE(Payload() == whole.slice(1, 0));
}

TEST_CASE("what is kept of a small value pins nothing else, and a large one is not copied") {
  const Payload frame = Payload::of(std::string(64 * 1024, 'v'));
  const Payload small = frame.slice(0, Payload::kCopyBelow - 1);
  const Payload large = frame.slice(0, Payload::kCopyBelow);
  REQUIRE(small.kept() == small);
  REQUIRE(small.kept().view().data() != small.view().data());
  REQUIRE(small.kept().owner() != frame.owner());
  REQUIRE(large.kept().view().data() == large.view().data());
}

TEST_CASE("payloads are equal when their bytes are") {
  REQUIRE(Payload::of("same") == Payload::copy_of(bytes_of("same")));
  REQUIRE_FALSE(Payload::of("same") == Payload::of("some"));
  REQUIRE_FALSE(Payload::of("same") == Payload::of("sam"));
}
