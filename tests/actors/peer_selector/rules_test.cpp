// How much is asked of whom, and what failing costs: rates, hedges, time aside, and whose fault it
// is.
#include "actors/peer_selector/hedging.hpp"
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

namespace {

// So many fetches, each answered after 10 ms.
void warm(Fixture& f, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    f.want(100'000 + i);
    const Asked ask = f.only_ask();
    f.pass(10ms);
    f.value(ask);
    f.judge(f.only_answer(), Outcome::complete, false);
  }
}

// The peer is asked once, and says nothing.
void silent(Fixture& f, int peer) {
  f.want(99'999, {peer});
  f.pass(1s);
  f.end(99'999);
  f.clear();
}

// So many that one peer alone is busy enough for a slower one to be asked, too.
std::vector<int> asked_of_many(Fixture& f) {
  for (std::uint64_t i = 0; i < 40; ++i) f.want(50'000 + i);
  std::vector<int> peers;
  for (const Asked& ask : f.take_asks()) peers.push_back(ask.peer);
  for (std::uint64_t i = 0; i < 40; ++i) f.end(50'000 + i);
  return peers;
}

void lied(Fixture& f, int peer) {
  const auto fetch = static_cast<std::uint64_t>(1000 + peer);
  f.want(fetch, {peer});
  f.value(f.only_ask());
  f.judge(f.only_answer(), Outcome::invalid, true);
  f.end(fetch);
}

}  // namespace

TEST_CASE("R35 a peer at its rate is skipped for the next one") {
  Config config;
  config.requests_per_second = 10;  // and a burst of one
  Fixture f(config);
  f.connect({1, 2});
  for (std::uint64_t i = 1; i <= 3; ++i) f.want(i);
  const auto asks = f.take_asks();
  REQUIRE(asks.size() == 2);
  REQUIRE(asks[0].peer != asks[1].peer);
  REQUIRE(f.explain(3).waits_for == WaitsFor::rate);
}

TEST_CASE("R35 when all are at their rate the fetch goes on with the first token") {
  Config config;
  config.requests_per_second = 10;
  Fixture f(config);
  f.connect({1, 2});
  f.want(1);
  f.pass(40ms);
  f.want(2);
  f.want(3);
  f.clear();
  f.pass(59ms);
  REQUIRE(f.asks.empty());
  f.pass(2ms);
  REQUIRE(f.only_ask().key == key_of(3));
}

TEST_CASE("R35 a peer that was idle for long is asked no more at once than its burst") {
  Config config;
  config.requests_per_second = 10;
  Fixture f(config);
  f.connect({1});
  f.pass(7s);
  f.want(1);
  f.want(2);
  REQUIRE(f.take_asks().size() == 1);
  f.pass(99ms);
  REQUIRE(f.asks.empty());
  f.pass(2ms);
  REQUIRE(f.only_ask().key == key_of(2));
}

TEST_CASE("N2 when a third of those asked time out together it is us: nobody is charged") {
  Fixture f;
  f.connect({1, 2, 3});
  for (std::uint64_t i = 1; i <= 3; ++i) f.want(i);
  REQUIRE(f.take_asks().size() == 3);
  f.pass(1s);
  for (int peer = 1; peer <= 3; ++peer) REQUIRE(f.info(peer).latency_us == 0);
  REQUIRE(f.counter("timeouts_uncharged_total") == 3);
  // And timeouts are doubled: a second later the next ones are still out.
  REQUIRE(f.counter("requests_out") == 3);
  f.pass(1500ms);
  REQUIRE(f.counter("requests_timed_out_total") == 3);
  f.pass(1s);
  REQUIRE(f.counter("requests_timed_out_total") > 3);
}

TEST_CASE("N2 fewer than three prove nothing: they are charged") {
  Fixture f;
  f.connect({1, 2});
  f.want(1);
  f.want(2);
  f.pass(1s);
  REQUIRE(f.info(1).latency_us > 0);
  REQUIRE(f.info(2).latency_us > 0);
  REQUIRE(f.counter("timeouts_uncharged_total") == 0);
}

TEST_CASE("N2 a loop that ran late extends deadlines: what lies unread is not charged") {
  Fixture f;
  f.connect({1});
  f.want(1);
  const Asked ask = f.only_ask();
  f.now += 1200ms;  // the timeout was after one second
  f.core.time_passed(f.now);
  f.value(ask);
  f.judge(f.only_answer(), Outcome::complete, false);
  REQUIRE(f.counter("late_turns_total") == 1);
  REQUIRE(f.counter("requests_timed_out_total") == 0);
  REQUIRE(f.counter("answers_late_total") == 0);
}

TEST_CASE("N2 a timeout has room for what answers vary by, and for the transfer") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked first = f.only_ask();
  f.pass(100ms);
  f.value(first);
  f.judge(f.only_answer(), Outcome::complete, false);
  f.want(6);
  // The round trip, four deviations of half of it, and twice the transfer.
  REQUIRE(f.only_ask().wait_ms / 10 == (100 + 4 * 50 + 2 * 100) / 10);
}

TEST_CASE("N3 a second peer is asked when the first is slower than 95 % of its class") {
  Fixture f;
  f.connect({1, 2, 3});
  warm(f, 50);
  f.want(1);
  const Asked first = f.only_ask();
  f.pass(9ms);
  REQUIRE(f.asks.empty());
  f.pass(2ms);
  const Asked second = f.only_ask();
  REQUIRE(second.peer != first.peer);
  f.pass(15ms);
  REQUIRE(f.asks.empty());  // two at most
  f.value(second);
  f.judge(f.only_answer(), Outcome::complete, false);
  REQUIRE(f.counter("hedges_total") == 1);
  REQUIRE(f.counter("hedges_won_total") == 1);
  // The loser is charged with what it has taken, because that is worse than its estimate.
  REQUIRE(f.info(first.peer).latency_us >= 16'000);
  REQUIRE(f.info(first.peer).timed_out == 0);
  f.value(first);
  REQUIRE(f.answers.empty());
}

TEST_CASE("N3 nobody is asked twice before fifty answers, nor where hedging is switched off") {
  Config config;
  const bool off = GENERATE(false, true);
  if (off) config.hedge_budget = 0;
  Fixture f(config);
  f.connect({1, 2});
  warm(f, off ? 50 : 49);
  f.want(1);
  f.only_ask();
  f.pass(100ms);
  REQUIRE(f.asks.empty());
}

TEST_CASE("N3 an urgent fetch may have three requests out") {
  Fixture f;
  f.connect({1, 2, 3, 4});
  for (std::uint64_t i = 0; i < 50; ++i) {
    f.want(500 + i, {}, Class::urgent);
    const Asked ask = f.only_ask();
    f.pass(10ms);
    f.value(ask);
    f.judge(f.only_answer(), Outcome::complete, false);
  }
  f.want(1, {}, Class::urgent);
  f.pass(60ms);
  REQUIRE(f.take_asks().size() == 3);
}

TEST_CASE("N3 hedges stay within five percent and a burst of ten") {
  Fixture f;
  f.connect({1, 2, 3});
  warm(f, 50);
  constexpr std::uint64_t kFetches = 400;
  for (std::uint64_t i = 1; i <= kFetches; ++i) {
    f.want(i);
    f.pass(11ms);
    for (const Asked& ask : f.take_asks()) f.value(ask);
    f.judge(f.only_answer(), Outcome::complete, false);
  }
  const auto hedged = f.counter("hedges_total");
  REQUIRE(hedged >= 20);
  REQUIRE(hedged <= 10 + (50 + kFetches) / 20 + 1);
}

TEST_CASE("N3 nobody is asked beside another while our own verifier is behind") {
  Fixture f;
  f.connect({1, 2, 3});
  warm(f, 50);
  for (std::uint64_t i = 1000; i < 1300; ++i) {
    f.want(i);
    f.value(f.only_ask());
  }
  f.want(1);
  f.only_ask();
  f.pass(60ms);
  REQUIRE(f.asks.empty());
}

TEST_CASE(
    "N3 where those that were asked since are slow, too, it is our line: nobody is asked twice") {
  Fixture f;
  f.connect({1, 2, 3});
  warm(f, 50);
  f.want(1);
  f.only_ask();
  f.pass(1ms);
  f.want(2);
  f.want(3);
  const bool one_answers = GENERATE(true, false);
  if (one_answers) f.value(f.asks.front());
  f.clear();
  f.pass(9500us);
  const bool asked_twice =
      std::ranges::any_of(f.asks, [](const Asked& ask) { return ask.key == key_of(1); });
  REQUIRE(asked_twice == one_answers);
}

TEST_CASE("N3 where everybody is much slower than usual nobody is asked twice") {
  const Config config;
  Hedging hedging(config);
  for (int i = 0; i < 256; ++i) hedging.answered(Class::normal, 10ms, config);
  REQUIRE(hedging.after(Class::normal, 1s, config) == Duration(10ms));
  for (int i = 0; i < 256; ++i) hedging.answered(Class::normal, 100ms, config);
  REQUIRE(hedging.after(Class::normal, 1s, config) == Hedging::kLong);
  for (int i = 0; i < 256; ++i) hedging.answered(Class::normal, 12ms, config);
  REQUIRE(hedging.after(Class::normal, 1s, config) == Duration(12ms));
}

TEST_CASE("N5 a peer that failed is left alone for a while, and then asked again") {
  Fixture f;
  f.connect({1, 2});
  silent(f, 1);
  for (const int peer : asked_of_many(f)) REQUIRE(peer == 2);
  f.pass(1300ms);
  f.clear();
  REQUIRE(std::ranges::count(asked_of_many(f), 1) > 0);
}

TEST_CASE("N5 R10 a peer left alone is asked at once for what nobody else has") {
  Fixture f;
  f.connect({1, 2});
  silent(f, 1);
  const Time before = f.now;
  f.want(1);
  const Asked first = f.only_ask();
  REQUIRE(first.peer == 2);
  f.no_data(first);
  REQUIRE(f.only_ask().peer == 1);
  REQUIRE(f.now == before);
}

TEST_CASE("N5 R13 a target left alone is asked where no other target is") {
  Fixture f;
  f.connect({1, 2});
  silent(f, 1);
  f.want(1, {1});
  REQUIRE(f.only_ask().peer == 1);
  f.want(2, {1, 2});
  REQUIRE(f.only_ask().peer == 2);
}

TEST_CASE("N5 many requests that fail together are one failure") {
  Fixture f;
  f.connect({1, 2});
  for (std::uint64_t i = 1; i <= 64; ++i) f.want(i, {1});
  f.clear();
  f.pass(1s);
  for (std::uint64_t i = 1; i <= 64; ++i) f.end(i);
  f.pass(1300ms);
  f.clear();
  REQUIRE(std::ranges::count(asked_of_many(f), 1) > 0);
}

TEST_CASE("N5 R4 the last candidate is never left alone") {
  Fixture f;
  f.connect({1, 2});
  silent(f, 1);
  f.remove(2);
  f.want(2);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("N5 a third of the peers asked turn liars at once: it is the verifier") {
  Fixture f;
  f.connect({1, 2, 3, 4});
  lied(f, 1);
  lied(f, 2);
  REQUIRE(f.info(1).state == PeerState::blocked);
  f.alarms.clear();
  lied(f, 3);
  REQUIRE(f.alarms.size() == 1);
  for (int peer = 1; peer <= 4; ++peer) REQUIRE(f.info(peer).state == PeerState::connected);
  lied(f, 4);
  REQUIRE(f.info(4).state == PeerState::connected);
  REQUIRE(f.counter("breaker_trips_total") == 1);
  // A minute after the last of them one lie is a lie again.
  f.pass(61s);
  f.clear();
  lied(f, 4);
  REQUIRE(f.info(4).state == PeerState::blocked);
}

TEST_CASE("N5 N10 a block and its offences survive a restart, in the set or not") {
  Fixture before;
  before.connect({1, 2, 3});
  lied(before, 1);
  before.block(2, 60'000);
  before.block(3, std::uint64_t{1} << 62);  // for ever
  before.remove(2);
  Config config;
  config.remembered = before.core.remembered(before.now);
  Fixture after(config);
  after.connect({1, 2, 3});
  REQUIRE(after.info(1).state == PeerState::blocked);
  REQUIRE(after.info(1).blocked_ms == 3'600'000);
  REQUIRE(after.info(2).state == PeerState::blocked);
  REQUIRE(after.info(3).state == PeerState::blocked);
  after.pass(61s);
  REQUIRE(after.info(2).state == PeerState::connected);
  // The next lie is the second.
  after.unblock(2);
  after.pass(1h);
  REQUIRE(after.info(1).state == PeerState::connected);
  after.clear();
  lied(after, 1);
  REQUIRE(after.info(1).blocked_ms == 2 * 3'600'000);
}

TEST_CASE("N10 a score survives a restart, and gives way to new answers") {
  Fixture before;
  before.connect({1, 2});
  for (std::uint64_t i = 0; i < 20; ++i) {
    before.want(i + 1);
    const Asked ask = before.only_ask();
    before.pass(ask.peer == 1 ? 5ms : 90ms);
    before.value(ask);
    before.judge(before.only_answer(), Outcome::complete, false);
  }
  Config config;
  config.remembered = before.core.remembered(before.now);
  Fixture after(config);
  after.connect({1, 2});
  REQUIRE(after.info(1).latency_us == before.info(1).latency_us);
  after.want(100);
  REQUIRE(after.only_ask().peer == 1);  // no newcomer any more
}

TEST_CASE("N5 two liars of many are liars") {
  Fixture f;
  f.connect({1, 2, 3, 4});
  lied(f, 1);
  lied(f, 2);
  REQUIRE(f.info(1).state == PeerState::blocked);
  REQUIRE(f.info(2).state == PeerState::blocked);
}
