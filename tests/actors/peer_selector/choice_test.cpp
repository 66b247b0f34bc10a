// Scores, and the choice among candidates.
#include "actors/peer_selector/choice.hpp"

#include <deque>
#include <map>

#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::peer_selector;
using namespace std::chrono_literals;

namespace {

const Time kStart{1000h};

struct Bench {
  std::deque<Score> scores;
  std::vector<Candidate> candidates;
  Pool pool;
  Choice choice{3};

  void add(Duration latency, std::uint32_t in_flight = 0, std::uint64_t bytes = 1000) {
    Score& score = scores.emplace_back();
    if (latency > 0ns) score.accepted(latency, bytes, kStart);
    const auto id = static_cast<std::uint32_t>(candidates.size());
    candidates.push_back({candidates.size(), in_flight, &score, id});
  }
  std::map<std::size_t, int> picks(int number, std::uint64_t bytes = 0) {
    std::map<std::size_t, int> picks;
    for (int i = 0; i < number; ++i) {
      const auto picked = choice.pick(candidates.size(), bytes, pool,
                                      [&](std::size_t at) { return candidates[at]; });
      ++picks[picked->index];
    }
    return picks;
  }
};

}  // namespace

TEST_CASE("N1 the nearest of a few is picked, and now and then another") {
  Bench bench;
  for (const auto latency : {50ms, 5ms, 80ms}) bench.add(latency);
  const auto picks = bench.picks(20'000);
  REQUIRE(picks.at(1) > 19'900);
  REQUIRE(picks.size() == 3);
}

TEST_CASE("N1 among four or more nobody gets more than half of the picks") {
  Bench bench;
  for (const auto latency : {50ms, 5ms, 80ms, 30ms}) bench.add(latency);
  const auto picks = bench.picks(1000);
  REQUIRE(picks.at(1) >= 450);
  REQUIRE(picks.at(1) <= 516);
  REQUIRE(picks.at(3) > 400);  // the next best
}

TEST_CASE("N11 what a choice weighed up, and why it fell so, can be told") {
  Bench bench;
  bench.add(5ms);
  bench.add(50ms, 2);
  const auto at = [&](std::size_t i) { return bench.candidates[i]; };
  std::map<Why, int> why;
  for (int i = 0; i < 1000; ++i) ++why[bench.choice.pick(2, 0, bench.pool, at)->why];
  REQUIRE(why[Why::cheapest] > 900);
  REQUIRE(why[Why::explored] > 2);  // 0.02 / 2 / 1 of the best itself, and a little of the other
  REQUIRE(bench.choice.considered().size() == 2);
  for (const Candidate& candidate : bench.choice.considered()) {
    REQUIRE(candidate.cost_us == Choice::cost(candidate, 0, bench.pool));
  }
  REQUIRE(bench.choice.pick(1, 0, bench.pool, at)->why == Why::only);
  bench.add(0ns);
  REQUIRE(bench.choice.pick(3, 0, bench.pool, at)->why == Why::newcomer);
}

TEST_CASE("N1 load counts: a near peer with many requests out loses to an idle one") {
  Bench bench;
  bench.add(5ms, 9);
  bench.add(20ms, 0);
  REQUIRE(bench.picks(1000).at(1) > 900);
}

TEST_CASE("N1 equals are picked equally") {
  Bench bench;
  for (int i = 0; i < 4; ++i) bench.add(10ms);
  for (const auto& [index, count] : bench.picks(4000)) REQUIRE(std::abs(count - 1000) < 150);
}

TEST_CASE("N1 a newcomer is probed first, once at a time") {
  Bench bench;
  bench.add(1ms);
  bench.add(0ns);
  REQUIRE(bench.picks(1000).at(1) > 900);
  bench.candidates[1].in_flight = 1;
  REQUIRE(bench.picks(1000).at(0) > 900);
}

TEST_CASE("N1 failures make a peer costlier, and never infinitely so") {
  Score good, bad;
  good.accepted(10ms, 1000, kStart);
  bad.accepted(10ms, 1000, kStart);
  for (int i = 0; i < 10'000; ++i) bad.refused();
  const Pool pool;
  const double ratio = Choice::cost({0, 0, &bad}, 0, pool) / Choice::cost({0, 0, &good}, 0, pool);
  REQUIRE(ratio > 5);
  REQUIRE(ratio < 11);
}

TEST_CASE("N1 for large values the rate decides") {
  Bench bench;
  bench.add(100ms, 0, 10'000'000);
  bench.add(20ms, 0, 1000);
  REQUIRE(bench.picks(1000, 1'000'000).at(0) > 900);
}

TEST_CASE("N1 among many, somebody who may be asked is found, and nobody is nobody") {
  Choice choice(3);
  const Score score;
  for (std::size_t only = 0; only < 1000; only += 37) {
    const auto picked = choice.pick(1000, 0, Pool{}, [&](std::size_t i) {
      return i == only ? Candidate{i, 0, &score} : Candidate{};
    });
    REQUIRE(picked);
    REQUIRE(picked->index == only);
  }
  REQUIRE_FALSE(choice.pick(1000, 0, Pool{}, [](std::size_t) { return Candidate{}; }));
  REQUIRE_FALSE(choice.pick(0, 0, Pool{}, [](std::size_t) { return Candidate{}; }));
}

TEST_CASE("N1 one slow answer says little, many say all; silence counts at once") {
  Score score;
  const Pool pool;
  score.accepted(10ms, 1000, kStart);
  score.accepted(100ms, 1000, kStart + 1s);
  REQUIRE(score.latency_us(pool) < 20'000);
  for (int i = 0; i < 50; ++i) score.accepted(100ms, 1000, kStart + 2s);
  REQUIRE(score.latency_us(pool) > 99'000);
  score.overtaken(900ms, kStart + 3s);
  REQUIRE(score.latency_us(pool) == 900'000);
  score.accepted(10ms, 1000, kStart + 4s);
  REQUIRE(score.latency_us(pool) > 700'000);
  score.accepted(10ms, 1000, kStart + 90s);
  REQUIRE(score.latency_us(pool) < 12'000);
}

TEST_CASE("N1 the worse a peer is, the less often it is asked to see whether it still is") {
  Bench bench;
  bench.add(10ms);
  bench.add(20ms);
  bench.add(1000ms);
  const auto picks = bench.picks(50'000);
  REQUIRE(picks.at(1) > 100);               // 0.02 / 3 / 2: 167
  REQUIRE(picks.at(2) < picks.at(1) / 10);  // 0.02 / 3 / 100: 3
}

TEST_CASE("N2 timeouts follow the measured round trip within their bounds, and double in a row") {
  const Score::TimeoutBounds bounds{1s, 200ms, 2s};
  Score score;
  REQUIRE(score.timeout(0, bounds) == Duration(1s));
  for (int i = 0; i < 50; ++i) score.accepted(100ms, 1'000'000, kStart);
  const Duration settled = score.timeout(0, bounds);
  REQUIRE(settled == Duration(200ms));
  REQUIRE(score.timeout(3'000'000, bounds) > Duration(600ms));
  REQUIRE(score.timeout(1'000'000'000'000, bounds) == Duration(2s));
  for (int i = 0; i < 9; ++i) score.timed_out(200ms, kStart);
  REQUIRE(score.timeout(0, bounds) > Duration(700ms));
  score.accepted(100ms, 1000, kStart);
  REQUIRE(score.timeout(0, bounds) <= Duration(250ms));
}

TEST_CASE("N4 no success scores worse than a failure") {
  const Pool pool;
  Score answered, silent;
  answered.accepted(900ms, 1000, kStart);
  silent.timed_out(1s, kStart);
  REQUIRE(Choice::cost({0, 0, &answered}, 0, pool) < Choice::cost({0, 0, &silent}, 0, pool));
}
