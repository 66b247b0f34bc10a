#include "bus/token_buckets.hpp"

#include "tests/support/catch.hpp"

namespace quarry::bus {
namespace {

using namespace std::chrono_literals;

int taken(TokenBuckets<int>& buckets, int name, Time now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += buckets.take(name, now) ? 1 : 0;
  return count;
}

TEST_CASE("A bucket gives its burst, then its rate, and never saves up more than its burst") {
  TokenBuckets<int> buckets(5, 20, 10);
  const Time begin{1h};
  CHECK(taken(buckets, 1, begin, 100) == 20);
  CHECK(taken(buckets, 1, begin + 1s, 100) == 5);
  CHECK(taken(buckets, 1, begin + 1100ms, 100) == 0);
  CHECK(taken(buckets, 1, begin + 1h, 100) == 20);
}

TEST_CASE("One name's bucket is nothing to another") {
  TokenBuckets<int> buckets(5, 20, 10);
  CHECK(taken(buckets, 1, Time{1h}, 100) == 20);
  CHECK(taken(buckets, 2, Time{1h}, 100) == 20);
}

TEST_CASE("A table of buckets never grows beyond its capacity, and forgets the longest unseen") {
  TokenBuckets<int> buckets(1, 2, 3);
  const Time now{1h};
  CHECK(taken(buckets, 1, now, 5) == 2);
  for (int name = 2; name < 100; ++name) {
    buckets.take(name, now);
    CHECK(buckets.size() <= 3);
    CHECK(taken(buckets, 1, now, 1) == 0);  // seen lately: remembered
  }
  for (int name = 100; name < 103; ++name) buckets.take(name, now);
  CHECK(taken(buckets, 1, now, 5) == 2);  // forgotten
}

}  // namespace
}  // namespace quarry::bus
