#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {

TEST_CASE("R1 a key that two clients fetch is wanted once and resolves for both") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.fetch(a, "k", "a");
  engine.fetch(b, "k", "b");
  const auto want = engine.only<link::Want>();
  CHECK(want.key == key("k"));
  engine.answer(want.fetch, "value", 3);
  const auto judge = engine.only<link::Judge>();
  CHECK(judge.subscribers == std::vector<Tag>{Tag("a"), Tag("b")});
  engine.verdict(judge.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(a) ==
        control::Resolved{Tag("a"), key("k"), peer(3), bytes("value")});
  CHECK(engine.only<control::Resolved>(b).tag == Tag("b"));
  CHECK(engine.core().fetches() == 0);
}

TEST_CASE("R3 a million other fetches change nothing for one more") {
  Attached engine{};
  const ClientId client = engine.client();
  for (int i = 0; i < 300; ++i) engine.fetch(client, "k" + std::to_string(i));
  CHECK(engine.take<link::Want>().size() == 300);
  for (int i = 0; i < 300; i += 7) {
    engine.fetch(client, "k" + std::to_string(i), "again");
  }
  CHECK(engine.none<link::Want>());
  CHECK(engine.core().fetches() == 300);
}

TEST_CASE("R12 a key fetched anew is a new fetch, which an old verdict does not touch") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto old = engine.validating(client);
  engine.withdraw(client, "k");
  engine.fetch(client, "k");
  const FetchId anew = engine.only<link::Want>().fetch;
  CHECK(anew != old.fetch);
  engine.verdict(old.delivery, Outcome::complete);
  CHECK(engine.none<control::Resolved>());
  CHECK(engine.core().fetches() == 1);
  engine.answer(old.fetch, "late");
  CHECK(engine.none<link::Judge>());
}

TEST_CASE("R24 the same triple again is a no-op, and each triple gets one terminal event") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "t");
  engine.fetch(client, "k", "t");
  engine.fetch(client, "k", "u");
  engine.cancel(client, {key("k")});
  CHECK(engine.take<control::Ended>(client).size() == 2);
  engine.cancel(client, {key("k")});
  CHECK(engine.none<control::Ended>(client));
}

TEST_CASE("R24 tags of different clients are different subscriptions") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.fetch(a, "k", "t");
  engine.fetch(b, "k", "t");
  engine.withdraw(a, "k", "t");
  CHECK(engine.only<control::Ended>().how == Terminal::cancelled);
  CHECK(engine.core().fetches() == 1);
}

TEST_CASE("N8 a fetch beyond a limit is refused with the reason") {
  Config config;
  config.max_fetches = 2;
  config.max_subscriptions = 3;
  Attached engine{config};
  const ClientId client = engine.client();
  engine.fetch(client, "a");
  engine.fetch(client, "b");
  engine.fetch(client, "c");
  CHECK(engine.only<control::FetchRefused>(client).reason == Reason::full);
  engine.fetch(client, "b", "u");
  CHECK(engine.none<control::FetchRefused>(client));
  engine.fetch(client, "b", "v");
  CHECK(engine.only<control::FetchRefused>(client) ==
        control::FetchRefused{Tag("v"), key("b"), Reason::full, "too many subscriptions"});
  CHECK(engine.core().fetches() == 2);
}

TEST_CASE("N8 a fetch takes a bounded number of subscribers") {
  Attached engine{};
  const ClientId client = engine.client();
  control::Fetch ask;
  ask.key = key("k");
  for (std::uint32_t i = 0; i < limits::kMaxSubscribers; ++i) {
    ask.tag = Tag(std::to_string(i));
    engine.core().fetch_asked(client, ask, engine.now());
  }
  engine.turn();
  CHECK(engine.none<control::FetchRefused>(client));
  engine.fetch(client, "k", "one more");
  CHECK(engine.only<control::FetchRefused>(client).reason == Reason::full);
}

TEST_CASE("N9 a subscription expires at its deadline, and the fetch goes on for the others") {
  Attached engine{};
  const ClientId client = engine.client();
  control::Fetch ask;
  ask.tag = Tag("soon");
  ask.key = key("k");
  ask.deadline_ms = 100;
  engine.fetch(client, ask);
  engine.fetch(client, "k", "patient");
  engine.pass(99ms);
  CHECK(engine.none<control::Ended>(client));
  engine.pass(1ms);
  CHECK(engine.only<control::Ended>(client) ==
        control::Ended{Tag("soon"), key("k"), Terminal::expired});
  CHECK(engine.core().fetches() == 1);
}

TEST_CASE("N9 a fetch has the highest class of its subscriptions when it is told") {
  Engine engine;
  const ClientId client = engine.client();
  control::Fetch ask;
  ask.key = key("k");
  ask.tag = Tag("1");
  ask.priority = Class::background;
  engine.fetch(client, ask);
  ask.tag = Tag("2");
  ask.priority = Class::urgent;
  engine.fetch(client, ask);
  ask.tag = Tag("3");
  ask.priority = Class::normal;
  engine.fetch(client, ask);
  engine.attach_selector();
  CHECK(engine.only<link::Want>().priority == Class::urgent);
}

TEST_CASE("N9 a fetch's class rises with who joins and falls with who leaves, and is told again") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto joins = [&](const char* tag, Class priority) {
    control::Fetch ask;
    ask.key = key("k");
    ask.tag = Tag(tag);
    ask.priority = priority;
    engine.fetch(client, ask);
  };
  joins("1", Class::background);
  const link::Want first = engine.only<link::Want>();
  CHECK(first.priority == Class::background);
  joins("2", Class::urgent);
  const link::Want second = engine.only<link::Want>();
  CHECK(second.fetch == first.fetch);
  CHECK(second.priority == Class::urgent);
  joins("3", Class::normal);
  joins("4", Class::urgent);
  engine.withdraw(client, "k", "2");
  CHECK(engine.none<link::Want>());
  engine.withdraw(client, "k", "4");
  CHECK(engine.only<link::Want>().priority == Class::normal);
  engine.withdraw(client, "k", "3");
  CHECK(engine.only<link::Want>().priority == Class::background);
  engine.withdraw(client, "k", "1");
  CHECK(engine.none<link::Want>());
}

TEST_CASE("R13 a fetch with targets is wanted with just these") {
  Attached engine{};
  engine.fetch(engine.client(), "k", "t", {peer(2), peer(1), peer(2)});
  CHECK(engine.only<link::Want>().targets == std::vector{peer(1), peer(2)});
}

TEST_CASE("R14 targets are added to a targeted fetch, and an open one stays open") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "1", {peer(1)});
  engine.fetch(client, "k", "2", {peer(1), peer(2)});
  CHECK(engine.only<link::AddTargets>().targets == std::vector{peer(2)});
  engine.fetch(client, "open", "1");
  engine.fetch(client, "open", "2", {peer(1)});
  CHECK(engine.none<link::AddTargets>());
  CHECK(engine.none<link::ClearTargets>());
}

TEST_CASE("R18 the keys of a batch have each their own targets") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "a", "t", {peer(1)});
  engine.fetch(client, "b", "t", {peer(2)});
  engine.fetch(client, "open", "t");
  engine.fetch(client, "a", "u", {peer(3)});
  const auto wants = engine.take<link::Want>();
  REQUIRE(wants.size() == 3);
  CHECK(wants[0].targets == std::vector{peer(1)});
  CHECK(wants[1].targets == std::vector{peer(2)});
  CHECK(wants[2].targets.empty());
  const auto added = engine.only<link::AddTargets>();
  CHECK(added.fetch == wants[0].fetch);
  CHECK(added.targets == std::vector{peer(3)});
}

TEST_CASE("R15 a fetch without targets opens a targeted one to all") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "1", {peer(1)});
  engine.fetch(client, "k", "2");
  CHECK(engine.only<link::ClearTargets>().fetch == engine.only<link::Want>().fetch);
  engine.fetch(client, "k", "3", {peer(2)});
  CHECK(engine.none<link::AddTargets>());
  engine.attach_selector();
  CHECK(engine.only<link::Want>().targets.empty());
}

TEST_CASE("R17 targets go when the fetch ends") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "t", {peer(1)});
  engine.withdraw(client, "k");
  engine.take<link::Want>();
  engine.fetch(client, "k");
  CHECK(engine.only<link::Want>().targets.empty());
}

TEST_CASE("N8 targets beyond the limit of a fetch are refused and leave it as it was") {
  Attached engine{};
  const ClientId client = engine.client();
  std::vector<PeerKey> many;
  for (int i = 0; i < 64; ++i) many.push_back(peer(i));
  engine.fetch(client, "k", "1", many);
  engine.fetch(client, "k", "2", {peer(5), peer(6)});
  CHECK(engine.none<control::FetchRefused>(client));
  engine.fetch(client, "k", "3", {peer(70)});
  CHECK(engine.only<control::FetchRefused>(client).reason == Reason::full);
  CHECK(engine.none<link::AddTargets>());
}

TEST_CASE("N14 a selector that attaches anew is told all wants, with their targets, once") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "open");
  engine.fetch(client, "aimed", "t", {peer(1)});
  engine.fetch(client, "aimed", "u", {peer(2)});
  engine.take<link::Want>();
  engine.attach_selector();
  const auto wants = engine.take<link::Want>();
  REQUIRE(wants.size() == 2);
  CHECK(wants[1].targets == std::vector{peer(1), peer(2)});
  engine.finish_walks();
  CHECK(engine.none<link::Want>());
}

TEST_CASE("N14 telling a new selector is done in slices, and what starts meanwhile is told once") {
  Engine engine;
  const ClientId client = engine.client();
  const int count = static_cast<int>(limits::kSlice) + 1000;
  control::Fetch ask;
  for (int i = 0; i < count; ++i) {
    ask.key = key(std::to_string(i));
    engine.core().fetch_asked(client, ask, engine.now());
  }
  engine.attach_selector();
  CHECK(engine.take<link::Want>().size() <= limits::kSlice);
  engine.withdraw(client, std::to_string(count - 1), "");
  CHECK(engine.none<link::End>());  // never told of it
  engine.fetch(client, "late");
  CHECK(engine.take<link::Want>().size() == 1);
  engine.finish_walks();
  CHECK(engine.take<link::Want>().size() >= 999 - 256);
  engine.attach_selector();
  engine.finish_walks();
  CHECK(engine.take<link::Want>().size() == static_cast<std::size_t>(count));
}

}  // namespace quarry::engine
