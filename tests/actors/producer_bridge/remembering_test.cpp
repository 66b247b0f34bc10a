// Who is told that what was asked for in vain is there now.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint8_t kTelling = worker::kLooksUp | worker::kTells;

class Remembering : public Fixture {
 public:
  Remembering() {
    attach(kStore, "store", kTelling | worker::kKeeps);
    for (const char peer : {'a', 'b'}) admit(peer);
  }
  void ask_to_remember(char peer, unsigned key = 1, std::uint32_t remember_ms = 60'000,
                       std::uint32_t room = 1 << 20) {
    REQUIRE(heard(peer) == Core::Standing::served);
    core.ask_received(peer_named(peer), route_of(peer),
                      {RequestId{++requests}, key_of(key), room, 0, remember_ms}, now);
  }
  // The answer, for how long it is remembered.
  std::uint32_t in_vain(char peer, unsigned key = 1, std::uint32_t remember_ms = 60'000) {
    ask_to_remember(peer, key, remember_ms);
    no_data(kStore, look_up_job());
    const auto answers = said<ToPeer<peer::NoData>>();
    REQUIRE(answers.size() == 1);
    return answers[0].item.remembered_ms;
  }
  void in_vain_of_two(char peer) {
    ask_to_remember(peer);
    const auto first = look_up_given();
    no_data(first.worker, first.item.job);
    no_data(kOther, job(kOther));
    said<ToPeer<peer::NoData>>();
  }
  ToWorker<worker::LookUp> look_up_given() {
    admit('c');
    const auto given = said<ToWorker<worker::LookUp>>();
    REQUIRE(given.size() == 1);
    return given[0];
  }
  JobId look_up_job() {
    admit('c');  // takes what the core has said
    return job(kStore);
  }
  void put(unsigned key = 1) {
    keep(1, "value", key);
    done(kStore, job<worker::Keep>(kStore));
  }
  void have(WorkerId worker, unsigned key = 1) {
    core.have_received(worker, {key_of(key)}, now);
    admit('c');
  }
  std::vector<Route> told(unsigned key = 1) {
    std::vector<Route> routes;
    for (const auto& to : said<ToPeer<peer::Have>>()) {
      CHECK(to.item.key == key_of(key));
      routes.push_back(to.route);
    }
    std::ranges::sort(routes);
    return routes;
  }
  std::uint64_t requests = 0;
};

using Routes = std::vector<Route>;

TEST_CASE("N15 who asked in vain and wished to be told is told when the value is put, once") {
  Remembering f;
  CHECK(f.in_vain('a') == 60'000);
  CHECK(f.in_vain('b') == 60'000);
  f.put(2);
  CHECK(f.told().empty());
  f.keep(1, "value", 1);
  CHECK(f.told().empty());  // it is not on disk yet
  f.done(kStore, f.job<worker::Keep>(kStore));
  CHECK(f.told() == Routes{route_of('a'), route_of('b')});
  f.put();
  CHECK(f.told().empty());
  CHECK(f.counters()["asks_remembered"] == 0);
}

TEST_CASE("N15 who does not want it any more is not told, but for others, and of others it is") {
  Remembering f;
  f.in_vain('a', 1);
  f.in_vain('b', 1);
  f.in_vain('a', 2);
  f.core.forget_received(peer_named('a'), {Remembering::key_of(1)});
  f.core.forget_received(peer_named('a'), {Remembering::key_of(3)});
  f.core.forget_received(peer_named('z'), {Remembering::key_of(1)});
  CHECK(f.counters()["asks_remembered"] == 2);
  f.put(1);
  CHECK(f.told(1) == Routes{route_of('b')});
  f.put(2);
  CHECK(f.told(2) == Routes{route_of('a')});
  CHECK(f.counters()["asks_remembered"] == 0);
}

TEST_CASE("N15 a storage that says that it has a value counts as a put, if it is for the key") {
  Remembering f;
  f.attach(kOther, "archive", kTelling);
  f.attach_for(200, 255, kWriter, "high", kTelling);
  f.ask_to_remember('a');
  f.no_data(kStore, f.look_up_job());
  f.no_data(kOther, f.job(kOther));
  f.have(kWriter);
  CHECK(f.told().empty());
  f.have(WorkerId{99});  // never said hello
  CHECK(f.told().empty());
  f.have(kOther);
  CHECK(f.told() == Routes{route_of('a')});
}

TEST_CASE("N15 a value that is removed, or was not kept, is none that came") {
  Remembering f;
  f.in_vain('a');
  f.remove(1);
  f.done(kStore, f.job<worker::Remove>(kStore));
  f.keep(2);
  f.failed(kStore, f.job<worker::Keep>(kStore));
  CHECK(f.told().empty());
}

TEST_CASE("N15 nobody is remembered who did not wish it, nor longer than was said") {
  Remembering f;
  CHECK(f.in_vain('a', 1, 0) == 0);
  f.put();
  CHECK(f.told().empty());
  CHECK(f.in_vain('a', 1, 10'000) == 10'000);
  f.pass(seconds(12));
  CHECK(f.counters()["asks_remembered"] == 0);
  f.put();
  CHECK(f.told().empty());
  const auto most = std::chrono::duration_cast<milliseconds>(kRememberAtMost).count();
  CHECK(f.in_vain('a', 1, UINT32_MAX) == most);
}

TEST_CASE("N15 asked again, it is remembered anew, as one") {
  Remembering f;
  f.in_vain('a', 1, 60'000);
  f.pass(seconds(50));
  f.in_vain('a', 1, 60'000);
  CHECK(f.counters()["asks_remembered"] == 1);
  f.pass(seconds(50));
  f.put();
  CHECK(f.told() == Routes{route_of('a')});
}

TEST_CASE("N15 a value that comes while it is being looked up is not missed") {
  Remembering f;
  f.ask_to_remember('a');
  const JobId job = f.look_up_job();
  f.put();
  CHECK(f.told().empty());  // it may be found yet
  f.no_data(kStore, job);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  CHECK(f.told() == Routes{route_of('a')});
}

TEST_CASE("N15 neither is one that comes while two look-ups of different room are under way") {
  Remembering f;
  f.ask_to_remember('a', 1, 60'000, 100);
  const JobId small = f.look_up_job();
  f.ask_to_remember('b', 1, 60'000, 1000);
  const JobId large = f.look_up_job();
  const bool large_first = GENERATE(true, false);
  if (large_first) f.no_data(kStore, large);
  f.put();
  CHECK(f.told() == (large_first ? Routes{route_of('b')} : Routes{}));
  f.no_data(kStore, small);
  CHECK(f.told() == Routes{route_of('a')});
  if (!large_first) f.no_data(kStore, large);
  CHECK(f.told() == (large_first ? Routes{} : Routes{route_of('b')}));
}

TEST_CASE("N15 what is not sure is not remembered: a storage that failed may have it") {
  Remembering f;
  const auto remembered = [&] {
    const auto answers = f.said<ToPeer<peer::NoData>>();
    REQUIRE(answers.size() == 1);
    return answers[0].item.remembered_ms > 0;
  };
  SECTION("it failed") {
    f.ask_to_remember('a');
    f.failed(kStore, f.look_up_job());
    CHECK_FALSE(remembered());
  }
  SECTION("it failed, and another has not got it") {
    f.attach(kOther, "archive", kTelling);
    f.ask_to_remember('a');
    f.failed(kStore, f.look_up_job());
    f.no_data(kOther, f.job(kOther));
    CHECK_FALSE(remembered());
  }
  SECTION("it does not tell of what it gets") {
    f.attach(kOther, "archive");
    f.ask_to_remember('a');
    f.no_data(kStore, f.look_up_job());
    f.no_data(kOther, f.job(kOther));
    CHECK_FALSE(remembered());
  }
  SECTION("it is gone") {
    f.ask_to_remember('a');
    f.look_up_job();
    f.gone(kStore);
    CHECK_FALSE(remembered());
  }
  SECTION("it took too long, and is passed over") {
    f.ask_to_remember('a');
    f.look_up_job();
    f.pass(seconds(2));
    CHECK_FALSE(remembered());
    f.ask_to_remember('a', 2);
    f.admit('c');
    CHECK_FALSE(remembered());
  }
  SECTION("it took longer than the asker waits") {
    REQUIRE(f.heard('a') == Core::Standing::served);
    f.core.ask_received(peer_named('a'), route_of('a'),
                        {RequestId{1}, Fixture::key_of(1), 1 << 20, 100, 60'000}, f.now);
    f.pass(milliseconds(200));
    CHECK_FALSE(remembered());
  }
}

TEST_CASE("N15 when a storage comes that may have anything, those who wait are to ask again") {
  Remembering f;
  f.in_vain('a');
  f.attach(WorkerId{6}, "store", kTelling);  // one more process of the same
  f.attach(kWriter, "archive", worker::kKeeps);
  CHECK(f.said<ToPeer<peer::Forgotten>>().empty());
  f.attach(kOther, "other", kTelling);
  CHECK(f.said<ToPeer<peer::Forgotten>>() ==
        std::vector<ToPeer<peer::Forgotten>>{{route_of('a'), {}}});
  CHECK(f.counters()["asks_remembered"] == 0);
  f.put();
  CHECK(f.told().empty());
  f.in_vain_of_two('a');
  f.attach(WorkerId{4}, "other", worker::kLooksUp);  // of the same, but it does not tell
  CHECK(f.said<ToPeer<peer::Forgotten>>().size() == 1);
  f.attach(WorkerId{5}, "other", worker::kLooksUp);
  CHECK(f.said<ToPeer<peer::Forgotten>>().empty());
}

TEST_CASE("N15 a peer is told on the connection that it last spoke on") {
  Remembering f;
  f.in_vain('a');
  f.pass(seconds(1));
  f.heard('a', 1);
  f.put();
  CHECK(f.told() == Routes{route_of('a', 1)});
}

TEST_CASE("N15 a peer that is blocked or leaves is not told, then or later") {
  Remembering f;
  f.in_vain('a');
  f.in_vain('b');
  f.block('a');
  f.admit('a');
  f.heard('a');
  f.put();
  CHECK(f.told() == Routes{route_of('b')});
  f.in_vain('a');
  f.admit('a', false);
  f.admit('a');
  f.heard('a');
  f.put();
  CHECK(f.told().empty());
}

TEST_CASE("N15 what one peer may have remembered is bounded, and others have theirs all the same") {
  RememberedAsks asks(1);
  const PeerKey a = peer_named('a'), b = peer_named('b');
  const Time now{seconds(1000)};
  const auto key = [](std::size_t n) { return Fixture::key_of(static_cast<unsigned>(n)); };
  std::size_t remembered = 0;
  for (std::size_t i = 0; i < kPeerRemembered; ++i) {
    std::string text(32, '\0');
    std::memcpy(text.data(), &i, sizeof i);
    remembered += asks.remember(a, Key(text), minutes(1), now) > Duration::zero();
  }
  CHECK(remembered == kPeerRemembered);
  CHECK(asks.remember(a, key(1), minutes(1), now) == Duration::zero());
  CHECK(asks.remember(b, key(1), minutes(1), now) == minutes(1));
  CHECK(asks.size() == kPeerRemembered + 1);
  asks.check_invariants();
  // Time empties it, in slices.
  std::size_t slices = 0;
  while (asks.next_deadline() <= now + minutes(2)) {
    asks.time_passed(now + minutes(2));
    ++slices;
  }
  CHECK(asks.size() == 0);
  CHECK(slices >= kPeerRemembered / kForgetSlice);
  CHECK(asks.remember(a, key(1), minutes(1), now) == minutes(1));
  asks.check_invariants();
}

TEST_CASE("N15 what is remembered agrees with a simple account of it") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 20)));
  CAPTURE(seed);
  std::uint64_t state = seed;
  const auto below = [&](std::uint64_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (state >> 33) % n;
  };
  RememberedAsks asks(seed);
  std::map<std::pair<char, unsigned>, Time> model;  // when it ends
  Time now{seconds(1000)};
  for (int step = 0; step < 2000; ++step) {
    const char peer = static_cast<char>('a' + below(4));
    const auto key = static_cast<unsigned>(below(30));
    switch (below(6)) {
      case 0: {
        std::vector<PeerKey> told = asks.take(Fixture::key_of(key), now), expected;
        for (auto at = model.begin(); at != model.end();) {
          const bool is_it = at->first.second == key;
          if (is_it) expected.push_back(peer_named(at->first.first));
          at = is_it ? model.erase(at) : std::next(at);
        }
        std::ranges::sort(told);
        REQUIRE(told == expected);
        break;
      }
      case 1:
        if (below(10) == 0) {
          std::vector<PeerKey> had = asks.clear(), expected;
          for (const auto& [wish, until] : model) expected.push_back(peer_named(wish.first));
          std::ranges::sort(had);
          expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
          REQUIRE(had == expected);
          model.clear();
        }
        if (below(10) != 0) break;
        asks.forget(peer_named(peer));
        std::erase_if(model, [&](const auto& it) { return it.first.first == peer; });
        break;
      case 2:
        now += seconds(below(3));
        asks.time_passed(now);
        // To the end of the second in which it ends.
        std::erase_if(model, [&](const auto& it) {
          return std::chrono::floor<seconds>(it.second.time_since_epoch()) <
                 std::chrono::floor<seconds>(now.time_since_epoch());
        });
        break;
      default: {
        const Duration wished = seconds(1 + below(60));
        REQUIRE(asks.remember(peer_named(peer), Fixture::key_of(key), wished, now) == wished);
        model[{peer, key}] = now + wished;
      }
    }
    REQUIRE(asks.size() == model.size());
    asks.check_invariants();
  }
}

}  // namespace
}  // namespace quarry::producer_bridge
