#include "tests/bench/selection/decision.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <deque>

#include "actors/peer_selector/core.hpp"

namespace quarry::bench {
namespace {

using namespace peer_selector;
constexpr int kPeers = 1000;
constexpr std::uint64_t kPlaces = std::uint64_t{1} << 22;

// Of CPU, so that what else runs does not count.
double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// Of so many batches, because other work on the machine takes its caches, too.
struct Cost {
  double least = 0, median = 0;
};
template <class Work>
Cost ns_each(int batches, int times, Work work) {
  std::vector<double> costs;
  for (int batch = 0; batch < batches; ++batch) {
    const double began = cpu_ns();
    for (int i = 0; i < times; ++i) work();
    costs.push_back((cpu_ns() - began) / times);
  }
  std::ranges::sort(costs);
  return {costs.front(), costs[costs.size() / 2]};
}

// The choice alone, all peers measured.
Cost choice_ns() {
  std::deque<Score> scores;
  for (int i = 0; i < kPeers; ++i) {
    scores.emplace_back().accepted(std::chrono::milliseconds(1 + i % 80), 1024, Time{});
  }
  Choice choice(1);
  std::size_t sum = 0;
  const Cost cost = ns_each(100, 10'000, [&] {
    sum += choice
               .pick(kPeers, 1024, Pool{},
                     [&](std::size_t i) {
                       return Candidate{i, 0, &scores[i], static_cast<std::uint32_t>(i)};
                     })
               ->index;
  });
  return sum == 0 ? Cost{} : cost;
}

// A core with its peers, played by answering each ask at once.
class Node {
 public:
  Node() : core_({}, {Network{}, peer(-1), Instance{1}, "bench"}, 1, now_) {
    core_.engine_attached(now_);
    core_.room_granted({64, std::uint64_t{1} << 40});
    for (int i = 0; i < kPeers; ++i) {
      core_.peer_added({CallId{1}, {peer(i), "tcp://host:1", PeerRole::primary, ""}}, now_);
    }
    turn();
  }
  void want() {
    std::string text(32, 'k');
    std::memcpy(text.data(), &++last_, sizeof last_);
    core_.wanted({next_id(), Key(text), Class::normal, {}}, now_);
  }
  // One fetch is answered, judged and gone, and the next is asked for.
  void step() {
    if (asks_.empty()) turn();
    const auto [peer, request] = asks_.front();
    asks_.pop_front();
    now_ += std::chrono::microseconds(2);
    core_.value_received(peer, request, value_, now_);
    turn();
  }
  void turn() {
    core_.dispatch(now_);
    for (auto effects = core_.take_effects(); !effects.empty(); effects = core_.take_effects()) {
      for (const Effect& effect : effects) {
        std::visit([&](const auto& it) { on(it); }, effect);
      }
      core_.dispatch(now_);
    }
  }

 private:
  static PeerKey peer(int number) {
    PeerKey key;
    std::memcpy(key.bytes.data(), &number, sizeof number);
    key.bytes[31] = std::byte{1};
    return key;
  }
  // As the Engine numbers its fetches: a place that is used again, below a number that rises.
  FetchId next_id() {
    std::uint64_t place = places_;
    if (free_.empty()) {
      ++places_;
    } else {
      place = free_.back();
      free_.pop_back();
    }
    return FetchId{last_ * kPlaces + place};
  }
  void on(const ToPeer& to) {
    if (const auto* ask = std::get_if<peer::Ask>(&to.item)) {
      asks_.emplace_back(to.peer, ask->request);
    } else if (const auto* ping = std::get_if<peer::Ping>(&to.item)) {
      core_.pong_received(to.peer, {ping->nonce, Instance{2}}, now_);
    }
  }
  void on(const ToEngine& to) {
    if (const auto* answer = std::get_if<link::Answer>(&to.item)) {
      core_.judged({answer->fetch, answer->request, Outcome::complete, false}, now_);
      free_.push_back(answer->fetch.value & (kPlaces - 1));
      core_.room_granted({1, answer->value.size()});
    }
  }
  template <class Other>
  void on(const Other&) {}

  Time now_{std::chrono::hours(1)};
  Core core_;
  std::deque<std::pair<PeerIndex, RequestId>> asks_;
  Payload value_ = Payload::of(std::string(1024, 'v'));
  std::uint64_t last_ = 0;
  std::vector<std::uint64_t> free_;  // places of fetches that ended
  std::uint64_t places_ = 0;
};

// From one answer to the next ask, with so many fetches that wait for their turn.
Cost step_ns(std::size_t pending) {
  Node node;
  for (std::size_t i = 0; i < pending; ++i) node.want();
  const auto work = [&] {
    node.want();
    node.step();
  };
  ns_each(1, 50'000, work);
  return ns_each(100, 2'000, work);
}

}  // namespace

std::string decision_table() {
  std::string table = "ns: median of 100 batches (the least of them)\n";
  const auto line = [&](const std::string& what, const Cost& cost) {
    table += fmt::format("{:<60}{:>6.0f} ({:.0f})\n", what, cost.median, cost.least);
  };
  line(fmt::format("a choice among {} peers", kPeers), choice_ns());
  for (const std::size_t pending : {1'000, 10'000, 100'000, 1'000'000}) {
    line(fmt::format("a fetch wanted, asked, answered, judged; {} pending", pending),
         step_ns(pending));
  }
  return table;
}

}  // namespace quarry::bench
