#include "bus/thread.hpp"

#include <csignal>
#include <mutex>

#include "tests/bus/support.hpp"

namespace quarry::bus {
namespace {

using Catch::Matchers::Contains;

// Makes probes whose ends are written down.
struct Stage {
  std::mutex mutex;
  std::vector<std::string> ends;
  std::vector<std::thread::id> threads;

  Thread::Make actor(const std::string& who, std::function<void(Probe&)> prepare = {}) {
    return [this, who, prepare](Loop&) -> Result<std::unique_ptr<Actor>> {
      auto probe = std::make_unique<Probe>();
      probe->who = who;
      probe->on_destroyed = [this, who] {
        const std::scoped_lock lock(mutex);
        ends.push_back(who);
        threads.push_back(std::this_thread::get_id());
      };
      if (prepare) prepare(*probe);
      return probe;
    };
  }
};

TEST_CASE("A thread is ready when it is started, and ends its actors in reverse on itself") {
  Stage stage;
  std::thread::id made_on;
  auto thread = must(Thread::start(
      "trio", {stage.actor("a", [&](Probe&) { made_on = std::this_thread::get_id(); }),
               stage.actor("b"), stage.actor("c")}));
  CHECK(made_on != std::thread::id());
  CHECK(stage.ends.empty());
  thread.reset();
  CHECK(stage.ends == std::vector<std::string>{"c", "b", "a"});
  for (const auto& where : stage.threads) CHECK(where == made_on);
}

TEST_CASE("An actor that cannot be made ends those made before it, and the reason is given") {
  Stage stage;
  const bool throws = GENERATE(true, false);
  const Thread::Make bad = [&](Loop&) -> Result<std::unique_ptr<Actor>> {
    if (throws) throw std::runtime_error("no such thing");
    return error(Error::Kind::config, "no such thing");
  };
  const auto thread = Thread::start("half", {stage.actor("a"), stage.actor("b"), bad});
  REQUIRE_FALSE(thread);
  CHECK_THAT(thread.error().line(), Contains("no such thing"));
  CHECK(stage.ends == std::vector<std::string>{"b", "a"});
}

TEST_CASE("An actor that throws ends its thread, which tells who threw and why") {
  Stage stage;
  const bool known = GENERATE(true, false);
  std::promise<std::string> told;
  auto thread = must(
      Thread::start("doomed",
                    {stage.actor("innocent"), stage.actor("culprit",
                                                          [&](Probe& probe) {
                                                            probe.deadline = now() + 10ms;
                                                            probe.on_elapsed = [known](Time) {
                                                              if (!known) throw 7;
                                                              throw std::runtime_error("broken");
                                                            };
                                                          })},
                    [&](std::string reason) { told.set_value(reason); }));
  auto reason = told.get_future();
  REQUIRE(reason.wait_for(kPatience) == std::future_status::ready);
  const std::string why = reason.get();
  CHECK_THAT(why, Contains("doomed") && Contains("culprit") && !Contains("innocent"));
  CHECK_THAT(why, Contains(known ? "broken" : "unknown"));
  CHECK(thread->reason() == why);
  CHECK(stage.ends.size() == 2);
}

TEST_CASE("A thread that was asked to stop gives no reason") {
  Stage stage;
  bool told = false;
  auto thread = must(Thread::start("calm", {stage.actor("a")}, [&](std::string) { told = true; }));
  thread->stop();
  CHECK(thread->reason().empty());
  thread.reset();
  CHECK_FALSE(told);
}

TEST_CASE("Signals never reach a thread of the bus") {
  Stage stage;
  sigset_t blocked;
  auto thread = must(Thread::start("deaf", {stage.actor("a", [&](Probe&) {
                                     pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
                                   })}));
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) CHECK(sigismember(&blocked, signal) == 1);
  sigset_t ours;
  pthread_sigmask(SIG_SETMASK, nullptr, &ours);
  CHECK(sigismember(&ours, SIGUSR1) == 0);
}

}  // namespace
}  // namespace quarry::bus
