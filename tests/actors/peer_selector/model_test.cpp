// Whatever happens, in whatever order: the invariants hold after each event, no room is lost, no
// peer is asked that must not be, and once peers behave, every fetch is answered.
#include "tests/actors/peer_selector/fixture.hpp"

using namespace quarry;
using namespace quarry::peer_selector;

namespace {

constexpr int kPeers = 6;

struct World {
  explicit World(std::uint64_t seed) : random(seed), f({}, seed) {}

  int some(int bound) { return static_cast<int>(random.below(static_cast<std::size_t>(bound))); }
  int some_peer() { return 1 + some(kPeers); }
  std::vector<int> some_targets() {
    std::vector<int> targets;
    for (int i = some(4); i > 0; --i) targets.push_back(some(kPeers + 3));
    return targets;
  }

  void step() {
    switch (some(20)) {
      case 0:
      case 1:
      case 2:
        f.want(++fetches, some_targets());
        wanted.insert(fetches);
        break;
      case 3:
        f.add_targets(1 + random.below(fetches + 1), some_targets());
        break;
      case 4:
        f.clear_targets(1 + random.below(fetches + 1));
        break;
      case 5: {
        const std::uint64_t fetch = 1 + random.below(fetches + 1);
        f.end(fetch);
        wanted.erase(fetch);
        break;
      }
      case 6:
        f.add(some_peer(), some(6) == 0 ? PeerRole::serve_only : PeerRole::primary);
        break;
      case 7:
        if (some(3) == 0) f.remove(some_peer());
        break;
      case 8:
        f.lives(some_peer());
        break;
      case 9:
        if (some(2) == 0) f.dies(some_peer());
        break;
      case 10:
        f.restarts(some_peer());
        break;
      case 11:
        f.block(some_peer(), 1 + random.below(20'000));
        break;
      case 12:
        f.unblock(some_peer());
        break;
      case 13:
        f.refused(some_peer(), RequestId{}, Reason::blocked);
        break;
      case 14:
        f.pass(std::chrono::milliseconds(some(3000)));
        break;
      default:
        for (int i = some(3); i >= 0; --i) answer();
        judge();
        break;
    }
    for (Asked& ask : f.take_asks()) {
      REQUIRE(ask.peer != 0);
      outstanding.push_back(std::move(ask));
    }
    for (link::Answer& answer : std::exchange(f.answers, {})) judging.push_back(std::move(answer));
    if (outstanding.size() > 50) outstanding.erase(outstanding.begin());
  }
  void answer() {
    if (outstanding.empty()) return;
    const std::size_t at = random.below(outstanding.size());
    const Asked ask = outstanding[at];
    if (some(5) != 0) outstanding.erase(outstanding.begin() + static_cast<std::ptrdiff_t>(at));
    switch (some(8)) {
      case 0:
        f.no_data(ask);
        break;
      case 1:
        f.overloaded(ask, std::chrono::milliseconds(some(6000)));
        break;
      case 2:
        f.too_large(ask, random.below(9'000'000));
        break;
      case 3:
        f.refused(ask.peer, ask.request, Reason::failed);
        break;
      case 4:
        f.send_failed(ask);
        break;
      default:
        f.value(ask, std::string(random.below(70'000), 'v'));
        break;
    }
  }
  void judge() {
    if (judging.empty()) return;
    const std::size_t at = random.below(judging.size());
    const link::Answer answer = judging[at];
    judging.erase(judging.begin() + static_cast<std::ptrdiff_t>(at));
    const auto outcome = static_cast<Outcome>(1 + some(7));
    const bool again = outcome != Outcome::complete && some(2) == 0;
    if (!again) wanted.erase(answer.fetch.value);
    f.judge(answer, outcome, again);
  }
  // From now on everybody is there, honest and quick.
  void settle() {
    while (!judging.empty()) judge();
    for (int peer = 1; peer <= kPeers; ++peer) {
      f.add(peer);
      f.unblock(peer);
      f.lives(peer);
    }
    for (const std::uint64_t fetch : wanted) f.clear_targets(fetch);
    for (int i = 0; i < 200 && !wanted.empty(); ++i) {
      for (const Asked& ask : f.take_asks()) f.value(ask);
      for (const link::Answer& answer : std::exchange(f.answers, {})) {
        wanted.erase(answer.fetch.value);
        f.judge(answer, Outcome::complete, false);
      }
      f.pass(1s);
    }
    f.pass(60s);
  }

  Random random;
  Fixture f;
  std::uint64_t fetches = 0;
  std::set<std::uint64_t> wanted;
  std::vector<Asked> outstanding;
  std::vector<link::Answer> judging;
};

}  // namespace

TEST_CASE("R4 R12 whatever happens, nothing is lost and every fetch is answered in the end") {
  const std::uint64_t seed = GENERATE(range(1, 21));
  CAPTURE(seed);
  World world(seed);
  for (int i = 0; i < 400; ++i) world.step();
  world.settle();
  REQUIRE(world.wanted.empty());
  REQUIRE(world.f.counter("room_slots") == 1'000'000);
  REQUIRE(world.f.counter("room_bytes") == std::uint64_t{1} << 40);
  REQUIRE(world.f.counter("requests_out") == 0);
}
