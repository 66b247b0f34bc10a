#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {
TEST_CASE("N13 a fetch looks into the own storage first, and what is found is judged") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const auto look_up = engine.only<link::LookUp>();
  CHECK(look_up.key == key("k"));
  CHECK(look_up.room == 64 * 1024);
  engine.found(look_up.look_up, "mine");
  CHECK(engine.none<link::Want>());
  const auto judge = engine.only<link::Judge>();
  CHECK(judge.peer == peer(Engine::kNode));
  engine.verdict(judge.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client) ==
        control::Resolved{Tag("t"), key("k"), peer(Engine::kNode), bytes("mine")});
  CHECK(engine.none<link::Judged>());
  CHECK(engine.none<link::End>());
}

TEST_CASE("N13 what the own storage has not is asked of peers") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k", "t", {peer(1)});
  CHECK(engine.none<link::Want>());
  SECTION("it says so") { engine.no_data(engine.only<link::LookUp>().look_up); }
  SECTION("it says nothing for 50 ms") {
    engine.pass(49ms);
    CHECK(engine.none<link::Want>());
    engine.pass(1ms);
  }
  CHECK(engine.only<link::Want>().targets == std::vector{peer(1)});
  engine.pass(1s);
  CHECK(engine.none<link::Want>());
}

TEST_CASE("N13 a client can say that the own storage is not to be asked") {
  Stored engine;
  control::Fetch ask;
  ask.key = key("k");
  ask.local = false;
  engine.fetch(engine.client(), ask);
  CHECK(engine.none<link::LookUp>());
  CHECK(engine.take<link::Want>().size() == 1);
}

TEST_CASE("N13 a value larger than the first room is looked up again with room for it") {
  Stored engine;
  engine.fetch(engine.client(), "k");
  engine.too_large(engine.only<link::LookUp>().look_up, 100'000);
  const auto look_up = engine.only<link::LookUp>();
  CHECK(look_up.room == 100'000);
  SECTION("found") {
    engine.found(look_up.look_up, std::string(100'000, 'x'));
    CHECK(engine.only<link::Judge>().value.size() == 100'000);
  }
  SECTION("a storage that grows with each answer is given up") {
    engine.too_large(look_up.look_up, 100'000);
    CHECK(engine.none<link::LookUp>());
    CHECK(engine.take<link::Want>().size() == 1);
  }
  SECTION("beyond what the network allows it is no value") {
    engine.too_large(look_up.look_up, 5 * 1024 * 1024);
    CHECK(engine.take<link::Want>().size() == 1);
  }
}

TEST_CASE("N13 a value that is said late to be larger is looked up again, too") {
  Stored engine;
  engine.fetch(engine.client(), "k");
  const LookUpId look_up = engine.only<link::LookUp>().look_up;
  engine.pass(50ms);
  CHECK(engine.take<link::Want>().size() == 1);
  engine.too_large(look_up, 100'000);
  const auto again = engine.only<link::LookUp>();
  CHECK(again.room == 100'000);
  CHECK(engine.none<link::Want>());
  engine.found(again.look_up, std::string(100'000, 'x'));
  CHECK(engine.only<link::Judge>().value.size() == 100'000);
}

TEST_CASE("N13 an invalid value of our own is removed, blames nobody, and peers are asked") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.found(engine.only<link::LookUp>().look_up, "rotten");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::invalid);
  const auto remove = engine.only<link::Remove>();
  CHECK(remove.key == key("k"));
  CHECK(engine.none<link::Judged>());
  CHECK(engine.take<link::Want>().size() == 1);
  engine.done(Part::producer, remove.call, 1);
  CHECK(engine.counter("removed_total") == 1);
}

TEST_CASE("N13 a value found late is used unless another is being judged") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const LookUpId look_up = engine.only<link::LookUp>().look_up;
  engine.pass(50ms);
  const FetchId fetch = engine.only<link::Want>().fetch;
  SECTION("used: the selector is told the end") {
    engine.found(look_up, "mine");
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
    CHECK(engine.only<control::Resolved>(client).value == bytes("mine"));
    CHECK(engine.only<link::End>().fetch == fetch);
  }
  SECTION("used, and invalid: the selector just goes on") {
    engine.found(look_up, "rotten");
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::invalid);
    CHECK(engine.none<link::Want>());
    CHECK(engine.none<link::Judged>());
  }
  SECTION("dropped") {
    engine.answer(fetch, "theirs");
    engine.only<link::Judge>();
    engine.found(look_up, "mine");
    CHECK(engine.none<link::Judge>());
  }
}

TEST_CASE("N13 an answer that comes while a value of our own is judged waits for the verdict") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const LookUpId look_up = engine.only<link::LookUp>().look_up;
  engine.pass(50ms);
  const FetchId fetch = engine.only<link::Want>().fetch;
  engine.found(look_up, "mine");
  const DeliveryId delivery = engine.only<link::Judge>().delivery;
  const RequestId request = engine.answer(fetch, "theirs");
  CHECK(engine.none<link::Judge>());
  SECTION("ours is right: theirs is not judged") {
    engine.verdict(delivery, Outcome::complete);
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::ignored, false});
    CHECK(engine.only<link::Room>() == link::Room{1, 6});
  }
  SECTION("ours is wrong: theirs is judged") {
    engine.verdict(delivery, Outcome::invalid);
    const auto judge = engine.only<link::Judge>();
    CHECK(judge.value == bytes("theirs"));
    engine.verdict(judge.delivery, Outcome::complete);
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::complete, false});
  }
  SECTION("nobody waits any more") {
    engine.withdraw(client, "k");
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::ignored, false});
    CHECK(engine.none<link::End>());
  }
}

TEST_CASE("N13 a storage that failed or took too long is asked again") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.no_data(engine.only<link::LookUp>().look_up, false);
  const FetchId fetch = engine.only<link::Want>().fetch;
  engine.pass(limits::kLookAgainAfter - 1ms);
  CHECK(engine.none<link::LookUp>());
  SECTION("while the fetch waits for its peers") {
    engine.pass(1ms);
    engine.found(engine.only<link::LookUp>().look_up, "mine");
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
    CHECK(engine.only<control::Resolved>(client).value == bytes("mine"));
  }
  SECTION("until it is sure") {
    for (int i = 0; i < 3; ++i) {
      engine.pass(limits::kLookAgainAfter);
      engine.no_data(engine.only<link::LookUp>().look_up, i == 2);
    }
    engine.pass(limits::kLookAgainAfter);
    CHECK(engine.none<link::LookUp>());
    CHECK(engine.none<link::Want>());
  }
  SECTION("once a value that is judged meanwhile has failed") {
    engine.answer(fetch, "wrong");
    engine.pass(1s);
    CHECK(engine.none<link::LookUp>());
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::invalid);
    CHECK(engine.take<link::LookUp>().size() == 1);
  }
  SECTION("and not for a fetch that is over") {
    engine.cancel(client, {key("k")});
    engine.pass(1s);
    CHECK(engine.none<link::LookUp>());
  }
}

TEST_CASE("N8 fetches that look again are bounded, further ones wait for their peers") {
  Stored engine;
  const ClientId client = engine.client();
  // How many look, and are told this.
  const auto tell_all = [&](bool sure) {
    std::size_t told = 0;
    for (auto out = engine.take<link::LookUp>(); !out.empty(); out = engine.take<link::LookUp>()) {
      for (const auto& it : out) {
        engine.core().no_data_received({it.look_up, sure}, engine.now());
      }
      told += out.size();
      engine.turn();
    }
    return told;
  };
  for (std::uint32_t i = 0; i <= limits::kMaxLookAgain; ++i) {
    engine.core().fetch_asked(client, {Tag("t"), key(std::to_string(i)), {}}, engine.now());
  }
  engine.turn();
  CHECK(tell_all(false) == limits::kMaxLookAgain + 1);
  engine.pass(limits::kLookAgainAfter);
  CHECK(tell_all(true) == limits::kMaxLookAgain);
}

TEST_CASE("N8 look-ups out are bounded, others wait their turn or go to the network") {
  Stored engine;
  const ClientId client = engine.client();
  for (std::uint32_t i = 0; i < limits::kMaxLookUps + 2; ++i) {
    engine.core().fetch_asked(client, {Tag("t"), key(std::to_string(i)), {}}, engine.now());
  }
  engine.turn();
  const auto look_ups = engine.take<link::LookUp>();
  CHECK(look_ups.size() == limits::kMaxLookUps);
  SECTION("an answer makes room") {
    engine.no_data(look_ups[0].look_up);
    CHECK(engine.take<link::LookUp>().size() == 1);
  }
  SECTION("a value found holds its room until it is judged") {
    for (const auto& look_up : look_ups) {
      engine.core().found_received({look_up.look_up, bytes(std::string(65'536, 'x'))},
                                   engine.now());
    }
    engine.turn();
    CHECK(engine.none<link::LookUp>());
    engine.verdict(engine.take<link::Judge>()[0].delivery, Outcome::complete);
    CHECK(engine.take<link::LookUp>().size() == 1);
  }
  SECTION("no answer for 50 ms: to the network") {
    engine.pass(50ms);
    CHECK(engine.take<link::Want>().size() == limits::kMaxLookUps + 2);
    CHECK(engine.none<link::LookUp>());
  }
}

TEST_CASE("N14 a ProducerBridge that attaches anew is asked again") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.put(client, "p", "value");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  const auto look_up = engine.only<link::LookUp>();
  const auto keep = engine.only<link::Keep>();
  engine.attach_storages(1);
  CHECK(engine.only<link::LookUp>() == look_up);
  CHECK(engine.only<link::Keep>() == keep);
}

TEST_CASE("N14 N8 a look-up for a fetch that is over goes with the ProducerBridge that was asked") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "over");
  engine.fetch(client, "k");
  engine.withdraw(client, "over");
  CHECK(engine.counter("look_ups_out") == 2);
  engine.take<link::LookUp>();
  engine.attach_storages(1);
  CHECK(engine.only<link::LookUp>().key == key("k"));
  CHECK(engine.counter("look_ups_out") == 1);
}

TEST_CASE("N13 an accepted value is kept when that is asked, once") {
  Attached engine{};
  const ClientId client = engine.client();
  control::Fetch ask;
  ask.key = key("k");
  ask.keep = true;
  engine.fetch(client, ask);
  engine.answer(engine.only<link::Want>().fetch, "value");
  engine.fetch(client, "k", "joined");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  const auto keep = engine.only<link::Keep>();
  CHECK(keep.key == key("k"));
  CHECK(keep.value == bytes("value"));
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  CHECK(engine.none<link::Keep>());
  engine.failed(Part::producer, keep.call, Reason::failed, "no space left on device");
  CHECK(engine.counter("keeps_failed_total") == 1);
}

TEST_CASE("N17 put has the value judged, and is acknowledged after it is on disk") {
  Stored engine;
  const ClientId client = engine.client();
  engine.put(client, "k", "value");
  const auto judge = engine.only<link::Judge>();
  CHECK(judge.peer == peer(Engine::kNode));
  CHECK(judge.subscribers == std::vector{Tag{}});
  CHECK(engine.none<link::Keep>());
  engine.verdict(judge.delivery,
                 GENERATE(Outcome::complete, Outcome::partial, Outcome::unresolved));
  const auto keep = engine.only<link::Keep>();
  CHECK(keep.value == bytes("value"));
  CHECK(engine.none<report::Done>(client));
  engine.done(Part::producer, keep.call);
  CHECK(engine.only<report::Done>(client) == report::Done{CallId{7}, 1});
}

TEST_CASE("N17 a put that fails says why") {
  Stored engine;
  const ClientId client = engine.client();
  SECTION("invalid") {
    engine.put(client, "k", "wrong");
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::invalid);
    CHECK(engine.only<report::Failed>(client).reason == Reason::invalid);
    CHECK(engine.none<link::Remove>());
  }
  SECTION("the disk is full") {
    engine.put(client, "k", "value");
    engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
    engine.failed(Part::producer, engine.only<link::Keep>().call, Reason::failed,
                  "no space left on device");
    CHECK(engine.only<report::Failed>(client) ==
          report::Failed{CallId{7}, Reason::failed, "no space left on device"});
  }
  SECTION("too large") {
    engine.put(client, "k", std::string(4 * 1024 * 1024 + 1, 'x'));
    CHECK(engine.only<report::Failed>(client).reason == Reason::too_large);
  }
  SECTION("no storage") {
    engine.attach_storages(0);
    engine.put(client, "k", "value");
    CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
  }
  SECTION("no verifier") {
    engine.attach_verifiers(0);
    engine.put(client, "k", "value");
    CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
  }
  SECTION("no verdict in time") {
    engine.put(client, "k", "value");
    const DeliveryId delivery = engine.only<link::Judge>().delivery;
    engine.pass(limits::kPutWithin);
    CHECK(engine.only<report::Failed>(client).reason == Reason::unavailable);
    CHECK(engine.only<link::Abort>().delivery == delivery);
    engine.verdict(delivery, Outcome::invalid);
    CHECK(engine.none<link::Remove>());
    CHECK(engine.counter("puts") == 0);
  }
  CHECK(engine.none<link::Keep>());
}

TEST_CASE("N8 puts are bounded") {
  Stored engine;
  const ClientId client = engine.client();
  for (std::uint32_t i = 0; i < limits::kMaxPuts; ++i) engine.put(client, "k", "value");
  CHECK(engine.none<report::Failed>(client));
  engine.put(engine.client(), "k", "value");
  CHECK(engine.only<report::Failed>().reason == Reason::full);
}

TEST_CASE("N13 a value put later resolves a fetch of its key that waits") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const LookUpId look_up = engine.only<link::LookUp>().look_up;
  const bool looking = GENERATE(true, false);
  if (!looking) engine.no_data(look_up);
  engine.put(client, "k", "value");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  CHECK(engine.none<control::Resolved>(client));
  engine.done(Part::producer, engine.only<link::Keep>().call);
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).value == bytes("value"));
  CHECK(engine.take<link::End>().size() == (looking ? 0 : 1));
  CHECK(engine.counter("puts") == 0);
}

TEST_CASE("N13 a value put while another is judged is looked for when that one fails") {
  Stored engine;
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.no_data(engine.only<link::LookUp>().look_up);
  engine.answer(engine.only<link::Want>().fetch, "wrong");
  const DeliveryId theirs = engine.only<link::Judge>().delivery;
  engine.put(client, "k", "value");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  engine.done(Part::producer, engine.only<link::Keep>().call);
  engine.verdict(theirs, Outcome::invalid);
  engine.found(engine.only<link::LookUp>().look_up, "value");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).value == bytes("value"));
}

TEST_CASE("N14 a put between a bridge's new life and its word on who is attached is not refused") {
  Stored engine;
  const ClientId client = engine.client();
  engine.core().consumer_attached(engine.now());
  engine.core().producer_attached(engine.now());
  engine.put(client, "k", "value");
  CHECK(engine.none<report::Failed>(client));
  CHECK(engine.only<link::Judge>().key == key("k"));
}

}  // namespace quarry::engine
