// Whom we serve, and how much.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Standing = Core::Standing;

TEST_CASE("R32 before the selector says so nobody is served, and nobody may connect") {
  Fixture f;
  CHECK(f.heard('a') == Standing::refused);
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item.reason == Reason::not_admitted);
  CHECK(f.said<Admit>().empty());
  f.admit('a');
  CHECK(f.said<Admit>() == std::vector<Admit>{{peer_named('a')}});
  CHECK(f.heard('a') == Standing::served);
}

TEST_CASE("R34 a refused connection is told why once, then ended") {
  Fixture f;
  f.admit('a', true, true);
  CHECK(f.heard('a') == Standing::refused);
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item.reason == Reason::blocked);
  CHECK(f.heard('a') == Standing::shut_down);
  CHECK(f.said<ToPeer<peer::Refused>>().empty());
}

TEST_CASE("who has no identity is shut out at once") {
  Fixture f;
  CHECK(f.core.heard(std::nullopt, route_of('a'), f.now) == Standing::shut_down);
}

TEST_CASE("a connection that one peer speaks on is not another's") {
  Fixture f;
  f.admit('a');
  f.admit('b');
  CHECK(f.core.heard(peer_named('a'), route_of('x'), f.now) == Standing::served);
  CHECK(f.core.heard(peer_named('b'), route_of('x'), f.now) == Standing::shut_down);
}

TEST_CASE("R34 a block drops replies in progress, tells the peer and lasts until it ends") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.forget_said();
  f.block('a');
  CHECK(f.said<Expel>() == std::vector<Expel>{{peer_named('a')}});
  CHECK(f.said<DropReplies>() == std::vector<DropReplies>{{route_of('a')}});
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item.reason == Reason::blocked);
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.heard('a') == Standing::shut_down);
  f.admit('a');
  CHECK(f.said<Admit>().size() == 1);
  f.ask('a', 2);
  f.found(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
}

TEST_CASE("R34 an ask from before a block is not answered after it") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.block('a');
  f.admit('a');
  REQUIRE(f.heard('a') == Standing::served);
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.counters()["serves_dropped_total"] == 1);
  CHECK(f.counters()["serves_in_progress"] == 0);
}

TEST_CASE("R34 others that share a look-up with a blocked peer are answered") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.admit('b');
  f.ask('a', 1);
  f.ask('b', 2);
  const JobId job = f.job(kStore);
  f.block('a');
  f.found(kStore, job);
  const auto values = f.said<ToPeer<peer::Value>>();
  REQUIRE(values.size() == 1);
  CHECK(values[0].route == route_of('b'));
}

TEST_CASE("R33 a peer that leaves the set is no longer served") {
  Fixture f;
  f.admit('a');
  REQUIRE(f.heard('a') == Standing::served);
  f.admit('a', false);
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item.reason == Reason::not_admitted);
  CHECK(f.said<Expel>().size() == 1);
  CHECK(f.heard('a') == Standing::shut_down);
}

TEST_CASE("N14 a new selector admits anew: who it does not name is out") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  f.core.selector_attached();
  f.admit('b');
  CHECK(f.said<Expel>() == std::vector<Expel>{{peer_named('a')}});
  CHECK_FALSE(f.heard('a') == Standing::served);
  CHECK(f.heard('b') == Standing::served);
  f.found(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::Value>>().empty());
}

TEST_CASE("Sync is done when what was said before is applied") {
  Fixture f;
  f.block('a');
  f.core.sync_received({CallId{5}});
  f.admit('b');
  CHECK(f.said<ToSelector>() == std::vector<ToSelector>{{{CallId{5}, 0}}});
}

TEST_CASE("hello and ping are answered with who we are") {
  Fixture f;
  f.core.hello_received(route_of('a'));
  f.core.ping_received(route_of('a'), {42});
  f.admit('a');
  CHECK(f.said<ToPeer<peer::Hello>>().at(0).item ==
        peer::Hello{Instance{77}, 32, Network{}.max_value, "agent"});
  CHECK(f.said<ToPeer<peer::Pong>>().at(0).item == peer::Pong{42, Instance{77}});
}

TEST_CASE("what does not fit is refused with the reason") {
  Fixture f;
  f.core.unfit_received(route_of('a'), {Reason::network, "this network is called main"});
  f.admit('a');
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item ==
        peer::Refused{RequestId{}, Reason::network, "this network is called main"});
  CHECK(f.counters()["serves_refused_total"] == 1);
}

TEST_CASE("N8 one peer has a bounded number of connections, and idle ones make way") {
  Fixture f;
  f.admit('a');
  for (int i = 0; i < static_cast<int>(kPeerConnections); ++i) {
    CHECK(f.heard('a', i) == Standing::served);
  }
  CHECK(f.heard('a', 20) == Standing::refused);
  CHECK(f.said<ToPeer<peer::Refused>>().at(0).item.reason == Reason::full);
  f.pass(seconds(5));
  for (int i = 1; i < static_cast<int>(kPeerConnections); ++i) f.heard('a', i);
  f.pass(seconds(5));
  CHECK(f.heard('a', 21) == Standing::served);
  CHECK(f.said<DropReplies>() == std::vector<DropReplies>{{route_of('a', 0)}});
}

TEST_CASE("N8 beyond a peer's asks it is overloaded, others are not, and it recovers") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.admit('b');
  REQUIRE(f.heard('a') == Standing::served);
  for (unsigned i = 0; i < kPeerAsks; ++i) {
    f.core.ask_received(peer_named('a'), route_of('a'), {RequestId{i + 1}, Fixture::key_of(i), 100},
                        f.now);
  }
  f.ask('a', 9999, 9999, 100);
  const auto overloaded = f.said<ToPeer<peer::Overloaded>>();
  REQUIRE(overloaded.size() == 1);
  CHECK(overloaded[0].item == peer::Overloaded{RequestId{9999}, kRetryAfterMs});
  f.ask('b', 1, 60000, 100);
  CHECK(f.said<ToPeer<peer::Overloaded>>().empty());
  // Those that wait for their turn too long are told to come again, none is forgotten.
  f.pass(seconds(3));
  const auto counters = f.counters();
  CHECK(counters.at("serves_no_data_total") + counters.at("serves_overloaded_total") ==
        kPeerAsks + 2);
  CHECK(counters.at("serves_in_progress") == 0);
  CHECK(counters.at("serves_waiting") == 0);
}

TEST_CASE("N7 peers take turns: who asks for much does not hold up who asks for little") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 512);
  f.admit('a');
  f.admit('b');
  for (unsigned i = 0; i < 1000; ++i) f.ask('a', i + 1, i, 100);
  std::vector<JobId> jobs;
  for (const auto& given : f.said<ToWorker<worker::LookUp>>()) jobs.push_back(given.item.job);
  f.ask('b', 1, 5000, 100);
  // It is looked up next when one of those under way is answered.
  std::size_t answers = 0;
  for (bool its = false; !its;) {
    REQUIRE(answers < jobs.size());
    f.no_data(kStore, jobs[answers++]);
    for (const auto& given : f.said<ToWorker<worker::LookUp>>()) {
      jobs.push_back(given.item.job);
      its = its || given.item.key == Fixture::key_of(5000);
    }
  }
  CHECK(answers < kPeerLookUps / 2);
}

TEST_CASE("N7 whoever has had its turn goes behind the others") {
  Effects effects;
  Askers askers(Network{}, 7, effects);
  Fixture f;
  std::string order;
  for (const char peer : {'a', 'b'}) {
    askers.admission_received({peer_named(peer), true, false});
    CHECK(askers.heard(peer_named(peer), route_of(peer), f.now) == Standing::served);
    for (std::uint64_t i = 1; i <= 3; ++i) {
      const peer::Ask ask{RequestId{i}, Fixture::key_of(static_cast<unsigned>(i)), 100};
      askers.asked(peer_named(peer), route_of(peer), ask, f.now + seconds(1), f.now);
    }
  }
  while (const auto ask = askers.next(f.now)) order += ask->peer == peer_named('a') ? 'a' : 'b';
  CHECK(order == "ababab");
}

TEST_CASE("N7 a peer that does not take its replies holds up itself only") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.admit('b');
  f.ask('a', 1, 1);
  f.found(kStore, f.job(kStore));
  f.replies_waiting('a', kReplyWindow);
  f.ask('a', 2, 2);
  CHECK(f.said<ToWorker<worker::LookUp>>().empty());
  f.ask('b', 3, 3);
  f.found(kStore, f.job(kStore));
  f.replies_waiting('a', 0);
  f.found(kStore, f.job(kStore));
  const auto values = f.said<ToPeer<peer::Value>>();
  REQUIRE(values.size() == 3);
  CHECK(values[2].item.request == RequestId{2});
}

TEST_CASE("N7 large values on their way to one peer are bounded by its window") {
  Network network;
  network.max_value = 4 << 20;
  Fixture f(network);
  f.attach(kStore);
  f.admit('a');
  std::uint64_t sent = 0;
  std::size_t most = 0;
  for (unsigned i = 0; i < 200; ++i) f.ask('a', i + 1, i, network.max_value);
  for (unsigned round = 0; round < 20; ++round) {
    const auto given = f.said<ToWorker<worker::LookUp>>();
    if (round > 0) most = std::max(most, given.size());
    for (const auto& job : given) f.found(kStore, job.item.job, std::string(4 << 20, 'x'));
    sent += f.said<ToPeer<peer::Value>>().size();
    f.replies_waiting('a', 0);
  }
  CHECK(sent > 60);
  CHECK(most * (4 << 20) <= kReplyWindow + (4 << 20));
}

TEST_CASE("a connection that is gone gets no answer, and its peer goes on on another") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.core.connection_gone(route_of('a'), f.now);
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.counters()["serves_in_progress"] == 0);
  CHECK(f.heard('a', 1) == Standing::served);
}

}  // namespace
}  // namespace quarry::producer_bridge
