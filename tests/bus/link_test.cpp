#include "tests/bus/support.hpp"
#include "tests/bus/temporary.hpp"

namespace quarry::bus {
namespace {

constexpr std::size_t kRounds = 500;

// Gives values for judgement, one at a time, and counts verdicts.
struct Asker : Probe {
  Asker(Loop& loop, Context& context, const std::string& at, std::function<void()> done)
      : link(must(BoundLink<link::ConsumerToEngine>::open(context, at, Network{}))),
        finished(std::move(done)) {
    loop.watch(link.socket(), *this);
    on_received = [this](Socket&, Message message, Time) {
      items.clear();
      link.read(std::move(message), items);
      for (const auto& item : items) {
        if (std::holds_alternative<link::Hello>(item)) ++hellos;
        if (std::holds_alternative<link::Verdict>(item)) ++verdicts;
        if (verdicts < kRounds) {
          link.add(link::Judge{DeliveryId{verdicts + 1}, Key(std::string(32, 'k')), {}, {}, value});
        } else {
          finished();
        }
      }
    };
    on_flush = [this](Time) { link.flush(); };
  }
  BoundLink<link::ConsumerToEngine> link;
  std::function<void()> finished;
  std::vector<link::ConsumerToEngine> items;
  Payload value = Payload::of(std::string(40'000, 'v'));
  std::size_t hellos = 0, verdicts = 0;
};

struct Judge : Probe {
  Judge(Loop& loop, Context& context, const std::string& at)
      : link(must(ConnectedLink<link::EngineToConsumer>::open(context, at, Network{}))) {
    loop.watch(link.socket(), *this);
    on_received = [this](Socket&, Message message, Time) {
      items.clear();
      link.read(std::move(message), items);
      for (const auto& item : items) {
        if (const auto* judge = std::get_if<link::Judge>(&item)) {
          bytes += judge->value.size();
          link.add(link::Verdict{judge->delivery, Outcome::complete, {}});
        }
      }
    };
    on_flush = [this](Time now) { link.flush(now); };
  }
  ConnectedLink<link::EngineToConsumer> link;
  std::vector<link::EngineToConsumer> items;
  std::size_t bytes = 0;
};

TEST_CASE("A link joins two actors on one loop, and no message waits for a sweep") {
  Context context;
  Loop loop;
  const std::string at = inproc("one-loop");
  bool done = false;
  Asker asker(loop, context, at, [&] { done = true; });
  Judge judge(loop, context, at);
  loop.add(asker);
  loop.add(judge);
  Runner runner(loop);
  const Time begin = now();
  CHECK(runner.until([&] { return done; }));
  CHECK(asker.verdicts == kRounds);
  CHECK(asker.hellos == 1);
  CHECK(judge.bytes == kRounds * 40'000);
  CHECK(asker.link.dropped() + judge.link.dropped() == 0);
  CHECK(loop.sweep_catches() == 0);
  CHECK(now() - begin < kRounds * 20ms);
}

TEST_CASE("A link joins two actors on two threads, whichever starts first") {
  const bool asker_first = GENERATE(true, false);
  Context context;
  const std::string at = inproc("two-threads");
  std::promise<void> done;
  Asker* asker = nullptr;
  const Thread::Make make_asker = [&](Loop& loop) -> Result<std::unique_ptr<Actor>> {
    auto made = std::make_unique<Asker>(loop, context, at, [&] { done.set_value(); });
    asker = made.get();
    return made;
  };
  const Thread::Make make_judge = [&](Loop& loop) -> Result<std::unique_ptr<Actor>> {
    return std::make_unique<Judge>(loop, context, at);
  };
  auto first = must(Thread::start("first", {asker_first ? make_asker : make_judge}));
  auto second = must(Thread::start("second", {asker_first ? make_judge : make_asker}));
  CHECK(done.get_future().wait_for(kPatience) == std::future_status::ready);
  CHECK(first->reason().empty());
  CHECK(second->reason().empty());
}

// Two ends of a link in one hand, each read when the test says so.
struct Ends {
  using Bound = BoundLink<link::ConsumerToEngine>;
  using Connected = ConnectedLink<link::EngineToConsumer>;
  Context context;
  std::string at = inproc("ends");
  std::vector<link::ConsumerToEngine> to_bound;
  std::vector<link::EngineToConsumer> to_connected;

  Bound bind() { return must(Bound::open(context, at, Network{})); }
  Connected connect() { return must(Connected::open(context, at, Network{})); }
  static std::size_t read(auto& link, auto& items) {
    items.clear();
    Message message;
    const Time give_up = now() + 100ms;
    std::size_t messages = 0;
    while (now() < give_up && messages == 0) {
      while (link.socket().receive(message) == Socket::Received::message) {
        link.read(std::move(message), items);
        message = {};
        ++messages;
      }
    }
    return messages;
  }
  static link::Judge judge(std::uint64_t delivery) {
    return {DeliveryId{delivery}, Key(std::string(32, 'k')), {}, {}, Payload::of("value")};
  }
  static link::Verdict verdict(std::uint64_t delivery) {
    return {DeliveryId{delivery}, Outcome::complete, {}};
  }
};

TEST_CASE(
    "Nothing is kept for a partner that has not said Hello, and its Hello is seen and answered") {
  Ends ends;
  auto bound = ends.bind();
  bound.add(Ends::judge(1));
  CHECK_FALSE(bound.flush());
  auto connected = ends.connect();
  REQUIRE(ends.read(bound, ends.to_bound) == 1);
  CHECK(ends.to_bound == std::vector<link::ConsumerToEngine>{link::Hello{}});
  bound.add(Ends::judge(2));
  CHECK_FALSE(bound.flush());
  REQUIRE(ends.read(connected, ends.to_connected) == 1);
  CHECK(ends.to_connected == std::vector<link::EngineToConsumer>{link::Hello{}, Ends::judge(2)});
}

TEST_CASE(
    "N14 the latest to say Hello is the partner; what bears an older epoch is dropped and "
    "counted") {
  Ends ends;
  auto bound = ends.bind();
  auto old = ends.connect();
  ends.read(bound, ends.to_bound);
  bound.add(Ends::judge(1));
  bound.flush();
  ends.read(old, ends.to_connected);
  auto fresh = ends.connect();
  ends.read(bound, ends.to_bound);
  CHECK(ends.to_bound.size() == 1);
  old.add(Ends::verdict(1));
  old.flush(now());
  CHECK(ends.read(bound, ends.to_bound) == 1);
  CHECK(ends.to_bound.empty());
  CHECK(bound.dropped() == 1);
  bound.add(Ends::judge(2));
  bound.flush();
  ends.read(fresh, ends.to_connected);
  CHECK(ends.to_connected == std::vector<link::EngineToConsumer>{link::Hello{}, Ends::judge(2)});
}

TEST_CASE("N14 what is said before the partner's Hello is dropped: it is told again after it") {
  Ends ends;
  auto bound = ends.bind();
  auto connected = ends.connect();
  connected.add(Ends::verdict(1));
  connected.flush(now());
  ends.read(bound, ends.to_bound);
  bound.flush();
  ends.read(connected, ends.to_connected);
  connected.add(Ends::verdict(2));
  connected.flush(now());
  ends.read(bound, ends.to_bound);
  CHECK(ends.to_bound == std::vector<link::ConsumerToEngine>{Ends::verdict(2)});
}

TEST_CASE("N14 a partner that has died is forgotten, and its successor is not given its mail") {
  Ends ends;
  auto bound = ends.bind();
  {
    auto dead = ends.connect();
    ends.read(bound, ends.to_bound);
    bound.add(Ends::judge(1));
    bound.flush();
  }
  const Time give_up = now() + kPatience;
  Message nothing;
  Encoded probe = text("probe");
  while (now() < give_up && bound.socket().receive(nothing) == Socket::Received::nothing) {
    bound.add(Ends::judge(2));
    bound.flush();
    if (bound.partner() == nullptr) break;
  }
  REQUIRE(bound.partner() == nullptr);
  bound.add(Ends::judge(3));
  auto successor = ends.connect();
  ends.read(bound, ends.to_bound);
  bound.flush();
  ends.read(successor, ends.to_connected);
  CHECK(ends.to_connected == std::vector<link::EngineToConsumer>{link::Hello{}});
}

TEST_CASE("N14 a bound end made anew makes its partner say Hello again, and tell again") {
  TemporaryFolder folder;
  Ends ends;
  ends.at = "ipc://" + (folder.path / "link").string();
  std::optional<Ends::Bound> bound(ends.bind());
  auto connected = ends.connect();
  REQUIRE(patiently([&] { return ends.read(*bound, ends.to_bound) > 0; }));
  bound->flush();
  REQUIRE(patiently([&] { return ends.read(connected, ends.to_connected) > 0; }));
  bound.reset();
  bound.emplace(ends.bind());
  // Its connection comes back by itself, under an epoch that the new end has never heard of.
  const bool met = patiently([&] {
    connected.add(Ends::verdict(7));
    connected.flush(now());
    ends.read(*bound, ends.to_bound);
    bound->flush();
    ends.read(connected, ends.to_connected);
    return !ends.to_connected.empty();
  });
  REQUIRE(met);
  CHECK(ends.to_connected == std::vector<link::EngineToConsumer>{link::Hello{}});
  bound->add(Ends::judge(8));
  bound->flush();
  REQUIRE(patiently([&] { return ends.read(connected, ends.to_connected) > 0; }));
  CHECK(ends.to_connected == std::vector<link::EngineToConsumer>{Ends::judge(8)});
}

TEST_CASE("N14 a bound end made anew is met also by a partner that has nothing to say") {
  TemporaryFolder folder;
  Ends ends;
  ends.at = "ipc://" + (folder.path / "link").string();
  std::optional<Ends::Bound> bound(ends.bind());
  auto connected = ends.connect();
  REQUIRE(patiently([&] { return ends.read(*bound, ends.to_bound) > 0; }));
  bound->flush();
  REQUIRE(patiently([&] { return ends.read(connected, ends.to_connected) > 0; }));
  bound.reset();
  bound.emplace(ends.bind());
  const bool met = patiently([&] {
    connected.flush(now());
    ends.read(*bound, ends.to_bound);
    bound->flush();
    ends.read(connected, ends.to_connected);
    return bound->partner() != nullptr;
  });
  REQUIRE(met);
  CHECK(ends.to_bound == std::vector<link::ConsumerToEngine>{link::Hello{}});
}

TEST_CASE("An idle link inside a process says nothing") {
  Ends ends;
  auto bound = ends.bind();
  auto connected = ends.connect();
  REQUIRE(ends.read(bound, ends.to_bound) == 1);
  CHECK(connected.next_probe() == kNever);
}

TEST_CASE("What does not fit a link is dropped and counted, never passed on") {
  Ends ends;
  auto bound = ends.bind();
  RawSocket raw(ends.context, ZMQ_DEALER);
  raw.connect(ends.at);
  REQUIRE(raw.send({"nonsense"}));
  REQUIRE(raw.send({""}));
  REQUIRE(raw.send({"\x94\x04\x01\x07\x91\x91\x01", "left over"}));
  CHECK(ends.read(bound, ends.to_bound) == 3);
  CHECK(ends.to_bound.empty());
  CHECK(bound.dropped() == 3);
}

TEST_CASE("A link whose reader rests delays and loses nothing") {
  constexpr std::uint64_t kItems = 5000;
  Ends ends;
  auto bound = ends.bind();
  auto connected = ends.connect();
  ends.read(bound, ends.to_bound);
  bound.flush();
  bool waits = false;
  for (std::uint64_t i = 1; i <= kItems; ++i) {
    bound.add(Ends::judge(i));
    waits = bound.flush() || waits;
  }
  CHECK(waits);
  std::uint64_t next = 1;
  for (bool left = true; left;) {
    ends.read(connected, ends.to_connected);
    for (const auto& item : ends.to_connected) {
      if (const auto* judge = std::get_if<link::Judge>(&item))
        CHECK(judge->delivery.value == next++);
    }
    left = bound.flush() || !ends.to_connected.empty();
  }
  CHECK(next == kItems + 1);
}

}  // namespace
}  // namespace quarry::bus
