#include "actors/workers/attached.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::workers;
using namespace std::chrono_literals;

namespace {

// A door for verifiers, and verbs that check the table after each event.
struct Door {
  explicit Door(Attached::Config config = {}) : table(config) {}

  static worker::Hello hello_of(std::uint64_t instance, std::uint32_t credit = 4,
                                std::string name = "digest", std::uint8_t abilities = 0) {
    return {WorkerRole::verifier, {instance}, credit, abilities, std::move(name), "test"};
  }
  bool hello(std::uint64_t id, const worker::Hello& hello) {
    const bool attached = table.hello_received({id}, hello, now);
    table.check_invariants();
    return attached;
  }
  bool hello(std::uint64_t id, std::uint64_t instance, std::uint32_t credit = 4) {
    return hello(id, hello_of(instance, credit));
  }
  void give(std::uint64_t id, std::uint64_t job) {
    table.job_given({id}, {job}, now);
    table.check_invariants();
  }
  std::vector<WorkerId> after(Duration time) {
    now += time;
    auto silent = table.time_passed(now);
    table.check_invariants();
    return silent;
  }
  Attached::Departure gone(std::uint64_t id) {
    auto departure = table.gone({id}, now);
    table.check_invariants();
    return departure;
  }
  std::optional<WorkerId> pick(Attached::Wish wish = {}) const { return table.pick(wish); }
  std::vector<Effect> said() { return table.take_effects(); }
  std::vector<std::uint64_t> pinged() {
    std::vector<std::uint64_t> ids;
    for (const Effect& effect : said()) {
      if (const auto* ping = std::get_if<Ping>(&effect)) ids.push_back(ping->worker.value);
    }
    return ids;
  }
  Reason refusal() {
    const auto effects = said();
    REQUIRE(effects.size() == 1);
    REQUIRE(std::holds_alternative<Refuse>(effects[0]));
    return std::get<Refuse>(effects[0]).reason;
  }

  Time now{1h};
  Attached table;
};

}  // namespace

TEST_CASE("a worker that says hello is welcomed, and welcomed again when it repeats it") {
  Door door;
  REQUIRE(door.hello(1, 100));
  REQUIRE(door.said() == std::vector<Effect>{Welcome{{1}}});
  REQUIRE_FALSE(door.hello(1, 100));
  REQUIRE(door.said() == std::vector<Effect>{Welcome{{1}}});
  REQUIRE(door.table.size() == 1);
}

TEST_CASE("a worker of another role, or of another life, is not taken") {
  Door door;
  worker::Hello hello = Door::hello_of(100);
  hello.role = WorkerRole::storage;
  REQUIRE_FALSE(door.hello(1, hello));
  REQUIRE(door.refusal() == Reason::unsupported);
  REQUIRE(door.hello(1, 100));
  door.said();
  REQUIRE_FALSE(door.hello(1, 101));
  REQUIRE(door.said().empty());
  REQUIRE(door.table.hello({1}).instance == Instance{100});
  REQUIRE(door.table.refused_total() == 2);
}

TEST_CASE(
    "N8 no more workers attach than the door has places, and none has more than the most credit") {
  Door door({.max_workers = 2});
  door.hello(1, 100, UINT32_MAX);
  REQUIRE(door.table.hello({1}).credit == kMaxCredit);
  door.hello(2, 101);
  door.said();
  REQUIRE_FALSE(door.hello(3, 102));
  REQUIRE(door.refusal() == Reason::full);
  door.gone(1);
  REQUIRE(door.hello(3, 102));
}

TEST_CASE("who is not attached is told to say hello first") {
  Door door;
  door.table.refuse_unknown({9});
  REQUIRE(door.refusal() == Reason::unknown);
}

TEST_CASE(
    "the worker with the most free credit is picked, and among equals the least lately used") {
  Door door;
  door.hello(1, 100, 2);
  door.hello(2, 101, 4);
  REQUIRE(door.pick() == WorkerId{2});
  door.give(2, 10);
  door.give(2, 11);
  REQUIRE(door.pick() == WorkerId{1});
  door.give(1, 12);
  REQUIRE(door.pick() == WorkerId{2});
  door.give(2, 13);
  REQUIRE(door.pick() == WorkerId{1});
  door.give(1, 14);
  door.give(2, 15);
  REQUIRE_FALSE(door.pick());
  REQUIRE(door.table.job_answered({1}, {14}, door.now));
  REQUIRE(door.pick() == WorkerId{1});
}

TEST_CASE("N6 a worker that lost a job is picked only when all others are stalled") {
  Door door;
  door.hello(1, 100, 4);
  door.hello(2, 101, 1);
  const std::vector<Instance> losers{{100}};
  REQUIRE(door.pick({.rather_not = losers}) == WorkerId{2});
  door.give(2, 10);
  REQUIRE_FALSE(door.pick({.rather_not = losers}));
  REQUIRE(door.pick() == WorkerId{1});
  door.table.stalled({2}, door.now);
  REQUIRE(door.pick({.rather_not = losers}) == WorkerId{1});
}

TEST_CASE("N6 a job that is to be alone goes to an idle worker, which gets no other meanwhile") {
  Door door;
  door.hello(1, 100);
  door.give(1, 10);
  REQUIRE_FALSE(door.pick({.alone = true}));
  door.table.job_answered({1}, {10}, door.now);
  REQUIRE(door.pick({.alone = true}) == WorkerId{1});
  door.table.job_given({1}, {11}, door.now, {.bytes = 0, .alone = true});
  REQUIRE_FALSE(door.pick());
  door.table.job_answered({1}, {11}, door.now);
  REQUIRE(door.pick() == WorkerId{1});
}

TEST_CASE("N8 a worker that holds values of too many bytes gets no job until some are answered") {
  Door door;
  door.hello(1, 100);
  door.table.job_given({1}, {10}, door.now, {.bytes = kMaxBytesHeld + 1});
  REQUIRE_FALSE(door.pick());
  door.table.job_answered({1}, {10}, door.now);
  door.table.check_invariants();
  REQUIRE(door.pick() == WorkerId{1});
}

TEST_CASE("storages are picked by name and by what they can do") {
  Door door;
  door.hello(1, Door::hello_of(100, 4, "disk", worker::kLooksUp | worker::kKeeps));
  door.hello(2, Door::hello_of(101, 9, "archive", worker::kLooksUp));
  door.hello(3, Door::hello_of(102, 4, "disk", worker::kLooksUp));
  REQUIRE(door.pick({.abilities = worker::kKeeps}) == WorkerId{1});
  REQUIRE(door.pick({.name = "archive"}) == WorkerId{2});
  REQUIRE_FALSE(door.pick({.abilities = worker::kKeeps, .name = "archive"}));
  door.gone(1);
  REQUIRE_FALSE(door.pick({.abilities = worker::kKeeps}));
}

TEST_CASE(
    "N12 a worker is picked for the keys that it is for, also when it comes back for others") {
  Door door;
  const auto scopes_of = [&](std::string_view key) { return door.table.scopes().of(Key(key)); };
  worker::Hello hello = Door::hello_of(100);
  hello.keys = {{Prefix(std::string("a")), Prefix(std::string("c"))}};
  door.hello(1, hello);
  REQUIRE(door.pick({.scopes = scopes_of("bbb")}) == WorkerId{1});
  REQUIRE_FALSE(door.pick({.scopes = scopes_of("ddd")}));
  hello.keys = {{Prefix(std::string("d")), Prefix(std::string("d"))}};
  door.hello(2, hello);
  REQUIRE_FALSE(door.pick({.scopes = scopes_of("ddd")}));
  door.gone(1);
  REQUIRE_FALSE(door.pick({.scopes = scopes_of("bbb")}));
  REQUIRE(door.pick({.scopes = scopes_of("ddd")}) == WorkerId{2});
  door.gone(2);
  REQUIRE(scopes_of("ddd") == 0);
}

TEST_CASE("N8 whoever says hello a thousand times is welcomed as often, and attached once") {
  Door door;
  door.hello(1, 100);
  door.give(1, 10);
  for (int i = 1; i < 1000; ++i) door.hello(1, 100);
  REQUIRE(door.said().size() == 1000);
  REQUIRE(door.table.size() == 1);
  REQUIRE(door.table.jobs({1}) == std::vector<JobId>{{10}});
}

TEST_CASE("N8 workers that attach and leave in quick succession leave nothing behind") {
  Door door;
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    worker::Hello hello = Door::hello_of(i);
    const Prefix prefix(std::string(1, static_cast<char>(i)));
    hello.keys = {{prefix, prefix}};
    REQUIRE(door.hello(i, hello));
    door.give(i, i);
    if (i % 2 == 0) REQUIRE(door.gone(i).jobs == std::vector<JobId>{{i}});
    if (i % 2 == 1) REQUIRE(door.table.said_bye({i}, door.now) == std::vector<JobId>{{i}});
  }
  REQUIRE(door.table.size() == 0);
  REQUIRE(door.table.scopes().of(Key(std::string_view("aaa"))) == 0);
  REQUIRE(door.table.next_deadline() == kNever);
}

TEST_CASE("only the worker that holds a job answers it, and only once") {
  Door door;
  door.hello(1, 100);
  door.hello(2, 101);
  door.give(1, 10);
  REQUIRE_FALSE(door.table.job_answered({2}, {10}, door.now));
  REQUIRE(door.table.job_answered({1}, {10}, door.now));
  REQUIRE_FALSE(door.table.job_answered({1}, {10}, door.now));
  REQUIRE_FALSE(door.table.job_lost({1}, {10}));
}

TEST_CASE("N6 a worker that holds jobs is pinged twenty times a second, an idle one seldom") {
  Door door;
  door.hello(1, 100);
  door.hello(2, 101);
  door.said();
  door.give(1, 10);
  int busy = 0;
  int idle = 0;
  while (door.now < Time{1h} + 10s) {
    REQUIRE(door.table.next_deadline() > door.now);
    door.after(door.table.next_deadline() - door.now);
    for (const std::uint64_t id : door.pinged()) ++(id == 1 ? busy : idle);
  }
  REQUIRE(busy == 200);
  REQUIRE(idle == 1);
}

TEST_CASE("N6 the jobs of a worker that is gone or leaves are given back") {
  Door door;
  door.hello(1, 100);
  door.hello(2, 101);
  door.give(1, 10);
  door.give(1, 11);
  door.give(2, 12);
  const auto departure = door.gone(1);
  REQUIRE_FALSE(departure.successor);
  REQUIRE(departure.jobs == std::vector<JobId>{{10}, {11}});
  REQUIRE(door.table.said_bye({2}, door.now) == std::vector<JobId>{{12}});
  REQUIRE(door.table.size() == 0);
  REQUIRE(door.gone(1).jobs.empty());
}

TEST_CASE("a worker that comes back takes over its jobs once its old connection is gone") {
  Door door;
  door.hello(1, 100);
  door.give(1, 10);
  door.said();
  REQUIRE_FALSE(door.hello(2, 100));
  REQUIRE(door.said().empty());
  REQUIRE(door.table.waits({2}));
  door.after(0s);
  REQUIRE(door.pinged() == std::vector<std::uint64_t>{1});
  const auto departure = door.gone(1);
  REQUIRE(departure.successor == WorkerId{2});
  REQUIRE(departure.jobs == std::vector<JobId>{{10}});
  REQUIRE(door.said() == std::vector<Effect>{Welcome{{2}}});
  REQUIRE(door.table.job_answered({2}, {10}, door.now));
}

TEST_CASE("an instance that is attached and alive is not attached a second time") {
  Door door;
  door.hello(1, 100);
  door.said();
  SECTION("it answers the probe") {
    door.hello(2, 100);
    door.after(0s);
    const auto effects = door.said();
    REQUIRE(effects.size() == 1);
    const Ping ping = std::get<Ping>(effects[0]);
    REQUIRE(ping.worker == WorkerId{1});
    door.table.pong_received({1}, ping.nonce, door.now);
    REQUIRE(door.refusal() == Reason::duplicate);
  }
  SECTION("nothing proves it gone in time") {
    door.hello(2, 100);
    door.after(kClaimWithin);
    const auto effects = door.said();
    REQUIRE(std::count_if(effects.begin(), effects.end(), [](const Effect& effect) {
              const auto* refuse = std::get_if<Refuse>(&effect);
              return refuse != nullptr && refuse->worker == WorkerId{2};
            }) == 1);
  }
  SECTION("an older pong proves nothing") {
    door.after(kPingIdleEvery);
    const std::uint64_t nonce = std::get<Ping>(door.said()[0]).nonce;
    door.hello(2, 100);
    door.table.pong_received({1}, nonce, door.now);
    REQUIRE(door.table.waits({2}));
    door.table.said_bye({1}, door.now);
    REQUIRE(door.table.attached({2}));
    return;
  }
  REQUIRE_FALSE(door.table.waits({2}));
  REQUIRE_FALSE(door.table.attached({2}));
  REQUIRE(door.table.attached({1}));
}

TEST_CASE("N6 a stalled worker is given nothing until it answers, then one job as a trial") {
  Door door;
  door.hello(1, 100);
  door.give(1, 10);
  door.table.stalled({1}, door.now);
  REQUIRE(door.table.job_lost({1}, {10}));
  REQUIRE_FALSE(door.pick());
  SECTION("an answer that comes too late still ends the stall") {
    REQUIRE_FALSE(door.table.job_answered({1}, {10}, door.now));
    REQUIRE(door.pick() == WorkerId{1});
    door.give(1, 11);
    REQUIRE(door.pick() == WorkerId{1});
  }
  SECTION("a trial is one job, and failing it doubles the wait") {
    door.after(kTrialAfter - 1ns);
    REQUIRE_FALSE(door.pick());
    door.after(1ns);
    REQUIRE(door.pick() == WorkerId{1});
    door.give(1, 11);
    REQUIRE_FALSE(door.pick());
    door.table.stalled({1}, door.now);
    door.table.job_lost({1}, {11});
    door.after(kTrialAfter);
    REQUIRE_FALSE(door.pick());
    door.after(kTrialAfter);
    REQUIRE(door.pick() == WorkerId{1});
  }
}

TEST_CASE("where connections cannot tell, a worker silent for too long is given up") {
  Door door({.silent_after = 2s});
  door.hello(1, 100);
  door.give(1, 10);
  std::vector<WorkerId> silent;
  while (silent.empty() && door.now < Time{1h} + 10s) silent = door.after(kPingEvery);
  REQUIRE(silent == std::vector<WorkerId>{{1}});
  REQUIRE(door.now == Time{1h} + 2s + kPingEvery);
}

TEST_CASE("a worker's report tells its jobs, answers, losses and smoothed time") {
  Door door;
  door.hello(1, 100);
  door.give(1, 10);
  door.give(1, 11);
  door.give(1, 12);
  door.now += 4ms;
  door.table.job_answered({1}, {10}, door.now);
  door.table.job_lost({1}, {11});
  const auto infos = door.table.describe({7}, door.now);
  REQUIRE(
      infos ==
      std::vector<report::WorkerInfo>{
          {{7}, WorkerRole::verifier, "digest", {100}, 4, 4, 1, 1, 1, 4000, false, 0, "test", {}}});
}
