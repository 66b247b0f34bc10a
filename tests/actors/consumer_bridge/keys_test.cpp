// Verifiers that are for some keys only.
#include "tests/actors/consumer_bridge/fixture.hpp"

namespace {

std::vector<std::uint64_t> deliveries_lost(Bridge& bridge) {
  std::vector<std::uint64_t> lost;
  for (const auto& verdict : bridge.verdicts()) {
    REQUIRE(verdict.outcome == Outcome::lost);
    lost.push_back(verdict.delivery.value);
  }
  return lost;
}

}  // namespace

TEST_CASE("N12 a verifier gets the keys that it says it is for, and no others") {
  Bridge bridge;
  bridge.hello_for("ab", 1);
  bridge.judge_key('b', 1);
  CHECK(bridge.job().worker == WorkerId{1});
  bridge.judge_key('c', 2);
  CHECK(bridge.jobs().empty());
  bridge.hello_for("c", 2);
  CHECK(bridge.job().worker == WorkerId{2});
  bridge.judge_key('x', 3);
  CHECK(bridge.jobs().empty());
  bridge.hello(3);
  CHECK(bridge.job().worker == WorkerId{3});
}

TEST_CASE("N12 among the verifiers for a key the one with the most free credit gets it") {
  Bridge bridge;
  bridge.hello_for("a", 1, 10);
  bridge.hello(2, 5);
  bridge.hello_for("b", 3, 100);
  bridge.judge_key('a', 1);
  CHECK(bridge.job().worker == WorkerId{1});
  for (std::uint64_t delivery = 2; delivery <= 5; ++delivery) bridge.judge_key('a', delivery);
  bridge.jobs();
  bridge.judge_key('a', 6);
  CHECK(bridge.job().worker == WorkerId{2});
}

TEST_CASE("a key whose verifiers are busy or missing holds up no other") {
  Bridge bridge;
  bridge.hello_for("a", 1, 1);
  bridge.hello_for("b", 2, 10);
  bridge.judge_key('a', 1);
  const auto busy = bridge.job();
  bridge.judge_key('a', 2);
  bridge.judge_key('c', 3);
  CHECK(bridge.jobs().empty());
  bridge.judge_key('b', 4);
  CHECK(bridge.job().worker == WorkerId{2});
  bridge.answer(1, busy.item.job);
  CHECK(bridge.job().worker == WorkerId{1});
  CHECK(bridge.counter("judge_jobs_waiting") == 1);
}

TEST_CASE("R26 whichever verifiers they have, what came first is given first") {
  Bridge bridge;
  bridge.hello_for("a", 1, 1);
  bridge.judge_key('a', 1);
  bridge.jobs();
  bridge.judge_key('b', 2);
  bridge.judge_key('a', 3);
  bridge.judge_key('c', 4);
  bridge.judge_key('a', 5);
  bridge.hello(2, 4);
  std::string given;
  for (const auto& job : bridge.jobs()) given += text_of(job.item.key.view())[0];
  CHECK(given == "baca");
}

TEST_CASE("N6 what waits for a verifier of its keys is judged when one comes, and after it left") {
  Bridge bridge;
  bridge.judge_key('a', 1);
  bridge.hello_for("b", 1);
  CHECK(bridge.jobs().empty());
  bridge.hello_for("a", 2);
  CHECK(bridge.job().worker == WorkerId{2});
  bridge.gone(2);
  CHECK(bridge.jobs().empty());
  CHECK(bridge.verdicts().empty());
  bridge.hello_for("a", 3);
  bridge.answer(3, bridge.job().item.job);
  CHECK(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
}

TEST_CASE("N8 keys that no verifier is for never take all the room: the oldest is given up") {
  Bridge bridge;
  bridge.hello_for("a", 1, 1);
  SECTION("by number") {
    for (std::uint64_t delivery = 1; delivery <= kMaxUnclaimed; ++delivery) {
      bridge.judge_key('z', delivery);
    }
    CHECK(bridge.verdicts().empty());
    bridge.judge_key('z', 1000);
    bridge.judge_key('z', 1001);
    CHECK(deliveries_lost(bridge) == std::vector<std::uint64_t>{1, 2});
    CHECK(bridge.counter("judge_jobs_unclaimed_total") == 2);
    CHECK(bridge.counter("verdicts_lost_total") == 0);
  }
  SECTION("by size, but one that is too large alone waits") {
    bridge.judge(1, 1, std::string(kMaxUnclaimedBytes + 1, 'v'), 'z');
    CHECK(bridge.verdicts().empty());
    bridge.judge_key('z', 2);
    CHECK(deliveries_lost(bridge) == std::vector<std::uint64_t>{1});
    bridge.judge_key('z', 3);
    CHECK(bridge.verdicts().empty());
  }
  SECTION("what waits for busy verifiers is another matter") {
    for (std::uint64_t delivery = 1; delivery <= kMaxUnclaimed + 2; ++delivery) {
      bridge.judge_key('a', delivery);
    }
    CHECK(bridge.verdicts().empty());
  }
}

TEST_CASE("N6 while no verifier at all is attached nothing is given up") {
  constexpr std::uint64_t kMany = kMaxUnclaimed + 20;
  Bridge bridge;
  for (std::uint64_t delivery = 1; delivery <= kMany; ++delivery) bridge.judge_key('z', delivery);
  bridge.after(1h);
  CHECK(bridge.verdicts().empty());
  bridge.hello(1, 8);
  std::size_t judged = 0;
  for (auto jobs = bridge.jobs(); !jobs.empty(); jobs = bridge.jobs()) {
    judged += jobs.size();
    for (const auto& job : jobs) bridge.answer(1, job.item.job);
  }
  CHECK(judged == kMany);
}

TEST_CASE("N6 a last try without a verifier of its key holds up nobody") {
  Bridge bridge;
  bridge.hello_for("a", 1);
  bridge.judge_key('a', 1);
  bridge.fail(1, bridge.job().item.job);
  bridge.jobs();
  bridge.gone(1);
  CHECK(bridge.counter("verdicts_lost_total") == 2);
  bridge.hello_for("b", 2);
  bridge.judge_key('b', 2);
  CHECK(bridge.job().worker == WorkerId{2});
}

TEST_CASE("N6 a last try holds up only the verifiers of its key, until one of them is idle") {
  Bridge bridge;
  bridge.hello_for("a", 1, 2);
  bridge.hello_for("b", 2, 2);
  bridge.judge_key('a', 1);
  bridge.fail(1, bridge.job().item.job);
  bridge.judge_key('a', 2);
  const auto jobs = bridge.jobs();  // the second try of 1, and 2
  REQUIRE(jobs.size() == 2);
  bridge.fail(1, jobs[0].item.job);
  bridge.judge_key('a', 3);
  CHECK(bridge.jobs().empty());
  bridge.judge_key('b', 4);
  CHECK(bridge.job().worker == WorkerId{2});
  bridge.answer(1, jobs[1].item.job);
  const auto last = bridge.job();
  CHECK(last.item.key == Key(std::string(32, 'a')));
  bridge.answer(1, last.item.job);
  CHECK(bridge.job().worker == WorkerId{1});
}

TEST_CASE("N14 a verifier that comes back for other keys keeps the jobs that are still its own") {
  Bridge bridge;
  bridge.hello_for("ab", 1, 100, 500);
  bridge.judge_key('a', 1);
  bridge.judge_key('b', 2);
  bridge.jobs();
  bridge.hello_for("b", 2, 100, 500);
  bridge.gone(1);
  CHECK(bridge.job().item.key == Key(std::string(32, 'b')));
  bridge.hello_for("a", 3);
  CHECK(bridge.job().item.key == Key(std::string(32, 'a')));
  CHECK(bridge.counter("judge_jobs_waiting") == 0);
}

TEST_CASE("the Engine hears for which keys verifiers are attached") {
  Bridge bridge;
  bridge.hello_for("ba", 1);
  bridge.hello_for("ba", 2);
  bridge.hello(3);
  bridge.gone(3);
  bridge.gone(2);
  bridge.gone(1);
  const std::vector<KeyRange> some{{Prefix(std::string("a")), Prefix(std::string("a"))},
                                   {Prefix(std::string("b")), Prefix(std::string("b"))}};
  using link::Attached;
  CHECK(bridge.taken<Attached>() == std::vector<Attached>{{WorkerRole::verifier, 1, some},
                                                          {WorkerRole::verifier, 2, some},
                                                          {WorkerRole::verifier, 3, {}},
                                                          {WorkerRole::verifier, 2, some},
                                                          {WorkerRole::verifier, 1, some},
                                                          {WorkerRole::verifier, 0, {}}});
}
