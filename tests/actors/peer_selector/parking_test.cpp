// What fetches wait for: room, somebody to ask, a time; and that waiting costs nothing.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

TEST_CASE("N8 without room no request goes out, and with room it does") {
  Config config;
  Fixture f(config);
  f.core.engine_attached(f.now);  // a new life: its room is nothing yet
  f.connect({1});
  f.want(5);
  f.want(6);
  REQUIRE(f.asks.empty());
  REQUIRE(f.explain(5).waits_for == WaitsFor::room);
  REQUIRE(f.core.next_deadline() > f.now);
  f.room(1, 1'000'000);
  const Asked ask = f.only_ask();
  f.value(ask, "abc");
  REQUIRE(f.asks.empty());
  f.judge(f.only_answer(), Outcome::complete, false);
  f.only_ask();
}

TEST_CASE("N8 room that answers of an earlier life hold is waited for like room lent in this one") {
  Fixture f;
  f.core.engine_attached(f.now);
  f.connect({1});
  f.core.room_granted({1, 1000, 2, 200'000});
  f.want(5);
  REQUIRE(f.asks.empty());
  f.room(1, 100'000);
  const Asked ask = f.only_ask();
  REQUIRE(ask.room == 64 * 1024);
  f.room(1, 100'000);
  f.no_data(ask);
  REQUIRE(f.counter("room_slots") == 3);
  REQUIRE(f.counter("room_bytes") == 201'000);
}

TEST_CASE("N9 a fetch that is wanted again of another class waits among those of that class") {
  Config config;
  config.in_flight_cap = 1;
  Fixture f(config);
  f.connect({1});
  f.want(1);
  const Asked first = f.only_ask();
  for (const std::uint64_t fetch : {2, 3, 4}) f.want(fetch);
  f.want(4, {}, Class::urgent);
  f.want(2, {}, Class::background);
  f.no_data(first);
  const Asked second = f.only_ask();
  REQUIRE(second.key == key_of(4));
  f.no_data(second);
  const Asked third = f.only_ask();
  REQUIRE(third.key == key_of(3));
  f.no_data(third);
  REQUIRE(f.only_ask().key == key_of(2));
}

TEST_CASE("N14 what was said in the turn of the Engine's Hello was for its earlier life") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  f.in_bulk = true;
  f.value(ask, "abc");
  f.core.engine_attached(f.now);
  f.in_bulk = false;
  f.room(10, 1'000'000);
  REQUIRE(f.answers.empty());
  REQUIRE(f.counter("room_slots") == 10);
}

TEST_CASE("N8 what a request did not need goes back, and all of it without an answer") {
  Fixture f;
  f.connect({1});
  const std::uint64_t bytes = f.counter("room_bytes");
  f.want(5);
  const Asked ask = f.only_ask();
  REQUIRE(f.counter("room_bytes") == bytes - ask.room);
  f.value(ask, "abc");
  REQUIRE(f.counter("room_bytes") == bytes - 3);
  f.judge(f.only_answer(), Outcome::complete, false);
  REQUIRE(f.counter("room_bytes") == bytes);
  f.want(6);
  f.no_data(f.only_ask());
  REQUIRE(f.counter("room_bytes") == bytes);
  f.end(6);
  f.want(7);
  f.only_ask();
  f.pass(1s);
  REQUIRE(f.counter("room_bytes") == bytes);
}

TEST_CASE("N8 asks reserve what values here are like") {
  Fixture f;
  f.connect({1});
  std::uint32_t room = 0;
  for (std::uint64_t i = 0; i < 70; ++i) {
    f.want(100 + i);
    const Asked ask = f.only_ask();
    room = ask.room;
    f.value(ask, std::string(10'000, 'v'));
    f.judge(f.only_answer(), Outcome::complete, false);
  }
  REQUIRE(room == 20'000);
}

TEST_CASE("N8 with all room in hand and still too little, what there is is asked with") {
  Fixture f;
  f.core.engine_attached(f.now);
  f.connect({1});
  f.room(4, 1000);
  f.want(5);
  REQUIRE(f.only_ask().room == 1000);
}

TEST_CASE("N8 a fetch that lacks room does not hold up a first request that needs less") {
  Fixture f;
  f.core.engine_attached(f.now);
  f.connect({1});
  f.room(4, 200'000);
  f.want(1);
  REQUIRE(f.only_ask().room == 64 * 1024);
  f.want(2);
  f.too_large(f.only_ask(), 150'000);
  REQUIRE(f.asks.empty());
  f.want(3);
  REQUIRE(f.only_ask().key == key_of(3));
}

TEST_CASE("R10 with nobody to ask a hundred thousand fetches cost nothing") {
  Fixture f;
  f.add(1);
  f.in_bulk = true;
  for (std::uint64_t i = 1; i <= 100'000; ++i) f.want(i);
  f.in_bulk = false;
  f.turn();
  const std::uint64_t before = f.core.looked_at();
  f.in_bulk = true;  // checking invariants walks them all
  for (int i = 0; i < 100; ++i) {
    f.now += 100ms;
    f.core.time_passed(f.now);
    f.core.dispatch(f.now);
  }
  REQUIRE(f.core.looked_at() == before);
  REQUIRE(f.core.next_deadline() > f.now);
}

TEST_CASE("R3 R10 parked fetches cost nothing while others are fetched, and all go on in slices") {
  Config config;
  config.in_flight_cap = 1'000'000;
  Fixture f(config);
  f.connect({1});
  f.in_bulk = true;
  for (std::uint64_t i = 1; i <= 50'000; ++i) f.want(i, {2});
  for (int i = 0; i < 100; ++i) f.core.dispatch(f.now);
  f.carry_out();
  REQUIRE(f.asks.empty());
  const std::uint64_t before = f.core.looked_at();
  f.in_bulk = false;
  f.want(100'001);
  f.value(f.only_ask());
  f.judge(f.only_answer(), Outcome::complete, false);
  REQUIRE(f.core.looked_at() - before <= 2);
  f.in_bulk = true;
  f.core.peer_added({CallId{9}, entry(2)}, f.now);
  f.in_bulk = false;
  f.living.insert(2);
  std::size_t slice = 0;
  int turns = 0;
  const std::uint64_t looked_at_before = f.core.looked_at();
  f.turn();  // dials, is answered: a few dispatches
  REQUIRE(f.core.looked_at() - looked_at_before <= 10'000);
  std::size_t asked = f.take_asks().size();
  while (asked < 50'000) {
    REQUIRE(++turns < 1000);
    const std::uint64_t looked_at = f.core.looked_at();
    f.core.dispatch(f.now);
    REQUIRE(f.core.looked_at() - looked_at <=
            peer_selector::limits::kWakeSlice + peer_selector::limits::kDispatchSlice);
    f.carry_out();
    const std::size_t sent = f.take_asks().size();
    slice = std::max(slice, sent);
    asked += sent;
    if (asked < 50'000) REQUIRE(f.core.next_deadline() <= f.now);
  }
  REQUIRE(slice <= 1024);
  REQUIRE(turns > 10);
}

TEST_CASE("N16 fetches that back off cost nothing until their time") {
  Fixture f;
  f.connect({1});
  f.in_bulk = true;
  for (std::uint64_t i = 1; i <= 2000; ++i) f.want(i);
  for (int i = 0; i < 10; ++i) f.core.dispatch(f.now);
  f.carry_out();
  for (const Asked& ask : f.take_asks()) f.no_data(ask);
  for (int i = 0; i < 10; ++i) f.core.dispatch(f.now);
  f.in_bulk = false;
  f.turn();
  const std::uint64_t before = f.core.looked_at();
  f.pass(300ms);
  REQUIRE(f.core.looked_at() == before);
}

TEST_CASE("a new life of the Engine forgets what the earlier one wanted") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  f.want(6);
  f.want(7, {3});
  const auto asks = f.take_asks();
  f.value(asks[0]);
  f.core.engine_attached(f.now);
  f.turn();
  f.value(asks[1]);
  REQUIRE(f.answers.size() == 1);
  f.pass(10s);
  REQUIRE(f.asks.empty());
  REQUIRE(f.info(1).in_flight + f.info(2).in_flight == 0);
}

TEST_CASE("a fetch says in a sentence what it waits for") {
  Fixture f;
  f.want(5);
  CHECK(f.explain(5).detail == "no peer to ask in the set");
  CHECK(f.explain(5).waits_for == WaitsFor::peer_set);
  f.add(1);
  CHECK(f.explain(5).detail == "1 peer in the set, none connected");
  CHECK(f.explain(5).waits_for == WaitsFor::connection);
  f.lives(1);
  CHECK(f.explain(5).waits_for == WaitsFor::answer);
  CHECK(f.explain(5).state == FetchState::active);
  const Asked ask = f.only_ask();
  f.no_data(ask);
  CHECK(f.explain(5).waits_for == WaitsFor::retry);
  CHECK(f.explain(5).requests == 1);
  CHECK(f.explain(5).next_ms > 300);
  f.want(6, {1});
  f.value(f.only_ask());
  CHECK(f.explain(6).state == FetchState::validating);
  CHECK(f.explain(6).waits_for == WaitsFor::verdict);
  f.judge(f.only_answer(), Outcome::invalid, true);
  CHECK(f.explain(5).waits_for == WaitsFor::unblock);
  CHECK(f.explain(5).detail == "1 peer in the set, all blocked; the first for 60 min");
}

TEST_CASE("R40 fetches are counted as pending or active, and not while a value is judged") {
  Fixture f;
  f.want(5);
  f.want(6);
  REQUIRE(f.counter("fetches_pending") == 2);
  REQUIRE(f.counter("fetches_active") == 0);
  f.connect({1});
  REQUIRE(f.counter("fetches_pending") == 0);
  REQUIRE(f.counter("fetches_active") == 2);
  f.value(f.asks.front(), "abc");
  REQUIRE(f.counter("fetches_active") == 1);
  REQUIRE(f.counter("fetches_pending") == 0);
}
