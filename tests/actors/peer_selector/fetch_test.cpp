// What becomes of a fetch: asked, answered, asked again, parked.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

TEST_CASE("R12 a fetch that is wanted is asked for, and its answer is passed on unjudged") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  REQUIRE(ask.key == key_of(5));
  f.value(ask, "hello");
  const link::Answer answer = f.only_answer();
  REQUIRE(answer.fetch == FetchId{5});
  REQUIRE(answer.request == ask.request);
  REQUIRE(answer.peer == peer_key(1));
  REQUIRE(answer.value == Payload::of("hello"));
  f.judge(answer, Outcome::complete, false);
  f.pass(10s);
  REQUIRE(f.take_asks().empty());
}

TEST_CASE("R1 a fetch that is known already is not asked for twice") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  f.want(5);
  f.only_ask();
}

TEST_CASE("R4 no failure of a peer ends a fetch") {
  Fixture f;
  f.connect({1});
  f.want(5);
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    for (const Asked& ask : f.take_asks()) f.no_data(ask);
    f.pass(7s);
    REQUIRE(f.asks.size() >= 1);
  }
}

TEST_CASE("R5 fresh keys go before retries, but one send in eight is a due retry") {
  Config config;
  config.in_flight_cap = 1;
  Fixture f(config);
  f.connect({1, 2});
  // Fifty fetches that one of the two said no to: retries, for the other one.
  f.in_bulk = true;
  for (std::uint64_t i = 0; i < 200; ++i) f.want(1000 + i);
  f.in_bulk = false;
  f.turn();
  int since_retry = 0, worst = 0, retries = 0;
  std::map<std::uint64_t, int> asked;
  bool waiting = false;
  for (int i = 0; i < 150; ++i) {
    const Asked ask = f.asks.front();
    f.asks.erase(f.asks.begin());
    std::uint64_t fetch = 0;
    std::memcpy(&fetch, ask.key.view().data(), sizeof fetch);
    if (asked[fetch]++ > 0) {
      since_retry = 0;
      ++retries;
    } else if (waiting) {
      worst = std::max(worst, ++since_retry);
    }
    waiting = true;
    f.no_data(ask);
  }
  CHECK(retries > 10);
  CHECK(retries < 60);
  CHECK(worst <= 10);  // seven sends, and those in which the retry's other peer was busy
}

TEST_CASE("R5 steady traffic of one class never starves another") {
  Queues queues;
  std::deque<Fetch> fetches;
  const auto add = [&](Class priority, bool again) -> Fetch& {
    Fetch& fetch = fetches.emplace_back();
    fetch.priority = priority;
    again ? queues.again(fetch, Time{}) : queues.fresh(fetch);
    return fetch;
  };
  std::map<std::pair<Class, Place>, int> since, worst;
  const auto kinds = {std::pair{Class::urgent, false}, {Class::urgent, true},
                      {Class::normal, false},          {Class::normal, true},
                      {Class::background, false},      {Class::background, true}};
  for (const auto& [priority, again] : kinds) add(priority, again);
  std::map<Class, int> class_since, class_worst;
  int again_since = 0, again_worst = 0, urgent_fresh = 0;
  for (int turn = 0; turn < 2000; ++turn) {
    Fetch& fetch = *queues.next();
    const Class priority = fetch.priority;
    const bool again = fetch.place == Place::again;
    queues.sent(fetch);
    queues.remove(fetch);
    add(priority, again);  // there is always one more of each kind
    for (const Class c : {Class::urgent, Class::normal, Class::background}) {
      class_since[c] = c == priority ? 0 : class_since[c] + 1;
      class_worst[c] = std::max(class_worst[c], class_since[c]);
    }
    again_since = again ? 0 : again_since + 1;
    again_worst = std::max(again_worst, again_since);
    urgent_fresh += priority == Class::urgent && !again;
  }
  REQUIRE(again_worst <= 7);
  REQUIRE(class_worst[Class::normal] <= 7);
  REQUIRE(class_worst[Class::background] <= 7);
  REQUIRE(urgent_fresh > 800);
}

TEST_CASE("R6 request ids start at random, and an answer is matched by id and peer") {
  Fixture f({}, 7), g({}, 8);
  f.connect({1, 2});
  g.connect({1, 2});
  f.want(5);
  g.want(5);
  const Asked ask = f.only_ask();
  REQUIRE(ask.request != g.only_ask().request);
  f.value_from(3 - ask.peer, ask);
  f.value_from(ask.peer, {ask.peer, RequestId{ask.request.value + 1}, ask.key, 0});
  REQUIRE(f.answers.empty());
  REQUIRE(f.counter("answers_unmatched_total") == 2);
  f.value(ask);
  f.value(ask);
  f.only_answer();
  REQUIRE(f.counter("answers_unmatched_total") == 3);
}

TEST_CASE("R7 a timed-out request is charged to its peer and retried elsewhere") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked first = f.only_ask();
  f.pass(999ms);
  REQUIRE(f.asks.empty());
  f.pass(1ms);
  const Asked second = f.only_ask();
  REQUIRE(second.peer != first.peer);
  REQUIRE(f.info(first.peer).timed_out == 1);
  REQUIRE(f.info(second.peer).timed_out == 0);
}

TEST_CASE("N2 a timed-out request stays matchable: a late value is used") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  f.pass(1100ms);
  f.value(ask, "late");
  REQUIRE(f.only_answer().value == Payload::of("late"));
}

TEST_CASE("N2 a value later than thirty seconds, or of an ended fetch, is dropped") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  f.want(6);
  const Asked other = f.only_ask();
  f.pass(1100ms);
  f.end(6);
  f.value(other);
  f.pass(31s);
  f.value(ask);
  REQUIRE(f.answers.empty());
}

TEST_CASE("R31 while a value is judged nothing more is asked, and one other answer waits") {
  Fixture f;
  f.connect({1, 2, 3});
  f.want(5);
  const Asked first = f.only_ask();
  f.pass(1s);
  const Asked second = f.only_ask();
  f.pass(1s);
  const Asked third = f.only_ask();
  f.value(second, "second");
  f.value(first, "first");
  f.value(third, "third");
  const link::Answer answer = f.only_answer();
  REQUIRE(answer.peer == peer_key(second.peer));
  f.pass(10s);
  REQUIRE(f.take_asks().empty());
  f.judge(answer, Outcome::invalid, true);
  const link::Answer spare = f.only_answer();
  REQUIRE(spare.value == Payload::of("first"));
  REQUIRE(f.take_asks().empty());
  f.judge(spare, Outcome::complete, false);
  REQUIRE(f.counter("room_slots") == 1'000'000);
}

TEST_CASE("R8 N4 no data is not charged, and the key is asked elsewhere at once") {
  Fixture f;
  f.connect({1, 2, 3});
  f.want(5);
  std::set<int> asked;
  for (int i = 0; i < 3; ++i) {
    const Asked ask = f.only_ask();
    asked.insert(ask.peer);
    f.pass(10ms);
    f.no_data(ask);
    REQUIRE(f.info(ask.peer).timed_out == 0);
    REQUIRE(f.info(ask.peer).latency_us == 10'000);
    REQUIRE(f.info(ask.peer).failing == 5);
    REQUIRE(f.info(ask.peer).no_data == 1);
  }
  REQUIRE(asked == std::set{1, 2, 3});  // nobody twice before all others
  REQUIRE(f.asks.empty());
}

TEST_CASE("N16 after a full round the delay doubles to its cap") {
  Fixture f;
  f.connect({1});
  f.want(5);
  double least = 0.5;
  for (int round = 0; round < 6; ++round) {
    f.no_data(f.only_ask());
    const Time before = f.now;
    while (f.asks.empty()) f.pass(10ms);
    const double waited = std::chrono::duration<double>(f.now - before).count();
    CAPTURE(round, waited);
    REQUIRE(waited >= 0.74 * least);
    REQUIRE(waited <= 1.27 * least + 0.02);
    least = std::min(2 * least, 5.0);
  }
}

TEST_CASE("N16 the node as a whole has a retry rate") {
  Config config;
  config.retries_per_second = 50;
  Fixture f(config);
  f.connect({1});
  f.in_bulk = true;
  for (std::uint64_t i = 1; i <= 1000; ++i) f.want(i);
  f.in_bulk = false;
  f.turn();
  while (!f.asks.empty()) {
    for (const Asked& ask : f.take_asks()) f.no_data(ask);
  }
  f.pass(10s);
  const auto retried = f.take_asks().size();
  REQUIRE(retried >= 450);
  REQUIRE(retried <= 550);
}

TEST_CASE("N16 a new connection ends the wait: the newcomer alone is asked before the time") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.no_data(f.only_ask());
  f.pass(10ms);
  f.connect({});
  f.add(2);
  f.lives(2);
  const Asked ask = f.only_ask();
  REQUIRE(ask.peer == 2);
  f.no_data(ask);
  f.pass(200ms);
  REQUIRE(f.asks.empty());  // the old one keeps its time
  f.pass(500ms);
  REQUIRE_FALSE(f.asks.empty());
}

TEST_CASE("N4 an overloaded peer is left alone as long as it says, and then asked again") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.overloaded(f.only_ask(), 300ms);
  REQUIRE(f.explain(5).waits_for == WaitsFor::rate);
  f.pass(299ms);
  REQUIRE(f.asks.empty());
  f.pass(1ms);
  f.only_ask();
  REQUIRE(f.info(1).timed_out == 0);
}

TEST_CASE("N4 a value that is too large for the room is asked for again with that room") {
  Fixture f;
  f.connect({1, 2, 3});
  f.want(5);
  const Asked ask = f.only_ask();
  f.too_large(ask, 1'000'000);
  const Asked again = f.only_ask();
  REQUIRE(again.peer == ask.peer);
  REQUIRE(again.room == 1'000'000);
  f.too_large(again, 2'000'000);  // once is enough
  REQUIRE(f.only_ask().peer != ask.peer);
}

TEST_CASE("N4 a value beyond the network's largest is a refusal") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.too_large(ask, std::uint64_t{1} << 40);
  REQUIRE(f.only_ask().peer == 3 - ask.peer);
}

TEST_CASE("N4 a refused request is asked elsewhere") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.refused(ask.peer, ask.request, Reason::blocked);
  REQUIRE(f.only_ask().peer == 3 - ask.peer);
}

TEST_CASE("N8 a value larger than its room is dropped and charged") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.value(ask, std::string(ask.room + 1, 'x'));
  REQUIRE(f.answers.empty());
  REQUIRE(f.only_ask().peer == 3 - ask.peer);
  REQUIRE(f.info(ask.peer).timed_out == 1);
  REQUIRE(f.counter("protocol_violations_total") == 1);
}

TEST_CASE("R9 a request that could not be sent charges nobody and tries the next at once") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked first = f.only_ask();
  f.send_failed(first);
  const Asked second = f.only_ask();
  REQUIRE(second.peer != first.peer);
  f.send_failed(second);
  f.pass(300ms);
  REQUIRE(f.asks.empty());  // all have failed: the retry delay
  f.pass(400ms);
  REQUIRE(f.take_asks().size() == 1);
  REQUIRE(f.info(1).timed_out + f.info(2).timed_out == 0);
  REQUIRE(f.info(1).latency_us + f.info(2).latency_us == 0);
  REQUIRE(f.info(1).failing + f.info(2).failing == 0);
}

TEST_CASE("R11 latency is from send to arrival, and counts only once the outcome says so") {
  Fixture f;
  f.connect({1});
  f.want(5);
  const Asked ask = f.only_ask();
  f.pass(30ms);
  f.value(ask);
  f.pass(700ms);
  REQUIRE(f.info(1).latency_us == 0);
  const Outcome outcome = GENERATE(Outcome::complete, Outcome::unresolved, Outcome::partial,
                                   Outcome::ignored, Outcome::withheld, Outcome::lost);
  CAPTURE(name(outcome));
  f.judge(f.only_answer(), outcome, false);
  const bool scored =
      outcome == Outcome::complete || outcome == Outcome::unresolved || outcome == Outcome::partial;
  REQUIRE(f.info(1).latency_us == (scored ? 30'000 : 0));
  const bool credited = scored && outcome != Outcome::unresolved;
  REQUIRE(f.info(1).accepted == (credited ? 1 : 0));
}

TEST_CASE("R21 an end while validating changes nothing about the score, and ends the fetch") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.value(ask);
  f.end(5);
  f.judge(f.only_answer(), Outcome::invalid, true);
  REQUIRE(f.info(ask.peer).state == PeerState::blocked);
  f.pass(10s);
  REQUIRE(f.asks.empty());
}

TEST_CASE("R22 an answer, a no data or a timeout for an ended fetch changes nothing") {
  Fixture f;
  f.connect({1});
  f.want(5);
  f.want(6);
  f.want(7);
  const auto asks = f.take_asks();
  for (const std::uint64_t fetch : {5, 6, 7}) f.end(fetch);
  f.value(asks[0]);
  f.no_data(asks[1]);
  f.pass(3s);
  REQUIRE(f.answers.empty());
  REQUIRE(f.asks.empty());
  const report::PeerInfo info = f.info(1);
  REQUIRE(info.timed_out == 0);
  REQUIRE(info.no_data == 0);
  REQUIRE(info.latency_us == 0);
  REQUIRE(info.bytes_per_s == 0);
  REQUIRE(info.in_flight == 0);
  REQUIRE(f.counter("room_slots") == 1'000'000);
}

TEST_CASE("R28 after partial or unresolved the peer joins the tried, and a full round backs off") {
  const Outcome outcome = GENERATE(Outcome::partial, Outcome::unresolved);
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked first = f.only_ask();
  f.value(first);
  f.judge(f.only_answer(), outcome, true);
  const Asked second = f.only_ask();
  REQUIRE(second.peer != first.peer);
  f.value(second);
  f.judge(f.only_answer(), outcome, true);
  f.pass(300ms);
  REQUIRE(f.asks.empty());
  f.pass(400ms);
  REQUIRE_FALSE(f.asks.empty());
}

TEST_CASE("N6 a lost verdict sets peer and key aside together, blames nobody, and is told") {
  Fixture f;
  f.connect({1, 2});
  f.want(5);
  const Asked ask = f.only_ask();
  f.value(ask);
  f.judge(f.only_answer(), Outcome::lost, true);
  REQUIRE(f.alarms.size() == 1);
  REQUIRE(f.info(ask.peer).state == PeerState::connected);
  for (int i = 0; i < 5; ++i) {
    for (const Asked& other : f.take_asks()) {
      REQUIRE(other.peer != ask.peer);
      f.no_data(other);
    }
    f.pass(6s);
  }
  f.want(6);
  f.want(7);
  bool asked_for_others = false;
  for (int i = 0; i < 20; ++i) {
    for (const Asked& other : f.take_asks()) {
      asked_for_others = asked_for_others || other.peer == ask.peer;
      f.no_data(other);
    }
    f.pass(1s);
  }
  REQUIRE(asked_for_others);
}
