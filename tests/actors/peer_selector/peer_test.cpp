// Peers: the set, connections, blocks, and what others are told of them.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

TEST_CASE("R32 a peer set with an older or equal number is ignored") {
  Fixture f;
  f.set(5, {1, 2});
  REQUIRE(f.only_done().count == 2);
  f.set(5, {3});
  REQUIRE(f.only_done().count == 0);
  f.set(4, {3});
  REQUIRE(f.only_done().count == 0);
  REQUIRE(f.counter("peers") == 2);
  f.dones.clear();
  f.set(6, {2, 3});
  REQUIRE(f.only_done().count == 2);
  REQUIRE(f.info(3).peer == entry(3));
}

TEST_CASE("R32 a peer marked serve_only is admitted, and never dialled or asked") {
  Fixture f;
  f.add(1, PeerRole::serve_only);
  f.lives(1);
  f.want(5);
  f.pass(10s);
  REQUIRE(f.opened.empty());
  REQUIRE(f.asks.empty());
  REQUIRE(f.admissions == std::vector{link::Admission{peer_key(1), true, false}});
  REQUIRE(f.info(1).state == PeerState::serve_only);
}

TEST_CASE("R33 a peer that leaves is no longer asked, and its request out stays valid") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  f.remove(1);
  f.want(6);
  f.pass(100ms);
  REQUIRE(f.asks.empty());
  REQUIRE(f.closed.empty());
  REQUIRE(f.info(1).state == PeerState::left);
  f.value(ask);
  f.only_answer();
  REQUIRE(f.closed == std::vector{1});
}

TEST_CASE("R33 the connection of a peer that left ends with its last request's timeout") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.remove(1);
  f.pass(900ms);
  REQUIRE(f.closed.empty());
  f.pass(200ms);
  REQUIRE(f.closed == std::vector{1});
}

TEST_CASE("R33 a peer that left is not dialled again when its connection falls silent") {
  Config config;
  config.first_timeout = 20s;
  Fixture f(config);
  f.connect({1});
  f.want(5);
  f.dies(1);
  f.remove(1);
  f.pass(30s);
  REQUIRE(f.closed == std::vector{1});
  REQUIRE(f.opened.empty());
}

TEST_CASE("R10 a peer is asked only once it has answered a ping") {
  Fixture f;
  f.add(1);
  f.want(5);
  f.pass(500ms);
  REQUIRE(f.opened == std::vector{1});
  REQUIRE(f.asks.empty());
  REQUIRE(f.info(1).state == PeerState::connecting);
  f.lives(1);
  f.only_ask();
  REQUIRE(f.info(1).state == PeerState::connected);
}

TEST_CASE("R10 a peer that no longer answers pings is no longer asked, until it does") {
  Fixture f;
  f.connect({1});
  f.dies(1);
  f.pass(9s);
  REQUIRE(f.info(1).state == PeerState::connecting);
  f.want(5);
  REQUIRE(f.asks.empty());
  f.lives(1);
  f.only_ask();
}

TEST_CASE("a DEALER that hears nothing is replaced, without a gap and at most every five seconds") {
  Fixture f;
  f.add(1);
  f.pass(60s);
  REQUIRE(f.opened.size() >= 10);
  REQUIRE(f.opened.size() <= 20);
  REQUIRE(f.opened.size() == f.closed.size() + 1);
  f.lives(1);
  REQUIRE(f.info(1).state == PeerState::connected);
}

TEST_CASE("the IPv4 and the IPv6 address of a peer's name are tried in turn") {
  Fixture f;
  f.add(1);
  f.pass(60s);
  REQUIRE(f.by_ipv6.size() >= 10);
  for (std::size_t i = 0; i < f.by_ipv6.size(); ++i) REQUIRE(f.by_ipv6[i] == (i % 2 == 1));
}

TEST_CASE("a peer that refuses us is shown with the reason and tried again with back-off") {
  Fixture f;
  f.add(1);
  f.refused(1, RequestId{}, Reason::not_admitted, "who are you?");
  const report::PeerInfo info = f.info(1);
  REQUIRE(info.state == PeerState::refusing);
  REQUIRE(info.detail == "not_admitted: who are you?");
  f.opened.clear();
  f.pass(200ms);
  REQUIRE(f.opened.size() == 1);
  f.lives(1);
  REQUIRE(f.info(1).state == PeerState::connected);
}

TEST_CASE("an endpoint that cannot be connected is shown, and tried with growing delays") {
  Fixture f;
  f.add(1);
  int failures = 0;
  for (int i = 0; i < 600; ++i) {
    if (f.index(1) != UINT32_MAX) {
      ++failures;
      const PeerIndex index = f.index(1);
      f.open.erase(index);
      f.core.open_failed(index, "no such host", f.now);
      f.turn();
    }
    f.pass(100ms);
  }
  REQUIRE(f.info(1).detail == "no such host");
  REQUIRE(f.info(1).state == PeerState::refusing);
  REQUIRE(failures > 10);
  REQUIRE(failures < 30);
}

TEST_CASE("N2 an ask says how long it is waited for") {
  Config config;
  config.first_timeout = 700ms;
  Fixture f(config);
  f.connect({1});
  f.want(5);
  REQUIRE(f.only_ask().wait_ms == 700);
  f.pass(699ms);
  REQUIRE(f.info(1).timed_out == 0);
  f.pass(1ms);
  REQUIRE(f.info(1).timed_out == 1);
}

TEST_CASE("R9 what was sent to an earlier life of a peer is sent again, uncharged") {
  Config config;
  config.first_timeout = 2s;  // beyond the next ping
  Fixture f(config);
  f.connect({1});
  f.want(5);
  f.only_ask();
  f.restarts(1);
  f.pass(500ms);
  REQUIRE(f.asks.empty());
  f.pass(500ms);  // the next ping tells
  f.only_ask();
  REQUIRE(f.info(1).timed_out == 0);
}

TEST_CASE("a peer that talks nonsense is hung up on, and its requests go elsewhere") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.core.nonsense_received(f.index(ask.peer), "bytes left over", f.now);
  f.turn();
  REQUIRE(f.only_ask().peer == 3 - ask.peer);
  REQUIRE(f.info(ask.peer).state == PeerState::refusing);
}

TEST_CASE("R29 invalid blocks the peer, and frees its requests, before anything new is asked") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.want(6);
  f.want(7);
  const auto asks = f.take_asks();
  f.value(asks[0]);
  f.value(asks[1]);
  const auto answers = std::exchange(f.answers, {});
  f.judge(answers[0], Outcome::invalid, true);
  REQUIRE(f.asks.empty());
  REQUIRE(f.alarms.size() == 1);
  REQUIRE(f.closed == std::vector{1});
  const report::PeerInfo info = f.info(1);
  REQUIRE(info.state == PeerState::blocked);
  REQUIRE(info.blocked_ms == 3'600'000);
  REQUIRE(info.timed_out == 0);
  REQUIRE(info.in_flight == 0);
  // The answer that is already with the verifier runs to its end.
  f.judge(answers[1], Outcome::complete, false);
  REQUIRE(f.info(1).accepted == 1);
  f.add(2);
  f.lives(2);
  REQUIRE(f.take_asks().size() == 2);
}

TEST_CASE("N5 lies answered to requests sent before the block are one offence") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.want(6);
  for (const Asked& ask : f.take_asks()) f.value(ask);
  for (const link::Answer& answer : std::exchange(f.answers, {})) {
    f.pass(1s);
    f.judge(answer, Outcome::invalid, false);
  }
  REQUIRE(f.info(1).invalid == 2);
  REQUIRE(f.info(1).blocked_ms == 3'599'000);  // since the first of the two verdicts
}

TEST_CASE("N5 each new offence doubles the block, up to a day; unblock forgets; days heal") {
  Block block;
  Time now = Fixture::start();
  std::vector<std::int64_t> hours;
  for (int i = 0; i < 6; ++i) {
    REQUIRE(block.offended(now, now, 1h, 24h));
    hours.push_back((block.until() - now) / 1h);
    now = block.until() + 1ms;
  }
  REQUIRE(hours == std::vector<std::int64_t>{1, 2, 4, 8, 16, 24});
  REQUIRE(block.sentence(now + 48h, 1h, 24h) < 4h);
  block.lifted();
  REQUIRE(block.sentence(now, 1h, 24h) == Duration(1h));
  REQUIRE_FALSE(block.holds(now));
}

TEST_CASE("R34 a blocked peer is eligible the moment its block ends, with the score it had") {
  Fixture f;
  f.connect({1});
  f.want(4);
  const Asked first = f.only_ask();
  f.pass(30ms);
  f.value(first);
  f.judge(f.only_answer(), Outcome::complete, false);
  f.want(5);
  f.value(f.only_ask());
  f.judge(f.only_answer(), Outcome::invalid, true);
  f.pass(1h - 1ms);
  REQUIRE(f.asks.empty());
  REQUIRE(f.info(1).latency_us == 30'000);
  f.pass(1ms);
  f.only_ask();
}

TEST_CASE("R34 commands about peers are answered when ProducerBridge has applied them") {
  Fixture f;
  f.connect({1});
  f.core.producer_attached();
  f.turn();
  REQUIRE(f.admissions == std::vector{link::Admission{peer_key(1), true, false}});
  f.clear();
  f.block(1, 5000);
  REQUIRE(f.admissions == std::vector{link::Admission{peer_key(1), true, true}});
  REQUIRE(f.dones.empty());
  f.core.synced(f.syncs.at(0));
  f.turn();
  REQUIRE(f.only_done() == report::Done{CallId{9}, 1});
  f.clear();
  f.unblock(1);
  REQUIRE(f.admissions == std::vector{link::Admission{peer_key(1), true, false}});
  f.core.synced(f.syncs.at(0));
  f.turn();
  REQUIRE(f.only_done().count == 1);
}

TEST_CASE(
    "N14 a ProducerBridge that comes back is told all again, and commands are answered then") {
  Fixture f;
  f.connect({1, 2});
  f.core.producer_attached();
  f.clear();
  f.block(1, 60'000);
  f.remove(2);
  f.clear();
  f.core.producer_attached();
  f.turn();
  REQUIRE(f.admissions == std::vector{link::Admission{peer_key(1), true, true}});
  f.core.synced(f.syncs.at(0));
  f.turn();
  REQUIRE(f.dones.size() == 2);
}

TEST_CASE("N8 a command that ProducerBridge never confirms fails with what is known") {
  Fixture f;
  f.connect({1});
  f.core.producer_attached();
  f.clear();
  f.block(1, 60'000);
  f.pass(6s);
  REQUIRE(f.only_failed().reason == Reason::unavailable);
}

TEST_CASE("without a ProducerBridge commands are answered at once; an unknown peer is said so") {
  Fixture f;
  f.connect({1});
  f.block(1, 1000);
  REQUIRE(f.only_done().count == 1);
  f.block(2, 1000);
  const report::Failed failed = f.only_failed();
  REQUIRE(failed.reason == Reason::unknown);
  REQUIRE(failed.detail == "no peer " + to_z85(peer_key(2)) + " in the set");
  f.unblock(0);
  REQUIRE(f.only_failed().reason == Reason::unknown);
  f.remove(3);
  REQUIRE(f.only_failed().reason == Reason::unknown);
}

TEST_CASE("R32 the set of the configuration is there from the start") {
  Config config;
  config.peers = {entry(1), entry(0)};
  config.peers_number = 3;
  Fixture f(config);
  f.lives(1);
  f.want(5);
  f.only_ask();
  f.set(3, {2});
  REQUIRE(f.only_done().count == 0);
}

TEST_CASE("R32 another endpoint for a peer makes another connection") {
  Fixture f;
  f.connect({1});
  report::PeerEntry moved = entry(1);
  moved.endpoint = "tcp://elsewhere:7000";
  f.core.peer_added({CallId{9}, moved}, f.now);
  f.turn();
  REQUIRE(f.closed == std::vector{1});
  REQUIRE(f.opened == std::vector{1});
}

TEST_CASE("N8 the peer set and what is remembered of those that left are bounded") {
  Fixture f;
  f.in_bulk = true;
  for (int i = 1; i <= 2100; ++i) f.add(i);
  f.in_bulk = false;
  f.turn();
  REQUIRE(f.counter("peers") == 2048);
  REQUIRE(f.fails.size() == 52);
  REQUIRE(f.fails.front().reason == Reason::full);
  f.set(9, {});
  f.set(10, {1, 2, 3});
  REQUIRE(f.counter("peers") == 3);
}
