// What a ConsumerBridge makes of deliveries and verdicts.
#include "tests/actors/consumer_bridge/fixture.hpp"

TEST_CASE("R25 a verifier gets the key, the value, the subscribers and the peer") {
  Bridge bridge;
  bridge.hello(1);
  link::Judge judge{{5}, Key(std::string(32, 'x')), {}, {Tag("a"), Tag("b")}, Payload::of("v")};
  judge.peer.bytes[3] = std::byte{9};
  bridge.core.judge_received(judge, bridge.now);
  bridge.look();
  const auto job = bridge.job();
  REQUIRE(job.worker == WorkerId{1});
  REQUIRE(job.item.key == judge.key);
  REQUIRE(job.item.peer == judge.peer);
  REQUIRE(job.item.subscribers == judge.subscribers);
  REQUIRE(job.item.value == judge.value);
}

TEST_CASE("R26 a value waits for a verifier while others are judged, first come first served") {
  Bridge bridge;
  bridge.hello(1, 1);
  for (const std::uint64_t delivery : {1, 2, 3}) bridge.judge(delivery);
  const auto first = bridge.job();
  bridge.answer(1, first.item.job);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
  bridge.answer(1, bridge.job().item.job, Outcome::unresolved);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{2}, Outcome::unresolved, {}}});
  bridge.answer(1, bridge.job().item.job, Outcome::invalid);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{3}, Outcome::invalid, {}}});
}

TEST_CASE("R28 a partial verdict names subscribers by their index, and is passed on") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1, 3);
  bridge.answer(1, bridge.job().item.job, Outcome::partial, {0, 2});
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::partial, {0, 2}}});
}

TEST_CASE("R30 withheld and ignored are verdicts like others") {
  const Outcome outcome = GENERATE(Outcome::withheld, Outcome::ignored);
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  bridge.answer(1, bridge.job().item.job, outcome);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, outcome, {}}});
  REQUIRE(bridge.jobs().empty());
}

TEST_CASE("N6 without a verifier a value waits, and nothing is lost") {
  Bridge bridge;
  bridge.judge(1);
  bridge.after(24h);
  REQUIRE(bridge.jobs().empty());
  REQUIRE(bridge.verdicts().empty());
  bridge.hello(1);
  REQUIRE(bridge.job().worker == WorkerId{1});
}

TEST_CASE("N6 a value whose verifier is gone, failed or stalled goes to another verifier") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const auto first = bridge.job();
  bridge.hello(2);
  SECTION("gone") { bridge.gone(1); }
  SECTION("failed") { bridge.fail(1, first.item.job); }
  SECTION("stalled") { bridge.after(kDeadline); }
  SECTION("sent what is no message") {
    bridge.core.unfit_received({1}, {Reason::malformed, "garbage"}, bridge.now);
    bridge.look();
    REQUIRE(bridge.taken<workers::Refuse>().size() == 1);
  }
  SECTION("answered like a storage") {
    bridge.core.nonsense_received({1}, first.item.job, bridge.now);
    bridge.look();
  }
  const auto second = bridge.job();
  REQUIRE(second.worker == WorkerId{2});
  REQUIRE(second.item.job != first.item.job);
  REQUIRE(second.item.value == first.item.value);
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.counter("verdicts_lost_total") == 1);
  bridge.answer(2, second.item.job);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
}

TEST_CASE("N6 what a verifier holds that leaves in good order goes to others, and is no loss") {
  Bridge bridge;
  bridge.judge(1);
  for (std::uint64_t verifier = 1; verifier <= 5; ++verifier) {
    bridge.hello(verifier);
    REQUIRE(bridge.job().worker == WorkerId{verifier});
    bridge.core.bye_received({verifier}, bridge.now);
    bridge.look();
    REQUIRE(bridge.taken<Forget>() == std::vector<Forget>{{{verifier}}});
  }
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.counter("verdicts_lost_total") == 0);
}

TEST_CASE("N6 a verifier that fails at once makes no poison of what a busy one can judge") {
  Bridge bridge;
  bridge.hello(1, 1);
  bridge.judge(1);
  const auto slow = bridge.job();
  bridge.hello(2, 8);
  std::uint64_t failures = 0;
  for (std::uint64_t delivery = 2; delivery <= 20; ++delivery) {
    bridge.judge(delivery);
    for (const auto& job : bridge.jobs()) {
      REQUIRE(job.worker == WorkerId{2});
      bridge.fail(2, job.item.job);
      ++failures;
    }
  }
  REQUIRE(failures == 19);
  bridge.answer(1, slow.item.job);
  for (std::uint64_t delivery = 2; delivery <= 20; ++delivery) {
    const auto job = bridge.job();
    REQUIRE(job.worker == WorkerId{1});
    bridge.answer(1, job.item.job);
  }
  REQUIRE(bridge.verdicts().size() == 20);
  REQUIRE(bridge.counter("verdicts_complete_total") == 20);
}

TEST_CASE("N6 a verdict that makes no sense is a lost verdict") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1, 2);
  const auto first = bridge.job();
  bridge.hello(2);
  SECTION("lost is not a verifier's word") { bridge.answer(1, first.item.job, Outcome::lost); }
  SECTION("satisfied without partial") { bridge.answer(1, first.item.job, Outcome::complete, {0}); }
  SECTION("partial without anybody") { bridge.answer(1, first.item.job, Outcome::partial); }
  SECTION("out of range") { bridge.answer(1, first.item.job, Outcome::partial, {0, 2}); }
  SECTION("twice the same") { bridge.answer(1, first.item.job, Outcome::partial, {1, 1}); }
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.job().worker == WorkerId{2});
  REQUIRE(bridge.counter("verifiers_nonsense_total") == 1);
}

TEST_CASE("N6 a value that has lost three verdicts is poison: one verdict `lost` and an alarm") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  for (int loss = 0; loss < 3; ++loss) {
    REQUIRE(bridge.verdicts().empty());
    REQUIRE(bridge.taken<Alarm>().empty());
    bridge.fail(1, bridge.job().item.job);
  }
  REQUIRE(bridge.verdicts() == lost(1));
  REQUIRE(
      bridge.taken<Alarm>() ==
      std::vector<Alarm>{{Key(std::string(32, 'k')), {}, "the verifier failed: out of memory"}});
  REQUIRE(bridge.jobs().empty());
  REQUIRE(bridge.counter("poison_total") == 1);
}

TEST_CASE("N6 a value that kills verifiers makes no poison of those judged beside it") {
  Bridge bridge;
  constexpr std::uint64_t kPoison = 3;
  for (std::uint64_t delivery = 1; delivery <= 20; ++delivery) {
    bridge.judge(delivery, 1, delivery == kPoison ? "poison" : "value");
  }
  // A verifier that dies of one value before its answers are out, and is started again each time.
  std::vector<link::Verdict> verdicts;
  for (std::uint64_t life = 1; life <= 10 && verdicts.size() < 20; ++life) {
    bridge.hello(life);
    for (auto jobs = bridge.jobs(); !jobs.empty(); jobs = bridge.jobs()) {
      const bool dies = std::any_of(jobs.begin(), jobs.end(), [](const auto& job) {
        return job.item.value == Payload::of("poison");
      });
      if (dies) {
        bridge.gone(life);
        break;
      }
      for (const auto& job : jobs) bridge.answer(life, job.item.job);
    }
    for (auto& verdict : bridge.verdicts()) verdicts.push_back(verdict);
  }
  REQUIRE(verdicts.size() == 20);
  for (const auto& verdict : verdicts) {
    const Outcome outcome = verdict.delivery.value == kPoison ? Outcome::lost : Outcome::complete;
    REQUIRE(verdict.outcome == outcome);
  }
}

TEST_CASE("N6 a last try is given even when other values never leave a verifier idle") {
  Bridge bridge;
  bridge.hello(1, 2);
  bridge.judge(1);
  bridge.fail(1, bridge.job().item.job);
  bridge.judge(2);
  bridge.judge(3);
  const auto jobs = bridge.jobs();
  REQUIRE(jobs.size() == 2);
  bridge.fail(1, jobs[0].item.job);
  bridge.answer(1, jobs[1].item.job);
  const auto last = bridge.job();
  bridge.judge(4);
  REQUIRE(bridge.jobs().empty());
  bridge.answer(1, last.item.job, Outcome::invalid);
  REQUIRE(bridge.jobs().size() == 2);
  REQUIRE(bridge.verdicts().back() == link::Verdict{{1}, Outcome::invalid, {}});
}

TEST_CASE(
    "an answer for a job of another verifier, for none, or a second one is dropped and counted") {
  Bridge bridge;
  bridge.hello(1, 1);
  bridge.judge(1);
  const auto job = bridge.job();
  bridge.hello(2);
  bridge.answer(2, job.item.job);
  bridge.answer(1, {12345});
  REQUIRE(bridge.verdicts().empty());
  bridge.answer(1, job.item.job);
  REQUIRE(bridge.verdicts().size() == 1);
  bridge.answer(1, job.item.job, Outcome::invalid);
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.counter("verdicts_unmatched_total") == 3);
}

TEST_CASE("who is not attached has no say, and is told to say hello") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const auto job = bridge.job();
  bridge.answer(9, job.item.job);
  const auto refused = bridge.taken<workers::Refuse>();
  REQUIRE(refused.size() == 1);
  REQUIRE(refused[0].worker == WorkerId{9});
  REQUIRE(refused[0].reason == Reason::unknown);
  REQUIRE(bridge.verdicts().empty());
}

TEST_CASE("N6 a stalled verifier is given nothing more until it answers") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const auto first = bridge.job();
  bridge.after(kDeadline);
  bridge.judge(2);
  REQUIRE(bridge.jobs().empty());
  bridge.answer(1, first.item.job);
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.jobs().size() == 2);
}

TEST_CASE("N6 the oldest job runs out first, wherever chance lets the ids begin") {
  Bridge bridge(UINT64_MAX);
  bridge.hello(1, 2);
  bridge.judge(1);
  const auto first = bridge.job();
  bridge.after(kDeadline / 2);
  bridge.judge(2);
  REQUIRE(bridge.job().item.job > first.item.job);
  bridge.hello(2);
  bridge.after(kDeadline / 2);
  REQUIRE(bridge.job().item.value == first.item.value);
}

TEST_CASE("N6 a verifier that stalls for ever leaves no value without a verdict") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const Time begin = bridge.now;
  std::vector<link::Verdict> verdicts;
  while (verdicts.empty() && bridge.now < begin + 10min) {
    bridge.after(bridge.core.next_deadline() - bridge.now);
    verdicts = bridge.verdicts();
  }
  REQUIRE(verdicts == lost(1));
}

TEST_CASE("R21 an abort is told to the verifier, and a first verdict still counts") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const JobId job = bridge.job().item.job;
  bridge.abort(1);
  bridge.abort(1);
  REQUIRE(bridge.taken<ToWorker<worker::Abort>>() ==
          std::vector<ToWorker<worker::Abort>>{{{1}, {job}}});
  REQUIRE(bridge.verdicts().empty());
  bridge.answer(1, job, Outcome::invalid);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::invalid, {}}});
}

TEST_CASE("R21 the lost verdict of an aborted delivery is not sought again") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  const JobId job = bridge.job().item.job;
  bridge.hello(2);
  bridge.abort(1);
  bridge.fail(1, job);
  REQUIRE(bridge.verdicts() == lost(1));
  REQUIRE(bridge.jobs().empty());
  REQUIRE(bridge.taken<Alarm>().empty());
}

TEST_CASE("R21 an aborted delivery that waits is never handed out") {
  Bridge bridge;
  bridge.judge(1);
  bridge.abort(1);
  REQUIRE(bridge.verdicts() == lost(1));
  bridge.hello(1);
  REQUIRE(bridge.jobs().empty());
  bridge.abort(1);
  REQUIRE(bridge.verdicts().empty());
}

TEST_CASE(
    "how many verifiers are attached is said whenever it changes, and after the Engine's hello") {
  Bridge bridge;
  bridge.core.engine_attached();
  bridge.look();
  bridge.hello(1);
  bridge.hello(1);
  bridge.hello(2);
  bridge.gone(1);
  std::vector<std::uint32_t> said;
  for (const auto& attached : bridge.taken<link::Attached>()) said.push_back(attached.workers);
  REQUIRE(said == std::vector<std::uint32_t>{0, 1, 2, 1});
}

TEST_CASE("N14 what was said in the turn of the Engine's Hello was for its earlier life") {
  Bridge bridge;
  bridge.hello(1, 1);
  bridge.judge(1);
  const JobId job = bridge.job().item.job;
  bridge.look();
  bridge.taken<link::Attached>();
  bridge.core.verdict_received({1}, {job, Outcome::complete, {}}, bridge.now);
  bridge.core.engine_attached();
  bridge.look();
  REQUIRE(bridge.verdicts().empty());
  REQUIRE(bridge.taken<link::Attached>().size() == 1);
}

TEST_CASE("N14 an Engine that starts again finds no job left, and what it sends is judged anew") {
  Bridge bridge;
  bridge.hello(1, 1);
  bridge.judge(1);
  bridge.judge(2);
  const JobId job = bridge.job().item.job;
  bridge.core.engine_attached();
  bridge.look();
  REQUIRE(bridge.taken<ToWorker<worker::Abort>>().size() == 1);
  bridge.judge(1);
  REQUIRE(bridge.jobs().empty());
  bridge.answer(1, job, Outcome::invalid);
  REQUIRE(bridge.verdicts().empty());
  bridge.answer(1, bridge.job().item.job);
  REQUIRE(bridge.verdicts() == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
}

TEST_CASE("N14 a verifier that comes back on a new connection is given its jobs again") {
  Bridge bridge;
  bridge.hello(1, 100, 500);
  bridge.judge(1);
  const auto first = bridge.job();
  bridge.hello(2, 100, 500);
  bridge.gone(1);
  const auto again = bridge.job();
  REQUIRE(again.worker == WorkerId{2});
  REQUIRE(again.item == first.item);
  bridge.answer(2, again.item.job);
  REQUIRE(bridge.verdicts().size() == 1);
  REQUIRE(bridge.counter("verdicts_lost_total") == 0);
}

TEST_CASE("N8 a delivery beyond the limit is answered lost at once") {
  Bridge bridge;
  for (std::uint64_t delivery = 1; delivery <= kMaxDeliveries; ++delivery) {
    bridge.core.judge_received({{delivery}, Key(std::string(32, 'k')), {}, {}, {}}, bridge.now);
  }
  bridge.judge(kMaxDeliveries + 1);
  REQUIRE(bridge.verdicts() == lost(kMaxDeliveries + 1));
}

TEST_CASE("a small value that waits does not pin the frame that it came in") {
  Bridge bridge;
  const Payload frame = Payload::of(std::string(64 * 1024, 'f'));
  bridge.core.judge_received({{1}, Key(std::string(32, 'k')), {}, {}, frame.slice(0, 100)},
                             bridge.now);
  bridge.look();
  REQUIRE(frame.owner().use_count() == 1);
}

TEST_CASE("R40 a survey tells the verifiers and the counters, then is done") {
  Bridge bridge;
  bridge.hello(1);
  bridge.judge(1);
  bridge.effects.clear();
  bridge.core.survey_received({{8}}, bridge.now);
  bridge.look();
  REQUIRE(bridge.taken<report::WorkerInfo>().size() == 1);
  REQUIRE(bridge.effects.back() == Effect{report::Done{{8}, 1}});
  REQUIRE(bridge.counter("judge_jobs_total") == 1);
  REQUIRE(bridge.counter("judge_jobs_out") == 1);
}
