#include "actors/workers/scopes.hpp"

#include <random>

#include "msg/limits.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::workers;

namespace {

using Keys = std::vector<KeyRange>;

KeyRange range(std::string_view first, std::string_view last) {
  return {Prefix(first), Prefix(last)};
}
Key key(std::string_view text) { return Key(text); }

}  // namespace

TEST_CASE("workers of one list of keys share a bit, which is free when the last of them leaves") {
  ScopeTable table;
  const Scopes all = table.enter({});
  const Scopes a = table.enter({range("a", "a")});
  CHECK(table.enter({}) == all);
  CHECK(table.enter({range("a", "a")}) == a);
  CHECK(a != all);
  table.leave(a);
  CHECK(table.exactly({range("a", "a")}) == a);
  table.leave(a);
  CHECK(table.exactly({range("a", "a")}) == 0);
  CHECK(table.enter({range("b", "b")}) == a);
  table.check_invariants();
}

TEST_CASE("a key is in each list that has it, and in that of all keys") {
  ScopeTable table;
  const Scopes a = table.enter({range("a", "a"), range("x", "x")});
  const Scopes b = table.enter({range("ab", "b")});
  CHECK(table.of(key("aaa")) == a);
  CHECK(table.of(key("abz")) == (a | b));
  CHECK(table.of(key("bzz")) == b);
  CHECK(table.of(key("ccc")) == 0);
  const Scopes all = table.enter({});
  CHECK(table.of(key("ccc")) == all);
  CHECK(table.of(key("xyz")) == (a | all));
  table.leave(all);
  CHECK(table.of(key("ccc")) == 0);
}

TEST_CASE("as many lists as there may be workers have a bit each") {
  ScopeTable table;
  Scopes used = 0;
  for (std::size_t i = 0; i < kMaxWorkers; ++i) {
    const std::string first(1, static_cast<char>(i));
    const Scopes bit = table.enter({range(first, first)});
    CHECK((used & bit) == 0);
    used |= bit;
  }
  CHECK(used == ~Scopes{0});
  CHECK(table.of(key(std::string(3, '\x3f'))) == table.exactly({range("\x3f", "\x3f")}));
}

TEST_CASE("the keys of all lists together are in order, and each once") {
  ScopeTable table;
  CHECK(table.keys() == Keys{});
  table.enter({range("m", "p"), range("c", "d")});
  table.enter({range("dd", "f")});
  table.enter({range("mm", "n")});
  CHECK(table.keys() == Keys{range("c", "f"), range("m", "p")});
  const Scopes all = table.enter({});
  CHECK(table.keys() == Keys{});
  table.leave(all);
  Keys many;
  for (char c = 'A'; c <= 'P'; ++c) many.push_back(range(std::string(1, c), std::string(1, c)));
  table.enter(many);
  CHECK(table.keys() == Keys{range("A", "p")});
}

TEST_CASE("whatever lists there are, no key is missing from all of them together") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto bytes = [&](std::size_t least) {
    std::string text;
    for (std::size_t n = least + random() % (4 - least); n > 0; --n) {
      text += static_cast<char>(random() % 4 * 85);
    }
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    ScopeTable table;
    std::vector<std::pair<Keys, Scopes>> lists;
    for (std::size_t n = 1 + random() % 5; n > 0; --n) {
      Keys keys;
      while (keys.size() < 3) {
        const KeyRange any = range(bytes(0), bytes(0));
        if (any.sound()) keys.push_back(any);
      }
      lists.emplace_back(keys, table.enter(keys));
    }
    table.check_invariants();
    const Keys together = table.keys();
    for (int i = 0; i < 64; ++i) {
      const Key some = key(bytes(3));
      Scopes in = 0;
      for (const auto& [keys, bit] : lists) in |= contains(keys, some) ? bit : 0;
      CAPTURE(to_hex(some.view()));
      REQUIRE(table.of(some) == in);
      REQUIRE(contains(together, some) == (in != 0));
    }
  }
}
