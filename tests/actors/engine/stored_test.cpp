// What clients ask of the own storage: lists of it, and that it removes values.
#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {

TEST_CASE("remove is done when each key is, and counts what was there") {
  Stored engine;
  const ClientId client = engine.client();
  engine.remove(client, {key("a"), key("b"), key("c")});
  const auto removes = engine.take<link::Remove>();
  REQUIRE(removes.size() == 3);
  CHECK(removes[1].key == key("b"));
  engine.done(Part::producer, removes[0].call, 1);
  engine.done(Part::producer, removes[1].call, 0);
  CHECK(engine.none<report::Done>(client));
  SECTION("done") {
    engine.done(Part::producer, removes[2].call, 1);
    CHECK(engine.only<report::Done>(client) == report::Done{CallId{9}, 2});
  }
  SECTION("one failed: so has the whole") {
    engine.failed(Part::producer, removes[2].call, Reason::unavailable, "no storage");
    CHECK(engine.only<report::Failed>(client) ==
          report::Failed{CallId{9}, Reason::unavailable, "no storage"});
  }
  SECTION("the client leaves meanwhile") {
    engine.gone(client);
    engine.done(Part::producer, removes[2].call, 1);
  }
  CHECK(engine.none<report::Done>(client));
  CHECK(engine.counter("calls") == 1);  // its own
}

TEST_CASE("a remove of no keys is done at once") {
  Stored engine;
  const ClientId client = engine.client();
  engine.remove(client, {});
  CHECK(engine.only<report::Done>(client) == report::Done{CallId{9}, 0});
}

TEST_CASE("a remove or a list that nobody can answer fails: at once, or in time") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.remove(client, {key("a")});
  CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
  engine.list(client);
  CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
  engine.attach_storages(1);
  engine.remove(client, {key("a")});
  engine.list(client);
  engine.pass(limits::kListWithin);
  CHECK(engine.only<report::Failed>(client).call == CallId{10});
  engine.pass(limits::kPutWithin - limits::kListWithin);
  CHECK(engine.only<report::Failed>(client).call == CallId{9});
  engine.done(Part::producer, engine.only<link::Remove>().call, 1);
  CHECK(engine.none<report::Done>(client));
}

TEST_CASE("N14 a ProducerBridge that attaches anew is told again what to remove") {
  Stored engine;
  const ClientId client = engine.client();
  engine.remove(client, {key("a")});
  const auto remove = engine.only<link::Remove>();
  engine.attach_storages(1);
  CHECK(engine.only<link::Remove>() == remove);
  engine.done(Part::producer, remove.call, 1);
  CHECK(engine.only<report::Done>(client) == report::Done{CallId{9}, 1});
}

TEST_CASE("N8 values being removed are bounded: beyond, a command fails whole") {
  Stored engine;
  const ClientId client = engine.client();
  const std::vector<Key> many(256, key("a"));
  for (std::uint32_t i = 0; i < limits::kMaxRemoves / 256; ++i) engine.remove(client, many);
  CHECK(engine.none<report::Failed>(client));
  engine.take<link::Remove>();
  engine.remove(client, {key("a")});
  CHECK(engine.only<report::Failed>(client).reason == Reason::full);
  CHECK(engine.none<link::Remove>());
}

TEST_CASE("a list is asked under an id of our own, and what comes goes to who asked") {
  Stored engine;
  const ClientId client = engine.client();
  engine.list(client, "after");
  const auto list = engine.only<report::StoredList>();
  CHECK(list.after == Prefix("after"));
  CHECK(list.call != CallId{10});
  engine.core().stored_received({list.call, {{key("k"), 3}}});
  engine.done(Part::producer, list.call, 1);
  CHECK(engine.only<report::Stored>(client) == report::Stored{CallId{10}, {{key("k"), 3}}});
  CHECK(engine.only<report::Done>(client) == report::Done{CallId{10}, 1});
  CHECK(engine.counter("calls") == 1);  // its own
}

TEST_CASE("R39 at a stop removes and lists fail, and what comes later is dropped") {
  Stored engine;
  const ClientId client = engine.client();
  engine.remove(client, {key("a")});
  engine.list(client);
  engine.stop();
  for (const auto& failed : engine.take<report::Failed>(client)) {
    CHECK(failed.reason == Reason::stopping);
  }
  engine.done(Part::producer, engine.only<link::Remove>().call, 1);
  engine.core().stored_received({engine.only<report::StoredList>().call, {}});
  CHECK(engine.none<report::Stored>(client));
  engine.list(client);
  CHECK(engine.only<report::Failed>(client).reason == Reason::stopping);
}

}  // namespace quarry::engine
