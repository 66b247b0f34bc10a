// Fetches that are restricted to targets.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

TEST_CASE("R13 a targeted fetch asks its targets and never anybody else") {
  Fixture f;
  f.connect({1, 2, 3, 4});
  f.want(5, {2, 3});
  for (int i = 0; i < 20; ++i) {
    for (const Asked& ask : f.take_asks()) {
      REQUIRE((ask.peer == 2 || ask.peer == 3));
      f.no_data(ask);
    }
    f.pass(1s);
  }
}

TEST_CASE("N6 R13 a target set aside is asked again in time, though the other one stays away") {
  Fixture f;
  f.connect({1});
  f.want(5, {1, 2});
  f.value(f.only_ask(), "abc");
  f.judge(f.only_answer(), Outcome::lost, true);
  f.pass(599s);
  REQUIRE(f.asks.empty());
  f.pass(2s);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("R14 targets are added to a fetch that has some, and the newcomer is asked at once") {
  Fixture f;
  f.connect({1, 2});
  f.want(5, {1});
  f.no_data(f.only_ask());
  f.add_targets(5, {2});
  REQUIRE(f.only_ask().peer == 2);
}

TEST_CASE("R14 targets added to a fetch without any leave it unrestricted") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.no_data(f.only_ask());
  f.add_targets(5, {2});
  f.pass(1s);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("R15 clearing the targets lets any peer be asked, at once") {
  Fixture f;
  f.connect({1});
  f.want(5, {2});
  f.want(6, {1});
  f.no_data(f.only_ask());
  f.connect({});
  f.clear_targets(5);
  REQUIRE(f.only_ask().peer == 1);
  f.add(3);
  f.lives(3);
  f.clear();
  f.clear_targets(6);
  REQUIRE(f.only_ask().peer == 3);
}

TEST_CASE("R16 a blocked target is skipped, waited for, and asked when its block ends") {
  Fixture f;
  f.connect({1, 2});
  f.block(1, 60'000);
  f.want(5, {1});
  f.pass(59s);
  REQUIRE(f.asks.empty());
  REQUIRE(f.explain(5).waits_for == WaitsFor::unblock);
  REQUIRE(f.explain(5).detail == "its target is blocked for 1.0 s");
  f.pass(1s);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("R16 targets survive timeouts, no data and failed sends") {
  Fixture f;
  f.connect({1, 2});
  f.want(5, {1});
  f.pass(1s);
  f.clear();
  f.pass(2s);
  Asked ask = f.asks.back();
  f.clear();
  REQUIRE(ask.peer == 1);
  f.send_failed(ask);
  f.pass(3s);
  REQUIRE_FALSE(f.asks.empty());
  for (const Asked& each : f.take_asks()) REQUIRE(each.peer == 1);
}

TEST_CASE("R19 a target outside the set is asked once it is in it") {
  Fixture f;
  f.connect({1});
  f.want(5, {2});
  f.pass(10s);
  REQUIRE(f.asks.empty());
  REQUIRE(f.explain(5).detail == "its target is not in the peer set");
  f.add(2);
  REQUIRE(f.explain(5).detail == "its target is not connected");
  f.lives(2);
  REQUIRE(f.only_ask().peer == 2);
}

TEST_CASE("R34 a node never asks itself, not even as a target") {
  Fixture f;
  f.set(1, {0, 1});
  f.lives(0);
  f.lives(1);
  f.want(5, {0});
  f.pass(10s);
  REQUIRE(f.asks.empty());
  REQUIRE(f.explain(5).waits_for == WaitsFor::target);
  f.want(6);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("R17 R10 a fetch that ends leaves no trace under its targets") {
  Fixture f;
  f.connect({1});
  for (std::uint64_t i = 1; i <= 100; ++i) f.want(i, {2, 3, 4});
  for (std::uint64_t i = 1; i <= 100; ++i) f.end(i);
  f.connect({2, 3, 4});
  REQUIRE(f.asks.empty());
  f.want(5);
  f.only_ask();
}

TEST_CASE("R10 a target at its cap is waited for, and freed ones go to those that wait") {
  Config config;
  config.in_flight_cap = 2;
  Fixture f(config);
  f.connect({1, 2});
  for (std::uint64_t i = 1; i <= 10; ++i) f.want(i, {1});
  REQUIRE(f.asks.size() == 2);
  std::size_t asked = 0;
  while (!f.asks.empty()) {
    const Asked ask = f.asks.front();
    f.asks.erase(f.asks.begin());
    ++asked;
    f.value(ask);
    f.judge(f.only_answer(), Outcome::complete, false);
  }
  REQUIRE(asked == 10);
}

TEST_CASE("R16 with one target lost after another said no, the other has another round") {
  Fixture f;
  f.connect({1, 2});
  f.want(5, {1, 2});
  const Asked first = f.only_ask();
  f.no_data(first);
  const Asked second = f.only_ask();
  f.overloaded(second, 5s);
  f.remove(second.peer);
  f.pass(2s);
  REQUIRE(f.take_asks().front().peer == first.peer);
}
