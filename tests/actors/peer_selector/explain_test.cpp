// Who was asked, why, and what came of it.
#include "actors/peer_selector/journal.hpp"
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

namespace {

report::AskCandidate about(const report::AskInfo& ask, int peer) {
  for (const auto& candidate : ask.candidates) {
    if (candidate.peer == peer_key(peer)) return candidate;
  }
  FAIL("nothing is said of this peer");
  return {};
}

}  // namespace

TEST_CASE("N11 of each ask it is told who, why, when, and what came of it") {
  Fixture f;
  f.connect({1, 2});
  f.want(7);
  const Asked first = f.only_ask();
  f.pass(3ms);
  f.no_data(first);
  f.pass(2ms);
  const Asked second = f.only_ask();
  f.value(second);
  f.judge(f.only_answer(), Outcome::complete, false);
  f.pass(1s);

  const auto asks = f.explain_asks(7);
  REQUIRE(asks.size() == 2);
  REQUIRE(asks[0].peer == peer_key(first.peer));
  REQUIRE(asks[0].why == Why::newcomer);
  REQUIRE(asks[0].result == AskResult::no_data);
  REQUIRE(asks[0].age_ms == 1005);
  REQUIRE(asks[0].took_us == 3000);
  REQUIRE(asks[0].tried == 0);
  REQUIRE(about(asks[0], second.peer).standing == Standing::candidate);
  REQUIRE(asks[1].peer == peer_key(second.peer));
  REQUIRE(asks[1].result == AskResult::accepted);
  REQUIRE(asks[1].took_us == 2000);
  REQUIRE(asks[1].why == Why::only);
  REQUIRE(asks[1].tried == 1);
  REQUIRE(about(asks[1], first.peer).standing == Standing::tried);
  REQUIRE(f.explain_asks(8).empty());
}

TEST_CASE("N11 of a small network it is told who could not be asked, and why") {
  Config config;
  config.in_flight_cap = 1;
  Fixture f(config);
  f.connect({1, 2, 3, 4, 5, 6});
  f.add(7);
  f.add(8, PeerRole::serve_only);
  f.block(3, 60'000);
  f.want(1, {4});  // is busy from now on
  f.want(2, {5});
  f.overloaded(f.take_asks().back(), 1s);
  f.want(3, {1, 2, 3, 4, 5, 7});
  const Asked ask = f.take_asks().back();
  const auto asks = f.explain_asks(3);
  REQUIRE(asks.size() == 1);
  REQUIRE(asks[0].in_set == 8);
  REQUIRE(asks[0].result == AskResult::waiting);
  REQUIRE(about(asks[0], 3 - ask.peer).standing == Standing::candidate);
  REQUIRE(about(asks[0], 3).standing == Standing::blocked);
  REQUIRE(about(asks[0], 4).standing == Standing::busy);
  REQUIRE(about(asks[0], 5).standing == Standing::cooling);
  REQUIRE(about(asks[0], 6).standing == Standing::not_target);
  REQUIRE(about(asks[0], 7).standing == Standing::not_connected);
  REQUIRE(about(asks[0], 8).standing == Standing::serve_only);
}

TEST_CASE("N11 what became of an ask is told in all cases") {
  Fixture f;
  f.connect({1});
  f.want(1);
  const Asked ask = f.only_ask();
  const auto result = [&] { return f.explain_asks(1).front().result; };
  SECTION("waiting") { REQUIRE(result() == AskResult::waiting); }
  SECTION("timed out, and answered late") {
    f.pass(1s);
    REQUIRE(result() == AskResult::timed_out);
    f.value(ask);
    REQUIRE(result() == AskResult::judging);
  }
  SECTION("invalid") {
    f.value(ask);
    f.judge(f.only_answer(), Outcome::invalid, true);
    REQUIRE(result() == AskResult::invalid);
  }
  SECTION("overloaded") {
    f.overloaded(ask, 1s);
    REQUIRE(result() == AskResult::overloaded);
  }
  SECTION("too large") {
    f.too_large(ask, 100'000);
    REQUIRE(result() == AskResult::too_large);
  }
  SECTION("refused") {
    f.refused(1, ask.request, Reason::failed);
    REQUIRE(result() == AskResult::refused);
  }
  SECTION("abandoned") {
    f.block(1, 1000);
    REQUIRE(result() == AskResult::abandoned);
  }
  SECTION("send failed") {
    f.send_failed(ask);
    REQUIRE(result() == AskResult::send_failed);
  }
}

TEST_CASE("N11 of a fetch in progress it is also told what it waits for") {
  Fixture f;
  f.connect({1});
  f.want(1);
  f.no_data(f.only_ask());
  REQUIRE(f.explain_asks(1).size() == 1);
  REQUIRE(f.waits.size() == 1);
  REQUIRE(f.waits.front().waits_for == WaitsFor::retry);
}

TEST_CASE("N8 N11 the journal keeps the last asks, and forgets the oldest") {
  Journal journal;
  constexpr std::uint64_t kFirst = UINT64_MAX - 100;  // ids wrap, and leave out 0
  std::uint64_t id = kFirst;
  for (std::size_t i = 0; i < peer_selector::limits::kJournal + 10; ++i) {
    journal.asked(RequestId{id}).key = key_of(i % 2);
    if (++id == 0) id = 1;
  }
  const std::size_t kept = journal.of(key_of(0), peer_selector::limits::kJournal).size() +
                           journal.of(key_of(1), peer_selector::limits::kJournal).size();
  REQUIRE(kept == peer_selector::limits::kJournal - 1);  // the place of 0 stays empty
  const auto newest = journal.of(key_of(1), 3);
  REQUIRE(newest.size() == 3);
  REQUIRE(newest.back()->request.value == id - 1);
  REQUIRE(newest.front()->request.value == id - 5);
  journal.ended(RequestId{kFirst}, AskResult::no_data, Fixture::start());  // forgotten
  REQUIRE(journal.of(key_of(0), 1).front()->result == AskResult::waiting);
}
