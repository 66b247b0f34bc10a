#include "actors/workers/session.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::workers;
using namespace std::chrono_literals;

namespace {

struct Worker {
  // Lets time pass up to `time` from now; how often hello was said.
  int hellos_within(Duration time) {
    int hellos = 0;
    for (const Time end = now + time; session.next_deadline() <= end;) {
      now = std::max(now, session.next_deadline());
      session.time_passed(now);
      for (const auto& effect : session.take_effects()) {
        hellos += std::holds_alternative<worker::Hello>(effect) ? 1 : 0;
      }
    }
    now += time;
    return hellos;
  }
  void welcome(std::uint8_t key_length = 32) {
    session.heard(now);
    session.welcome_received({"main", key_length, 1000, "quarry"}, now);
  }
  void refuse(Reason reason) {
    session.heard(now);
    session.refused_received({reason, "because"}, now);
  }
  int warnings() {
    int warnings = 0;
    for (const auto& effect : session.take_effects()) {
      const auto* notice = std::get_if<Notice>(&effect);
      warnings += notice != nullptr && notice->warning ? 1 : 0;
    }
    return warnings;
  }

  Time now{1h};
  Session session{{WorkerRole::verifier, {5}, 10, 0, "digest", "test"}, 32, now};
};

}  // namespace

TEST_CASE("a worker says hello at once, and again until it is answered") {
  Worker worker;
  REQUIRE(worker.hellos_within(0s) == 1);
  const int hellos = worker.hellos_within(60s);
  REQUIRE(hellos >= 25);
  REQUIRE(hellos <= 40);
  worker.welcome();
  REQUIRE(worker.session.attached());
}

TEST_CASE("N14 a worker greets a door that has been silent, and not one that pings") {
  Worker worker;
  worker.hellos_within(0s);
  worker.welcome();
  for (int ping = 0; ping < 20; ++ping) {
    REQUIRE(worker.hellos_within(kGreetSilentAfter - 1ms) == 0);
    worker.session.heard(worker.now);
  }
  REQUIRE(worker.hellos_within(kGreetSilentAfter) == 1);
}

TEST_CASE("N14 a worker that the door does not know says hello at once, but not in a loop") {
  Worker worker;
  worker.hellos_within(0s);
  worker.welcome();
  worker.now += 1s;
  worker.refuse(Reason::unknown);
  REQUIRE_FALSE(worker.session.attached());
  REQUIRE(worker.hellos_within(0s) == 1);
  int hellos = 0;
  for (int refusal = 0; refusal < 100; ++refusal) {
    worker.refuse(Reason::unknown);
    hellos += worker.hellos_within(10ms);
  }
  REQUIRE(hellos <= 5);
}

TEST_CASE("a worker that is refused says why once, and asks again seldom") {
  Worker worker;
  worker.hellos_within(0s);
  worker.refuse(Reason::version);
  REQUIRE(worker.warnings() == 1);
  REQUIRE(worker.hellos_within(kGreetRefusedAfter - 1ms) == 0);
  REQUIRE(worker.hellos_within(1ms) == 1);
  worker.refuse(Reason::version);
  REQUIRE(worker.warnings() == 0);
}

TEST_CASE("a worker made for other keys leaves, and says so") {
  Worker worker;
  worker.hellos_within(0s);
  worker.welcome(20);
  REQUIRE_FALSE(worker.session.attached());
  const auto effects = worker.session.take_effects();
  REQUIRE(effects.size() == 2);
  REQUIRE(std::get<Notice>(effects[0]).warning);
  REQUIRE(std::holds_alternative<worker::Bye>(effects[1]));
}

TEST_CASE("R39 a worker that stops says good-bye once, and nothing after") {
  Worker worker;
  worker.hellos_within(0s);
  worker.welcome();
  worker.session.take_effects();
  worker.session.stopped();
  worker.session.stopped();
  worker.welcome();
  REQUIRE(worker.session.take_effects() == std::vector<Session::Effect>{worker::Bye{}});
  REQUIRE(worker.session.next_deadline() == kNever);
}
