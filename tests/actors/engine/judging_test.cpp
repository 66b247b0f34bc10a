#include "tests/actors/engine/fixture.hpp"

namespace quarry::engine {

TEST_CASE("R25 the verifier gets key, value, peer and those who wait at that moment") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "1");
  engine.fetch(client, "k", "2");
  engine.withdraw(client, "k", "1");
  engine.answer(engine.only<link::Want>().fetch, "value", 4);
  auto judge = engine.only<link::Judge>();
  judge.delivery = {};
  CHECK(judge == link::Judge{{}, key("k"), peer(4), {Tag("2")}, bytes("value")});
}

TEST_CASE("R26 a verifier that thinks holds up no other fetch") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.validating(client, "slow");
  const auto other = engine.validating(client, "quick");
  engine.verdict(other.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).key == key("quick"));
}

TEST_CASE("R27 complete resolves the delivered and credits the peer") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.verdict(it.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).value == bytes("value"));
  CHECK(engine.only<link::Judged>() ==
        link::Judged{it.fetch, it.request, Outcome::complete, false});
  CHECK(engine.none<link::End>());
}

TEST_CASE("R27 those who join during validation get the same bytes without a request") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "k", "joined");
  engine.verdict(it.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).tag == Tag("t"));
  CHECK(engine.none<link::Judged>());
  const auto again = engine.only<link::Judge>();
  CHECK(again.delivery != it.delivery);
  CHECK(again.subscribers == std::vector{Tag("joined")});
  CHECK(again.value == bytes("value"));
  CHECK(again.peer == peer(1));
  engine.verdict(again.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).tag == Tag("joined"));
  CHECK(engine.only<link::Judged>() ==
        link::Judged{it.fetch, it.request, Outcome::complete, false});
}

TEST_CASE("R27 the first outcome is what is said of the peer, however a redelivery ends") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "k", "joined");
  engine.verdict(it.delivery, Outcome::complete);
  const auto again = engine.only<link::Judge>();
  SECTION("lost: the rest is asked for again") {
    engine.verdict(again.delivery, Outcome::lost);
    CHECK(engine.only<link::Judged>() ==
          link::Judged{it.fetch, it.request, Outcome::complete, true});
    CHECK(engine.core().fetches() == 1);
  }
  SECTION("unresolved: the rest is asked for again") {
    engine.verdict(again.delivery, Outcome::unresolved);
    CHECK(engine.only<link::Judged>() ==
          link::Judged{it.fetch, it.request, Outcome::complete, true});
  }
  SECTION("cancelled: it is said at once, and not once more") {
    engine.withdraw(client, "k", "joined");
    CHECK(engine.only<link::Judged>() ==
          link::Judged{it.fetch, it.request, Outcome::complete, false});
    CHECK(engine.only<link::Abort>().delivery == again.delivery);
    engine.verdict(again.delivery, Outcome::invalid);
    CHECK(engine.none<link::Judged>());
  }
}

TEST_CASE("R27 more subscribers than one delivery names are delivered in turn") {
  Attached engine{};
  const ClientId client = engine.client();
  for (int i = 0; i < 300; ++i) engine.fetch(client, "k", std::to_string(i));
  engine.answer(engine.only<link::Want>().fetch, "value");
  auto judge = engine.only<link::Judge>();
  CHECK(judge.subscribers.size() == 256);
  engine.verdict(judge.delivery, Outcome::complete);
  CHECK(engine.take<control::Resolved>(client).size() == 256);
  judge = engine.only<link::Judge>();
  CHECK(judge.subscribers.size() == 44);
  engine.verdict(judge.delivery, Outcome::complete);
  CHECK(engine.take<control::Resolved>(client).size() == 44);
  CHECK(engine.take<link::Judged>().size() == 1);
}

TEST_CASE("R28 partial resolves those it names, and the key is asked for again") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "0");
  engine.fetch(client, "k", "1");
  engine.fetch(client, "k", "2");
  const FetchId fetch = engine.only<link::Want>().fetch;
  const RequestId request = engine.answer(fetch, "value");
  const DeliveryId delivery = engine.only<link::Judge>().delivery;

  SECTION("some") {
    engine.verdict(delivery, Outcome::partial, {2, 0});
    CHECK(engine.take<control::Resolved>(client).size() == 2);
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::partial, true});
    engine.answer(fetch, "better");
    CHECK(engine.only<link::Judge>().subscribers == std::vector{Tag("1")});
  }
  SECTION("all: that is complete") {
    engine.verdict(delivery, Outcome::partial, {2, 0, 1});
    CHECK(engine.take<control::Resolved>(client).size() == 3);
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::complete, false});
  }
  SECTION("all that have not withdrawn: the fetch is over") {
    engine.withdraw(client, "k", "1");
    engine.verdict(delivery, Outcome::partial, {0, 2});
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::partial, false});
    CHECK(engine.core().fetches() == 0);
  }
  SECTION("whom it cannot name: the verdict is lost") {
    const std::vector<std::uint16_t> nonsense =
        GENERATE(std::vector<std::uint16_t>{3}, std::vector<std::uint16_t>{0, 0});
    engine.verdict(delivery, Outcome::partial, nonsense);
    CHECK(engine.none<control::Resolved>());
    CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::lost, true});
  }
  SECTION("an index stays with its subscriber when others end") {
    engine.withdraw(client, "k", "0");
    engine.fetch(client, "k", "joined");
    engine.verdict(delivery, Outcome::partial, {0, 1});
    CHECK(engine.only<control::Resolved>(client).tag == Tag("1"));
  }
}

TEST_CASE("R28 unresolved satisfies nobody and the key is asked for again") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.verdict(it.delivery, Outcome::unresolved);
  CHECK(engine.none<control::Resolved>());
  CHECK(engine.only<link::Judged>() ==
        link::Judged{it.fetch, it.request, Outcome::unresolved, true});
}

TEST_CASE("R29 invalid is said of the peer and the key asked for again, in one message") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.verdict(it.delivery, Outcome::invalid);
  CHECK(engine.only<link::Judged>() == link::Judged{it.fetch, it.request, Outcome::invalid, true});
  CHECK(engine.none<control::Ended>(client));
  engine.answer(it.fetch, "true", 2);
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).peer == peer(2));
}

TEST_CASE("R29 invalid for accepted bytes rejects who is left and blames nobody") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "k", "joined");
  engine.verdict(it.delivery, Outcome::complete);
  engine.take<control::Resolved>(client);
  engine.fetch(client, "k", "later");
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::invalid);
  const auto ended = engine.take<control::Ended>(client);
  REQUIRE(ended.size() == 2);
  CHECK(ended[0].how == Terminal::rejected);
  CHECK(ended[1].how == Terminal::rejected);
  CHECK(engine.only<link::Judged>() ==
        link::Judged{it.fetch, it.request, Outcome::complete, false});
}

TEST_CASE("R30 ignored ends the fetch for all and scores nothing") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "k", "joined");
  engine.verdict(it.delivery, Outcome::ignored);
  CHECK(engine.take<control::Ended>(client).size() == 2);
  CHECK(engine.only<link::Judged>() == link::Judged{it.fetch, it.request, Outcome::ignored, false});
}

TEST_CASE("R30 a withheld verdict retires the delivered and the joiners get the same bytes") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  SECTION("nobody joined: the fetch is over") {
    engine.verdict(it.delivery, Outcome::withheld);
    CHECK(engine.only<control::Ended>(client).how == Terminal::withheld);
    CHECK(engine.only<link::Judged>() ==
          link::Judged{it.fetch, it.request, Outcome::withheld, false});
  }
  SECTION("somebody joined: the next verdict is the first") {
    engine.fetch(client, "k", "joined");
    engine.verdict(it.delivery, Outcome::withheld);
    CHECK(engine.only<control::Ended>(client).tag == Tag("t"));
    const auto again = engine.only<link::Judge>();
    CHECK(again.subscribers == std::vector{Tag("joined")});
    engine.verdict(again.delivery, Outcome::invalid);
    CHECK(engine.none<control::Ended>(client));
    CHECK(engine.only<link::Judged>() ==
          link::Judged{it.fetch, it.request, Outcome::invalid, true});
  }
}

TEST_CASE("N6 a lost verdict blames nobody here: the selector is told `lost`, and asks again") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.verdict(it.delivery, Outcome::lost);
  CHECK(engine.only<link::Judged>() == link::Judged{it.fetch, it.request, Outcome::lost, true});
  CHECK(engine.none<control::Ended>(client));
}

TEST_CASE("R31 who comes during validation just attaches") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k", "t", {peer(1)});
  const FetchId fetch = engine.only<link::Want>().fetch;
  engine.answer(fetch, "value");
  engine.fetch(client, "k", "u", {peer(2)});
  CHECK(engine.none<link::Want>());
  CHECK(engine.only<link::AddTargets>().targets == std::vector{peer(2)});
}

TEST_CASE("R21 a fetch that ends while it is validated aborts, and the verdict still counts") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.withdraw(client, "k");
  CHECK(engine.only<link::Abort>().delivery == it.delivery);
  CHECK(engine.only<link::End>().fetch == it.fetch);
  CHECK(engine.none<link::Judged>());
  engine.verdict(it.delivery, Outcome::invalid);
  CHECK(engine.only<link::Judged>() == link::Judged{it.fetch, it.request, Outcome::invalid, false});
  engine.verdict(it.delivery, Outcome::invalid);
  CHECK(engine.none<link::Judged>());
}

TEST_CASE("R22 an answer to a fetch that has ended changes nothing, and gets its Judged") {
  Attached engine{};
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  const FetchId fetch = engine.only<link::Want>().fetch;
  engine.withdraw(client, "k");
  const RequestId request = engine.answer(fetch, "late");
  CHECK(engine.none<link::Judge>());
  CHECK(engine.only<link::Judged>() == link::Judged{fetch, request, Outcome::ignored, false});
  CHECK(engine.only<link::Room>() == link::Room{1, 4});
}

TEST_CASE("N8 all room is granted at first, and that of an answer comes back when it is judged") {
  Config config;
  config.answer_slots = 10;
  config.answer_bytes = 1000;
  Engine engine(config);
  engine.attach_selector();
  CHECK(engine.only<link::Room>() == link::Room{10, 1000});
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  CHECK(engine.none<link::Room>());
  SECTION("complete") {
    engine.verdict(it.delivery, Outcome::complete);
    CHECK(engine.only<link::Room>() == link::Room{1, 5});
  }
  SECTION("invalid") {
    engine.verdict(it.delivery, Outcome::invalid);
    CHECK(engine.only<link::Room>() == link::Room{1, 5});
  }
  SECTION("a redelivery holds it") {
    engine.fetch(client, "k", "joined");
    engine.verdict(it.delivery, Outcome::complete);
    CHECK(engine.none<link::Room>());
  }
  SECTION("an aborted validation holds it until its verdict") {
    engine.withdraw(client, "k");
    CHECK(engine.none<link::Room>());
    engine.verdict(it.delivery, Outcome::lost);
    CHECK(engine.only<link::Room>() == link::Room{1, 5});
  }
  SECTION("a new selector is granted the rest, and told what is still held") {
    engine.attach_selector();
    CHECK(engine.only<link::Room>() == link::Room{9, 995, 1, 5});
    engine.verdict(it.delivery, Outcome::complete);
    CHECK(engine.only<link::Room>() == link::Room{1, 5});
  }
}

TEST_CASE("N14 what was said in the turn of a partner's Hello was for its earlier life") {
  Config config;
  config.answer_slots = 10;
  Engine engine(config);
  const ClientId client = engine.client();
  engine.fetch(client, "k");
  engine.core().selector_attached(engine.now());
  engine.core().selector_attached(engine.now());
  engine.turn();
  CHECK(engine.only<link::Room>().slots == 10);
  const FetchId fetch = engine.only<link::Want>().fetch;
  engine.core().answer_received({fetch, RequestId{7}, peer(1), Payload::of("value")}, engine.now());
  engine.core().consumer_attached(engine.now());
  engine.turn();
  engine.only<link::Judge>();
}

TEST_CASE("N8 the room of a whole turn comes back in one item") {
  Attached engine{};
  const ClientId client = engine.client();
  std::vector<DeliveryId> deliveries;
  for (int i = 0; i < 5; ++i) {
    deliveries.push_back(engine.validating(client, std::to_string(i)).delivery);
  }
  for (const DeliveryId delivery : deliveries) {
    engine.core().verdict_received({delivery, Outcome::complete, {}}, engine.now());
  }
  engine.turn();
  CHECK(engine.only<link::Room>() == link::Room{5, 25});
}

TEST_CASE("N14 a value judged for a selector's previous life gets no Judged") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.attach_selector();
  CHECK(engine.none<link::Want>());
  SECTION("it resolves all the same") {
    engine.verdict(it.delivery, Outcome::complete);
    CHECK(engine.only<control::Resolved>(client).value == bytes("value"));
    CHECK(engine.none<link::End>());
  }
  SECTION("or it is asked for anew") {
    engine.verdict(it.delivery, Outcome::invalid);
    CHECK(engine.only<link::Want>().fetch == it.fetch);
  }
  CHECK(engine.none<link::Judged>());
}

TEST_CASE("N14 a ConsumerBridge that attaches anew is given again what is not judged") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  const auto gone = engine.validating(client, "gone");
  engine.fetch(client, "k", "joined");
  engine.withdraw(client, "k", "t");
  engine.withdraw(client, "gone");
  engine.take<link::Judged>();
  engine.attach_verifiers(1);
  const auto judge = engine.only<link::Judge>();
  CHECK(judge.delivery == it.delivery);
  CHECK(judge.subscribers == std::vector{Tag("joined")});
  CHECK(engine.only<link::Judged>() ==
        link::Judged{gone.fetch, gone.request, Outcome::ignored, false});
  engine.verdict(it.delivery, Outcome::complete);
  CHECK(engine.only<control::Resolved>(client).tag == Tag("joined"));
}

TEST_CASE("R40 a fetch is counted once, by how the last of its subscriptions ended") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "k", "gone before");
  engine.withdraw(client, "k", "gone before");
  engine.verdict(it.delivery, Outcome::complete);
  engine.fetch(client, "other", "1");
  engine.fetch(client, "other", "2");
  engine.cancel(client, {key("other")});
  CHECK(engine.counter("fetches_resolved_total") == 1);
  CHECK(engine.counter("fetches_cancelled_total") == 1);
  CHECK(engine.counter("subscriptions_resolved_total") == 1);
  CHECK(engine.counter("subscriptions_cancelled_total") == 3);
}

TEST_CASE("R40 a fetch takes until a value is accepted, once; one that is not takes no time") {
  Attached engine{};
  const ClientId client = engine.client();
  const auto it = engine.validating(client);
  engine.fetch(client, "never");
  engine.pass(3ms);
  engine.fetch(client, "k", "joined");
  engine.verdict(it.delivery, Outcome::complete);
  CHECK(engine.counter("fetch_us_le_2500") == 0);
  CHECK(engine.counter("fetch_us_le_5000") == 1);
  CHECK(engine.counter("fetch_us_le_300000000") == 1);
  engine.pass(1s);
  engine.verdict(engine.only<link::Judge>().delivery, Outcome::complete);
  engine.cancel(client, {key("never")});
  CHECK(engine.counter("fetch_us_count") == 1);
  CHECK(engine.counter("fetch_us_sum") == 3000);
}

}  // namespace quarry::engine
