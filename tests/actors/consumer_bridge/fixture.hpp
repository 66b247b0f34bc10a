// A ConsumerBridge with an Engine and verifiers that are said by verbs.
#pragma once

#include <map>
#include <random>

#include "actors/consumer_bridge/core.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::consumer_bridge;
using namespace std::chrono_literals;

inline constexpr Duration kDeadline = Config{}.job_deadline;

// Effects pile up in `effects`.
struct Bridge {
  explicit Bridge(std::uint64_t seed = 77) : core(Config{}, seed) {}

  void judge(std::uint64_t delivery, std::size_t subscribers = 2, std::string value = "value",
             char key = 'k') {
    link::Judge judge{{delivery}, Key(std::string(32, key)), {}, {}, Payload::of(std::move(value))};
    for (std::size_t i = 0; i < subscribers; ++i) judge.subscribers.emplace_back(std::to_string(i));
    core.judge_received(judge, now);
    look();
  }
  // One whose key is this letter, over and over.
  void judge_key(char key, std::uint64_t delivery) { judge(delivery, 1, "value", key); }
  void abort(std::uint64_t delivery) {
    core.abort_received({{delivery}});
    look();
  }
  void hello(std::uint64_t worker, std::uint32_t credit = 100, std::uint64_t instance = 0) {
    core.hello_received({worker},
                        {WorkerRole::verifier,
                         {instance == 0 ? 1000 + worker : instance},
                         credit,
                         0,
                         "digest",
                         "test"},
                        now);
    look();
  }
  // A verifier for the keys that begin with these letters.
  void hello_for(const std::string& letters, std::uint64_t worker, std::uint32_t credit = 100,
                 std::uint64_t instance = 0) {
    worker::Hello hello{WorkerRole::verifier,
                        {instance == 0 ? 1000 + worker : instance},
                        credit,
                        0,
                        "digest",
                        "test"};
    for (const char letter : letters) {
      const Prefix prefix(std::string(1, letter));
      hello.keys.push_back({prefix, prefix});
    }
    core.hello_received({worker}, hello, now);
    look();
  }
  void answer(std::uint64_t worker, JobId job, Outcome outcome = Outcome::complete,
              std::vector<std::uint16_t> satisfied = {}) {
    core.verdict_received({worker}, {job, outcome, std::move(satisfied)}, now);
    look();
  }
  void fail(std::uint64_t worker, JobId job) {
    core.failed_received({worker}, {job, "out of memory"}, now);
    look();
  }
  void gone(std::uint64_t worker) {
    core.worker_gone({worker}, now);
    look();
  }
  void after(Duration time) {
    now += time;
    core.time_passed(now);
    look();
  }
  void look() {
    core.check_invariants();
    for (Effect& effect : core.take_effects()) effects.push_back(std::move(effect));
  }

  // All effects of a kind since they were last asked for.
  template <class Kind>
  std::vector<Kind> taken() {
    std::vector<Kind> kinds;
    std::erase_if(effects, [&](const Effect& effect) {
      const auto* kind = std::get_if<Kind>(&effect);
      if (kind != nullptr) kinds.push_back(*kind);
      return kind != nullptr;
    });
    return kinds;
  }
  std::vector<link::Verdict> verdicts() { return taken<link::Verdict>(); }
  std::vector<ToWorker<worker::Judge>> jobs() { return taken<ToWorker<worker::Judge>>(); }
  ToWorker<worker::Judge> job() {
    const auto all = jobs();
    REQUIRE(all.size() == 1);
    return all[0];
  }
  std::uint64_t counter(const std::string& name) {
    core.survey_received({{1}}, now);
    look();
    for (const auto& counter : taken<report::Counter>()) {
      if (counter.name == name) return counter.value;
    }
    FAIL("no counter " << name);
    return 0;
  }

  Time now{1h};
  Core core;
  std::vector<Effect> effects;
};

inline std::vector<link::Verdict> lost(std::uint64_t delivery) {
  return {{{delivery}, Outcome::lost, {}}};
}
