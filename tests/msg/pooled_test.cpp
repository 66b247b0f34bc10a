#include "msg/pooled.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

#include "tests/support/catch.hpp"

namespace quarry {
namespace {

TEST_CASE("a spare node is given again to whoever wants that size, the last one first") {
  SpareNodes spare(2);
  void* const one = spare.get(64);
  void* const two = spare.get(64);
  void* const three = spare.get(64);
  spare.put(one, 64);
  spare.put(two, 64);
  spare.put(three, 64);  // one too many: back to the heap
  CHECK(spare.get(64) == two);
  void* const other = spare.get(128);
  CHECK(other != one);
  CHECK(spare.get(64) == one);
  spare.put(two, 64);
  spare.put(other, 128);  // of another size than those that are spare
  CHECK(spare.get(64) == two);
  spare.put(one, 64);
  spare.put(two, 64);
}

TEST_CASE("pooled tables are tables: filled, emptied, copied, moved and swapped") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 chance(seed);
  PooledHashMap<std::uint64_t, std::string> pooled, spare;
  PooledMap<std::uint64_t, std::string> ordered;
  std::map<std::uint64_t, std::string> model;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t key = chance() % 3000;
    if (chance() % 2 == 0) {
      const std::string value(chance() % 40, 'v');
      pooled[key] = ordered[key] = model[key] = value;
    } else {
      CHECK(pooled.erase(key) == model.erase(key));
      ordered.erase(key);
    }
    if (step % 4000 == 0) {
      spare = pooled;
      pooled = std::move(spare);
      std::swap(pooled, spare);
      PooledHashMap<std::uint64_t, std::string> copy(spare);
      pooled = std::move(copy);
      spare.clear();
    }
    if (step % 5000 == 4999) {
      pooled.clear();
      ordered.clear();
      model.clear();
    }
  }
  CHECK(std::equal(ordered.begin(), ordered.end(), model.begin(), model.end()));
  CHECK(std::map<std::uint64_t, std::string>(pooled.begin(), pooled.end()) == model);
}

}  // namespace
}  // namespace quarry
