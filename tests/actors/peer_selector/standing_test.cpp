// Peers that remember what they were asked for, and say when they have it.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

namespace {

class Waiting : public Fixture {
 public:
  explicit Waiting(std::vector<int> peers = {1, 2, 3}, Config config = {}) : Fixture(config) {
    connect(peers);
  }
  // Says no to all that is asked now and then, and remembers for so long.
  std::size_t all_say_no(Duration remembered = 20min) {
    std::size_t count = 0;
    while (!asks.empty()) {
      for (const Asked& ask : take_asks()) {
        no_data(ask, remembered);
        ++count;
      }
    }
    return count;
  }
  WaitsFor waits_for(std::uint64_t fetch) { return explain(fetch).waits_for; }
};
using Whom = std::vector<std::pair<int, Key>>;

}  // namespace

TEST_CASE("N15 an ask says for how long it wants to be remembered, longer after each round") {
  Waiting f({1});
  f.want(5);
  REQUIRE(f.asks.at(0).remember_ms == 20 * 60 * 1000);
  f.all_say_no();
  f.pass(10min);
  REQUIRE(f.asks.at(0).remember_ms == 40 * 60 * 1000);
  f.all_say_no(40min);
  for (int i = 0; i < 5; ++i) {
    f.pass(1h);
    f.all_say_no(2h);
  }
  f.pass(1h);
  REQUIRE(f.asks.at(0).remember_ms == 2 * 60 * 60 * 1000);
}

TEST_CASE("N15 while all remember nobody is asked again, until half of the time is over") {
  Waiting f;
  f.want(5);
  REQUIRE(f.all_say_no() == 3);
  REQUIRE(f.waits_for(5) == WaitsFor::have);
  const std::uint64_t looked_at = f.core.looked_at();
  f.pass(9min);
  REQUIRE(f.asks.empty());
  REQUIRE(f.core.looked_at() == looked_at);
  f.pass_until_asked(2min);
  REQUIRE(f.all_say_no() == 3);
  REQUIRE(f.counter("fetches_standing") == 1);
  f.end(5);
  REQUIRE(f.counter("fetches_standing") == 0);
}

TEST_CASE("N15 who says that it has it is asked next and at once, and only that one") {
  Waiting f;
  f.want(5);
  f.all_say_no();
  f.pass(3min);
  f.has(2, 5);
  const Asked ask = f.only_ask();
  REQUIRE(ask.peer == 2);
  REQUIRE(f.explain_asks(5).back().why == Why::have);
  REQUIRE(f.explain_asks(5).front().result == AskResult::remembered);
  f.value(ask);
  f.judge(f.only_answer(), Outcome::complete, false);
  REQUIRE(f.asks.empty());
  f.has(2, 5);
  REQUIRE(f.asks.empty());
  REQUIRE(f.counter("haves_unwanted_total") == 1);
}

TEST_CASE("N15 who remembers a fetch that is over is told that it need not, and nobody else is") {
  Waiting f({1, 2, 3, 4});
  f.want(5);
  f.all_say_no();
  f.has(2, 5);  // and forgets it by that
  f.block(3, 60'000);
  f.value(f.only_ask());
  f.judge(f.only_answer(), Outcome::complete, false);
  std::ranges::sort(f.to_forget);
  REQUIRE(f.to_forget == Whom{{1, key_of(5)}, {4, key_of(5)}});
}

TEST_CASE("N15 so is who remembers it in the middle of a round, and who does for one of others") {
  Waiting f;
  f.want(5);
  const int remembers = f.asks.at(0).peer;
  f.no_data(f.only_ask(), 20min);
  f.no_data(f.only_ask());
  f.want(6);
  f.end(5);
  REQUIRE(f.to_forget == Whom{{remembers, key_of(5)}});
}

TEST_CASE("N15 it is asked at once also where another is being asked, in the middle of a round") {
  Waiting f;
  f.want(5);
  const Asked first = f.only_ask();
  f.no_data(first, 20min);
  const Asked second = f.only_ask();
  f.has(first.peer, 5);
  const Asked third = f.only_ask();
  REQUIRE(third.peer == first.peer);
  // Said again while it is asked: once is enough.
  f.has(first.peer, 5);
  REQUIRE(f.asks.empty());
  f.value(third);
  f.judge(f.only_answer(), Outcome::complete, false);
  f.no_data(second, 20min);
  REQUIRE(f.asks.empty());
}

TEST_CASE("R22 N15 who has it is not asked where the fetch ends in the same turn") {
  Waiting f;
  f.want(5);
  const Asked first = f.only_ask();
  f.no_data(first, 20min);
  f.only_ask();
  f.core.have_received(f.index(first.peer), key_of(5), f.now);
  f.end(5);
  REQUIRE(f.asks.empty());
}

TEST_CASE("N15 of several that have it in one turn the last is asked") {
  Waiting f({1, 2, 3, 4});
  f.want(5);
  const Asked first = f.only_ask();
  f.no_data(first, 20min);
  const Asked second = f.only_ask();
  f.no_data(second, 20min);
  f.only_ask();
  f.core.have_received(f.index(first.peer), key_of(5), f.now);
  f.has(second.peer, 5);
  REQUIRE(f.only_ask().peer == second.peer);
  f.has(second.peer, 5);
  REQUIRE(f.asks.empty());
}

TEST_CASE(
    "N15 it is asked at once also where a newcomer is being asked, before whom nobody else is") {
  Waiting f;
  f.want(5);
  f.all_say_no();
  f.add(4);
  f.lives(4);
  f.pass(10ms);
  const Asked newcomer = f.only_ask();
  REQUIRE(newcomer.peer == 4);
  f.has(1, 5);
  const Asked ask = f.only_ask();
  REQUIRE(ask.peer == 1);
  f.no_data(ask, 20min);
  f.no_data(newcomer, 20min);
  REQUIRE(f.waits_for(5) == WaitsFor::have);
  f.pass(5min);
  REQUIRE(f.asks.empty());
}

TEST_CASE("N15 a value that turns out wrong is asked for elsewhere: of who has it, if it said so") {
  Waiting f({1, 2, 3, 4});
  f.want(5);
  f.all_say_no();
  f.has(1, 5);
  const Asked lie = f.only_ask();
  f.value(lie);
  const link::Answer answer = f.only_answer();
  f.has(3, 5);  // while it is judged
  REQUIRE(f.asks.empty());
  f.judge(answer, Outcome::invalid, true);
  REQUIRE(f.only_ask().peer == 3);
}

TEST_CASE("N15 who said that it has it, and has not, remembers again or is asked with the others") {
  Waiting f;
  f.want(5);
  f.all_say_no();
  f.has(2, 5);
  f.no_data(f.only_ask(), 20min);
  REQUIRE(f.waits_for(5) == WaitsFor::have);
  f.pass(5min);
  REQUIRE(f.asks.empty());
  f.has(2, 5);
  f.no_data(f.only_ask());
  REQUIRE(f.waits_for(5) == WaitsFor::retry);
  f.pass(7s);
  REQUIRE(f.only_ask().peer == 2);  // and nobody else, who all remember
}

TEST_CASE("N15 who says so again and again and has not is believed a hundred times a second") {
  Waiting f({1});
  for (std::uint64_t n = 1; n <= 400; ++n) f.want(n);
  f.all_say_no();
  std::size_t asked = 0;
  for (int round = 0; round < 10; ++round) {
    for (std::uint64_t n = 1; n <= 400; ++n) {
      f.has(1, n);
      asked += f.all_say_no();
    }
  }
  REQUIRE(asked >= 10);
  REQUIRE(asked <= 12);
  f.pass(1s);
  REQUIRE(f.counter("haves_untrue_total") == asked);
  f.has(1, 1);
  REQUIRE(f.asks.size() == 1);
}

TEST_CASE("N15 only those that do not remember are asked again, paced") {
  Waiting f;
  f.want(5);
  std::map<int, int> asked;
  for (int i = 0; i < 20; ++i) {
    while (!f.asks.empty()) {
      for (const Asked& ask : f.take_asks()) {
        ++asked[ask.peer];
        f.no_data(ask, ask.peer == 2 ? 0min : 20min);
      }
    }
    f.pass_until_asked(7s);
  }
  REQUIRE(asked[1] == 1);
  REQUIRE(asked[3] == 1);
  REQUIRE(asked[2] == 20);
}

TEST_CASE("N15 one that stays silent is left alone as long as others remember") {
  Waiting f({1, 2, 3, 4});
  f.want(5);
  int silent = 0;
  for (int i = 0; i < 300; ++i) {
    for (const Asked& ask : f.take_asks()) {
      if (ask.peer == 2) {
        ++silent;
      } else {
        f.no_data(ask, 20min);
      }
    }
    f.pass(1s);
  }
  // In five minutes: a second's rest, then two, four, and so on, to half a minute.
  REQUIRE(silent >= 11);
  REQUIRE(silent <= 16);
}

TEST_CASE("N15 one that was left alone for long is asked seconds after it is back") {
  Waiting f({1, 2, 3, 4});
  bool silent = true;
  std::set<Key> asked_of_2;
  const auto answer = [&] {
    while (!f.asks.empty()) {
      for (const Asked& ask : f.take_asks()) {
        if (ask.peer == 2) asked_of_2.insert(ask.key);
        if (ask.peer != 2 || !silent) f.no_data(ask, 20min);
      }
    }
  };
  const auto pass = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      f.pass(1s);
      answer();
    }
  };
  f.want(5);
  answer();
  while (f.info(2).left_alone_ms < 20'000) pass(1);
  silent = false;
  asked_of_2.clear();
  SECTION("it answers another fetch, that has nobody else to ask") {
    f.want(6);
    answer();
    REQUIRE(asked_of_2 == std::set{key_of(6)});
    REQUIRE(f.info(2).left_alone_ms == 0);
  }
  SECTION("it connects anew") {
    f.dies(2);
    while (f.info(2).state == PeerState::connected) pass(1);
    REQUIRE(f.info(2).left_alone_ms > 8'000);
    f.lives(2);
    while (f.info(2).state != PeerState::connected) pass(1);
  }
  pass(7);
  REQUIRE(asked_of_2.contains(key_of(5)));
}

TEST_CASE("N2 an answer that comes late is no sign that who was left alone is back") {
  Waiting f({1, 2});
  f.want(5, {2});
  const Asked late = f.only_ask();
  f.pass(1500ms);
  REQUIRE(f.info(2).left_alone_ms > 0);
  SECTION("no data") { f.no_data(late); }
  SECTION("a value") {
    f.value(late);
    f.judge(f.answers.back(), Outcome::complete, false);
  }
  REQUIRE(f.info(2).left_alone_ms > 0);
}

TEST_CASE("N15 a newcomer that remembers changes nothing, one that does not is asked again") {
  Waiting f;
  f.want(5);
  f.all_say_no();
  f.add(4);
  f.lives(4);
  f.pass(10ms);
  const Asked ask = f.only_ask();
  const bool remembers = GENERATE(true, false);
  f.no_data(ask, remembers ? 20min : 0min);
  REQUIRE(f.waits_for(5) == (remembers ? WaitsFor::have : WaitsFor::retry));
  f.pass_until_asked(7s);
  REQUIRE(f.asks.size() == (remembers ? 0 : 1));
  if (!remembers) REQUIRE(f.only_ask().peer == 4);
}

TEST_CASE("N15 a peer that has restarted or forgotten is told again, and no other, paced") {
  const bool restarts = GENERATE(true, false);
  Config config;
  config.retries_per_second = 100;
  Waiting f({1, 2}, config);
  f.in_bulk = true;
  for (std::uint64_t n = 1; n <= 200; ++n) f.want(n);
  f.in_bulk = false;
  f.turn();
  f.all_say_no();
  restarts ? f.restarts(1) : f.forgets(1);
  std::size_t asked = 0;
  for (int i = 0; i < 100; ++i) {
    for (const Asked& ask : f.take_asks()) {
      REQUIRE(ask.peer == 1);
      f.no_data(ask, 20min);
      ++asked;
    }
    f.pass(100ms);
    REQUIRE(f.asks.size() <= 21);
  }
  REQUIRE(asked == 200);
  f.pass(1min);
  REQUIRE(f.asks.empty());
}

TEST_CASE(
    "N15 what is remembered for too short a time, or longer than was asked, is not relied on") {
  Waiting f({1});
  f.want(5);
  f.all_say_no(1s);
  REQUIRE(f.waits_for(5) == WaitsFor::retry);
  f.pass_until_asked(10s);
  f.all_say_no(1000h);
  REQUIRE(f.waits_for(5) == WaitsFor::have);
  f.pass_until_asked(21min);
  REQUIRE(f.asks.size() == 1);
}

TEST_CASE("N15 a fetch restricted to targets stands with them, and believes no other") {
  Waiting f;
  f.want(5, {1, 2});
  REQUIRE(f.all_say_no() == 2);
  REQUIRE(f.waits_for(5) == WaitsFor::have);
  f.has(3, 5);
  REQUIRE(f.asks.empty());
  SECTION("a new target is asked, which has not been told") {
    f.add_targets(5, {3});
    REQUIRE(f.only_ask().peer == 3);
  }
  SECTION("so are all others when the targets are cleared") {
    f.clear_targets(5);
    const Asked ask = f.only_ask();
    REQUIRE(ask.peer == 3);
    f.no_data(ask, 20min);
    REQUIRE(f.waits_for(5) == WaitsFor::have);
    f.pass(5min);
    REQUIRE(f.asks.empty());
  }
  SECTION("a target that has it is asked") {
    f.has(1, 5);
    REQUIRE(f.only_ask().peer == 1);
  }
}

TEST_CASE("N15 R10 a target that was never connected was never told") {
  Waiting f(std::vector<int>{});
  f.add(1);
  f.want(5, {1, 9});
  REQUIRE(f.asks.empty());
  f.lives(1);
  REQUIRE(f.only_ask().peer == 1);
}

TEST_CASE("N15 a late no that remembers counts, too") {
  Waiting f({1, 2, 3, 4});
  f.want(5);
  Asked silent{};
  while (!f.asks.empty()) {
    const Asked ask = f.only_ask();
    if (ask.peer == 2) {
      silent = ask;
      f.pass_until_asked(2s);
    } else {
      f.no_data(ask, 20min);
    }
  }
  REQUIRE(silent.peer == 2);
  f.no_data(silent, 20min);
  f.pass(9min);
  REQUIRE(f.asks.empty());
}

TEST_CASE("N15 any number of fetches that stand cost nothing until their time") {
  Waiting f({1, 2});
  f.in_bulk = true;
  constexpr std::uint64_t kMany = 20'000;
  for (std::uint64_t n = 1; n <= kMany; ++n) f.want(n);
  std::size_t said_no = 0;
  for (std::vector<Asked> asks; said_no < 2 * kMany; said_no += asks.size()) {
    f.core.dispatch(f.now);
    f.carry_out();
    asks = f.take_asks();
    for (const Asked& ask : asks) f.no_data(ask, 20min);
  }
  f.in_bulk = false;
  f.pass(1s);
  REQUIRE(f.counter("fetches_standing") == kMany);
  const std::uint64_t looked_at = f.core.looked_at();
  f.pass(9min);
  REQUIRE(f.core.looked_at() == looked_at);
  REQUIRE(f.asks.empty());
}
