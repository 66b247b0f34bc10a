#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {

TEST_CASE("a client is welcomed with what it must know of the network") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto welcome = engine.only<control::Welcome>(client);
  CHECK(welcome.node == peer(Engine::kNode));
  CHECK(welcome.key_length == 32);
  CHECK(welcome.max_value == 4 * 1024 * 1024);
  CHECK(welcome.digest == "sha256");
}

TEST_CASE("N8 a client beyond the table is refused and forgotten, until one leaves") {
  Config config;
  config.max_clients = 1;
  Attached engine{config};
  const ClientId first = engine.client(), second = engine.client();
  CHECK(engine.only<control::Refused>(second).reason == Reason::full);
  CHECK(engine.effects().back() == Effect{Forget{second}});
  engine.fetch(second, "k");
  CHECK(engine.core().fetches() == 0);
  engine.gone(first);
  const ClientId third = engine.client();
  CHECK(engine.take<control::Welcome>(third).size() == 1);
}

TEST_CASE("R40 status counts what is in progress and what came of the rest") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client, "done");
  engine.verdict(it.delivery, Outcome::complete);
  engine.fetch(client, "wanted");
  engine.take<link::Want>();
  engine.validating(client, "judged");
  CHECK(engine.counter("fetches_validating") == 1);
  CHECK(engine.counter("subscriptions_resolved_total") == 1);
  CHECK(engine.counter("answers_total") == 2);
  CHECK(engine.counter("subscriptions") == 2);
  CHECK(engine.counter("answers_held") == 1);
}

TEST_CASE("R40 status asks the other actors, passes on what they say, and then is done") {
  Attached engine{};
  engine.attach_storages(1);
  const ClientId client = engine.client();
  engine.status(client);
  CHECK(engine.only<control::NodeInfo>(client).name == "n1");
  engine.take<report::Counter>(client);
  const CallId call = engine.only<link::Describe>().call;
  CHECK(engine.take<link::Survey>().size() == 2);
  CHECK(call != CallId{8});
  report::WorkerInfo worker;
  worker.call = call;
  worker.name = "digest";
  engine.core().worker_info_received(worker);
  engine.core().counter_received({call, "peers", 3});
  engine.turn();
  CHECK(engine.only<report::WorkerInfo>(client).call == CallId{8});
  CHECK(engine.only<report::Counter>(client) == report::Counter{CallId{8}, "peers", 3});
  engine.done(Part::consumer, call);
  engine.done(Part::selector, call);
  CHECK(engine.none<report::Done>(client));
  engine.done(Part::producer, call);
  CHECK(engine.only<report::Done>(client).call == CallId{8});
}

TEST_CASE("R40 status ends in time though an actor is silent") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.status(client);
  engine.pass(limits::kStatusWithin - 1ms);
  CHECK(engine.none<report::Done>(client));
  engine.pass(1ms);
  CHECK(engine.take<report::Done>(client).size() == 1);
}

TEST_CASE("R40 status of a node whose other parts are not there is answered at once") {
  Engine engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.status(client);
  CHECK(engine.only<control::FetchInfo>(client).state == FetchState::pending);
  CHECK(engine.only<report::Done>(client).count == 1);
}

TEST_CASE("N11 status says of each fetch what it waits for") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.validating(client, "judged");
  engine.fetch(client, "wanted");
  engine.fetch(client, "wanted", "u");
  const FetchId wanted = engine.only<link::Want>().fetch;
  engine.attach_storages(1);
  engine.fetch(client, "looking");
  engine.pass(10ms);
  engine.status(client, {key("looking"), key("judged"), key("wanted"), key("unknown")});

  const auto here = engine.take<control::FetchInfo>(client);
  REQUIRE(here.size() == 2);
  CHECK(here[0].key == key("looking"));
  CHECK(here[0].waits_for == WaitsFor::storage);
  CHECK(here[0].age_ms == 10);
  CHECK(here[1].state == FetchState::validating);
  CHECK(here[1].waits_for == WaitsFor::verdict);

  const auto describe = engine.only<link::Describe>();
  CHECK(describe.fetches == std::vector{wanted});
  engine.waits({describe.call, wanted, FetchState::active, WaitsFor::answer, "n2 was asked", 3, 0});
  const auto there = engine.only<control::FetchInfo>(client);
  CHECK(there.call == CallId{8});
  CHECK(there.state == FetchState::active);
  CHECK(there.detail == "n2 was asked");
  CHECK(there.subscribers == 2);
  CHECK(there.requests == 3);
}

TEST_CASE("N11 explain asks the selector about a key, and about its fetch if it pursues it") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "wanted");
  const FetchId wanted = engine.only<link::Want>().fetch;
  engine.explain(client, "wanted");
  const auto explain = engine.only<link::Explain>();
  CHECK(explain.fetch == wanted);
  CHECK(explain.key == key("wanted"));
  engine.waits({explain.call, wanted, FetchState::active, WaitsFor::answer, "n2 was asked", 3, 0});
  report::AskInfo info;
  info.call = explain.call;
  engine.core().ask_info_received(info);
  engine.done(Part::selector, explain.call, 1);
  CHECK(engine.only<control::FetchInfo>(client).detail == "n2 was asked");
  CHECK(engine.only<report::AskInfo>(client).call == CallId{9});
  CHECK(engine.only<report::Done>(client) == report::Done{CallId{9}, 1});

  engine.explain(client, "unknown");
  CHECK(!engine.only<link::Explain>().fetch);
  CHECK(engine.none<control::FetchInfo>(client));
}

TEST_CASE("N11 explain of a fetch that is not the selector's now says what the engine knows") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.validating(client, "judged");
  engine.explain(client, "judged");
  CHECK(!engine.only<link::Explain>().fetch);
  CHECK(engine.only<control::FetchInfo>(client).waits_for == WaitsFor::verdict);
}

TEST_CASE("N11 a value that no verifier judges waits for a verifier") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.validating(client);
  engine.attach_verifiers(0);
  engine.status(client, {key("k")});
  CHECK(engine.only<control::FetchInfo>(client).waits_for == WaitsFor::verifier);
}

TEST_CASE("N11 a value whose key no verifier is for waits for one that is") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.validating(client);
  const Prefix other(std::string("z"));
  engine.core().workers_attached({WorkerRole::verifier, 3, {{other, other}}}, engine.now());
  engine.status(client, {key("k")});
  const auto info = engine.only<control::FetchInfo>(client);
  CHECK(info.waits_for == WaitsFor::verifier);
  CHECK(info.detail == "a value is here, and no verifier that is attached is for this key");
  const Prefix first(std::string(1, static_cast<char>(key("k").view()[0])));
  engine.core().workers_attached({WorkerRole::verifier, 1, {{first, first}}}, engine.now());
  engine.status(client, {key("k")});
  CHECK(engine.only<control::FetchInfo>(client).waits_for == WaitsFor::verdict);
}

TEST_CASE("N8 a fetch that has no room for an answer says so when a verifier is what is missing") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const FetchId wanted = engine.only<link::Want>().fetch;
  const std::uint32_t verifiers = GENERATE(0, 1);
  engine.attach_verifiers(verifiers);
  engine.status(client, {key("k")});
  engine.waits({engine.only<link::Describe>().call, wanted, FetchState::pending, WaitsFor::room,
                "no room", 0, 0});
  CHECK(engine.only<control::FetchInfo>(client).detail ==
        (verifiers > 0 ? "no room"
                       : "no verifier is attached, and as many values wait for one as there is "
                         "room for"));
}

TEST_CASE("N11 status without keys describes the oldest") {
  Attached engine{};
  const ClientId client = engine.client();
  for (int i = 0; i < 300; ++i) engine.fetch(client, std::to_string(i));
  engine.withdraw(client, "0");
  auto wants = engine.take<link::Want>();
  engine.status(client);
  const auto described = engine.only<link::Describe>().fetches;
  REQUIRE(described.size() == 256);
  CHECK(described.front() == wants[1].fetch);
  CHECK(described.back() == wants[256].fetch);
}

TEST_CASE("peers commands go to the selector under an id of our own, and answers back") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.peers(client, report::PeerBlock{CallId{3}, peer(1), 1000});
  const auto block = engine.only<report::PeerBlock>();
  CHECK(block.peer == peer(1));
  CHECK(block.call != CallId{3});
  report::PeerInfo info;
  info.call = block.call;
  engine.core().peer_info_received(info);
  SECTION("done") {
    engine.done(Part::selector, block.call, 2);
    CHECK(engine.only<report::Done>(client) == report::Done{CallId{3}, 2});
  }
  SECTION("failed") {
    engine.failed(Part::selector, block.call, Reason::unknown, "no such peer");
    CHECK(engine.only<report::Failed>(client) ==
          report::Failed{CallId{3}, Reason::unknown, "no such peer"});
  }
  SECTION("no answer in time") {
    engine.pass(limits::kPeersWithin);
    CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
    engine.done(Part::selector, block.call);
    CHECK(engine.none<report::Done>(client));
  }
  CHECK(engine.only<report::PeerInfo>(client).call == CallId{3});
}

TEST_CASE("peers commands fail at once without a selector") {
  Engine engine;
  const ClientId client = engine.client();
  engine.peers(client, report::PeerList{CallId{3}});
  CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
}

TEST_CASE("N8 commands of one client that are not answered yet are bounded") {
  Attached engine{};
  const ClientId client = engine.client();
  for (std::uint32_t i = 0; i < limits::kMaxCallsOfClient; ++i) {
    engine.peers(client, report::PeerList{CallId{i}});
  }
  CHECK(engine.none<report::Failed>(client));
  engine.peers(client, report::PeerList{CallId{1}});
  CHECK(engine.only<report::Failed>(client).reason == Reason::full);
  engine.peers(engine.client(), report::PeerList{CallId{1}});
  CHECK(engine.none<report::Failed>());
}

}  // namespace quarry::engine
