#include "tests/bus/support.hpp"

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
    on_flush = [this](Time) { link.flush(); };
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

}  // namespace
}  // namespace quarry::bus
