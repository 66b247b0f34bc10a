#include <map>
#include <random>

#include "actors/engine/fetches.hpp"
#include "tests/support/catch.hpp"

namespace quarry::engine {
namespace {

struct Record {
  std::size_t hashed = 0;
  Slot chain = kNone;
};
struct Records {
  Slab<Record> slab;
  std::size_t hash(Slot slot) const { return slab[slot].hashed; }
  Slot& chain(Slot slot) { return slab[slot].chain; }
  const Slot& chain(Slot slot) const { return slab[slot].chain; }
};

}  // namespace

TEST_CASE("R3 an index finds all that is in it and nothing else, whatever came and went") {
  const auto seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Records records;
  ChainIndex index;
  std::multimap<std::size_t, Slot> model;
  for (int step = 0; step < 5000; ++step) {
    if (model.empty() || random() % 3 != 0) {
      const Slot slot = records.slab.take();
      records.slab[slot].hashed = random() % 500;
      index.insert(records, slot);
      model.emplace(records.slab[slot].hashed, slot);
    } else {
      const auto victim = std::next(model.begin(), static_cast<long>(random() % model.size()));
      index.erase(records, victim->second);
      records.slab.give(victim->second);
      model.erase(victim);
    }
  }
  REQUIRE(index.count() == model.size());
  for (const auto& [hash, slot] : model) {
    const auto same = [slot = slot](Slot other) { return other == slot; };
    CHECK(index.find(records, hash, same) == slot);
  }
  CHECK(index.find(records, 1000, [&](Slot slot) { return records.slab[slot].hashed == 1000; }) ==
        kNone);
}

TEST_CASE("R12 a fetch id is never used again, though its slot is") {
  Fetches fetches(1);
  const Slot first = fetches.start(Key("k"), {});
  const FetchId old = fetches[first].id;
  fetches.erase(first);
  const Slot second = fetches.start(Key("k"), {});
  CHECK(second == first);
  CHECK(fetches[second].id != old);
  CHECK(fetches.find(old) == kNone);
  CHECK(fetches.find(fetches[second].id) == second);
}

}  // namespace quarry::engine
