#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {
namespace {

using control::Predicate;

// Keys that are still wanted, as a new selector would be told.
std::vector<std::string> wanted(Engine& engine) {
  engine.take<link::Want>();
  engine.attach_selector();
  engine.finish_walks();
  std::vector<std::string> names;
  for (const link::Want& want : engine.take<link::Want>()) {
    std::string name(text_of(want.key.view()));
    names.push_back(name.substr(0, name.find('.')));
  }
  std::sort(names.begin(), names.end());
  return names;
}
using Names = std::vector<std::string>;

control::Retain retain(Predicate by, bool negated = false) {
  control::Retain ask;
  ask.call = CallId{9};
  ask.by = by;
  ask.negated = negated;
  return ask;
}

}  // namespace

TEST_CASE("R20 cancel ends fetches for everybody and counts them") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.fetch(a, "k");
  engine.fetch(b, "k");
  engine.fetch(b, "other");
  engine.cancel(a, {key("k"), key("unknown")});
  CHECK(engine.only<control::Ended>(a).how == Terminal::cancelled);
  CHECK(engine.only<control::Ended>(b).key == key("k"));
  CHECK(engine.only<report::Done>(a) == report::Done{CallId{5}, 1});
  CHECK(engine.take<link::End>().size() == 1);
  CHECK(wanted(engine) == Names{"other"});
}

TEST_CASE("R20 clear ends all fetches, those of others and those looking or validating too") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.validating(b, "judged");
  engine.attach_storages(1);
  engine.fetch(a, "looking");
  engine.clear(a);
  CHECK(engine.only<report::Done>(a).count == 2);
  CHECK(engine.take<control::Ended>().size() == 2);
  CHECK(engine.core().fetches() == 0);
}

TEST_CASE("R20 retain keeps what the predicate holds for, or the rest when negated") {
  Attached engine{};
  const ClientId client = engine.client();
  for (const char* name : {"a1", "a2", "b1", "c1"}) engine.fetch(client, name, name);
  const bool negated = GENERATE(false, true);
  SECTION("keys") {
    auto ask = retain(Predicate::keys, negated);
    ask.keys = {key("c1"), key("a1")};
    engine.retain(client, ask);
    CHECK(wanted(engine) == (negated ? Names{"a2", "b1"} : Names{"a1", "c1"}));
  }
  SECTION("range, both ends included") {
    auto ask = retain(Predicate::range, negated);
    ask.keys = {key("a2"), key("b1")};
    engine.retain(client, ask);
    CHECK(wanted(engine) == (negated ? Names{"a1", "c1"} : Names{"a2", "b1"}));
  }
  SECTION("prefix") {
    auto ask = retain(Predicate::prefix, negated);
    ask.prefix = Prefix("a");
    engine.retain(client, ask);
    CHECK(wanted(engine) == (negated ? Names{"b1", "c1"} : Names{"a1", "a2"}));
  }
  SECTION("tag") {
    auto ask = retain(Predicate::tag, negated);
    ask.tag = Tag("b1");
    engine.retain(client, ask);
    CHECK(wanted(engine) == (negated ? Names{"a1", "a2", "c1"} : Names{"b1"}));
  }
  const auto done = engine.only<report::Done>(client);
  CHECK(done.call == CallId{9});
  CHECK(done.count == engine.take<control::Ended>(client).size());
}

TEST_CASE("R20 retain by tag ends single subscriptions, and the fetch when none is left") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "both", "x");
  engine.fetch(client, "both", "y");
  engine.fetch(client, "one", "y");
  auto ask = retain(Predicate::tag);
  ask.tag = Tag("x");
  engine.retain(client, ask);
  CHECK(engine.take<control::Ended>(client).size() == 2);
  CHECK(wanted(engine) == Names{"both"});
}

TEST_CASE("R20 a long walk goes in slices and never ends what was asked after it") {
  Attached engine{};
  const ClientId client = engine.client();
  const std::uint32_t count = 2 * limits::kSlice;
  for (std::uint32_t i = 0; i < count; ++i) {
    engine.core().fetch_asked(client, {Tag("t"), key(std::to_string(i)), {}}, engine.now());
  }
  engine.turn();
  engine.effects().clear();
  const std::string last = std::to_string(count - 1);
  SECTION("clear") { engine.clear(client); }
  SECTION("by tag") {
    auto ask = retain(Predicate::tag);
    ask.tag = Tag("nobody's");
    engine.retain(client, ask);
  }
  CHECK(engine.core().fetches() >= count / 2);
  CHECK(engine.none<report::Done>(client));
  // Asked again before the walk has come there: the old one ends first, then a new one starts.
  engine.take<control::Ended>(client);
  engine.fetch(client, last);
  CHECK(engine.only<control::Ended>(client).key == key(last));
  CHECK(engine.take<link::Want>().size() == 1);
  engine.fetch(client, "new");
  engine.finish_walks();
  CHECK(engine.only<report::Done>(client).count == count);
  CHECK(wanted(engine) == Names{last, "new"});
}

TEST_CASE("R20 withdraw ends only the caller's own subscription") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.fetch(a, "k");
  engine.fetch(b, "k");
  engine.withdraw(a, "k", "another tag");
  CHECK(engine.none<control::Ended>());
  engine.withdraw(a, "k");
  CHECK(engine.only<control::Ended>().how == Terminal::cancelled);
  engine.withdraw(a, "k");
  CHECK(engine.none<control::Ended>());
  engine.withdraw(b, "k");
  CHECK(engine.take<link::End>().size() == 1);
}

TEST_CASE("R23 what a client asked ends when it is gone, and goes on for others") {
  Attached engine{};
  const ClientId a = engine.client(), b = engine.client();
  engine.fetch(a, "both");
  engine.fetch(b, "both");
  engine.fetch(a, "own");
  engine.gone(a);
  CHECK(engine.none<control::Ended>());
  CHECK(engine.take<link::End>().size() == 1);
  CHECK(wanted(engine) == Names{"both"});
}

TEST_CASE("R23 a client with very many subscriptions is ended in slices") {
  Attached engine{};
  const ClientId client = engine.client();
  for (std::uint32_t i = 0; i < limits::kSlice + 10; ++i) {
    engine.core().fetch_asked(client, {Tag("t"), key(std::to_string(i)), {}}, engine.now());
  }
  engine.gone(client);
  CHECK(engine.core().fetches() == 10);
  engine.finish_walks();
  CHECK(engine.core().fetches() == 0);
}

TEST_CASE("R23 a detached fetch outlives its client, and its value is kept") {
  Attached engine{};
  const ClientId client = engine.client();
  control::Fetch ask;
  ask.tag = Tag("t");
  ask.key = key("k");
  ask.detached = true;
  engine.fetch(client, ask);
  engine.gone(client);
  const FetchId fetch = engine.only<link::Want>().fetch;
  // Another like it changes nothing.
  const ClientId next = engine.client();
  engine.fetch(next, ask);
  engine.gone(next);
  engine.answer(fetch, "value");
  const auto judge = engine.only<link::Judge>();
  CHECK(judge.subscribers == std::vector{Tag("t")});
  engine.verdict(judge.delivery, Outcome::complete);
  CHECK(engine.only<link::Keep>().value == bytes("value"));
  CHECK(engine.core().fetches() == 0);
}

TEST_CASE("R23 a client with something outstanding is probed four times a second") {
  Attached engine{};
  const ClientId busy = engine.client(), idle = engine.client();
  engine.fetch(busy, "k");
  engine.pass(1s);
  CHECK(engine.take<control::Ping>(busy).size() == 4);
  CHECK(engine.none<control::Ping>(idle));
  engine.withdraw(busy, "k");
  engine.pass(1s);
  engine.take<control::Ping>();
  engine.pass(60s);
  CHECK(engine.take<control::Ping>(busy).size() <= 4);
  CHECK(engine.take<control::Ping>(idle).size() >= 1);
}

TEST_CASE("R39 a stop tells every subscriber `stopped`, and later calls fail politely") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client, "judged");
  engine.fetch(client, "k");
  engine.status(client);
  engine.stop();
  engine.finish_walks();
  const auto ended = engine.take<control::Ended>(client);
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].how == Terminal::stopped);
  CHECK(engine.only<link::Abort>().delivery == it.delivery);
  CHECK(engine.only<report::Failed>(client).reason == Reason::stopping);
  CHECK(engine.core().stopped());
  engine.fetch(client, "more");
  CHECK(engine.only<control::FetchRefused>(client).reason == Reason::stopping);
  engine.put(client, "k", "value");
  CHECK(engine.only<report::Failed>(client).reason == Reason::stopping);
  engine.clear(client);
  CHECK(engine.only<report::Failed>(client).reason == Reason::stopping);
  const ClientId late = engine.client();
  CHECK(engine.only<control::Refused>(late).reason == Reason::stopping);
}

TEST_CASE("R39 a stop of very many subscriptions goes in slices") {
  Attached engine{};
  const ClientId client = engine.client();
  for (std::uint32_t i = 0; i < 3 * limits::kSlice; ++i) {
    engine.core().fetch_asked(client, {Tag("t"), key(std::to_string(i)), {}}, engine.now());
  }
  engine.stop();
  CHECK_FALSE(engine.core().stopped());
  engine.finish_walks();
  CHECK(engine.core().stopped());
  CHECK(engine.take<control::Ended>(client).size() == 3 * limits::kSlice);
}

}  // namespace quarry::engine
