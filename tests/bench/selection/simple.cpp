#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "tests/bench/selection/policies.hpp"

namespace quarry::bench {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(2);
constexpr Duration kRetryDelay = std::chrono::milliseconds(100);
enum class Kind { best_average, weighted_draw, uniform, least_busy };

class Simple final : public Client {
 public:
  Simple(World& world, int self, std::uint64_t seed, Kind kind)
      : world_(world), self_(self), random_(seed), kind_(kind) {
    peers_.resize(static_cast<std::size_t>(world.servers()));
  }

  void joined(int server, Time) override { set_.push_back(server); }
  void left(int server, Time) override { std::erase(set_, server); }
  void want(std::uint32_t key, Time now) override {
    fetches_[key];
    ask(key, now);
  }
  void replied(int server, std::uint64_t id, Reply reply, Time now) override {
    const auto request = requests_.find(id);
    if (request == requests_.end()) return;
    const std::uint32_t key = request->second.key;
    const Duration elapsed = now - request->second.sent;
    requests_.erase(request);
    Peer& peer = peers_[static_cast<std::size_t>(server)];
    --peer.in_flight;
    if (reply == Reply::value) {
      sample(peer, elapsed, world_.size_of(key));
      world_.resolved(key, now);
      fetches_.erase(key);
      return;
    }
    // A liar is blocked; an honest no costs what silence of that length would.
    if (reply == Reply::wrong) std::erase(set_, server);
    sample(peer, elapsed + kRetryDelay, 0);
    ask(key, now);
  }
  void time_passed(Time now) override {
    while (!timeouts_.empty() && timeouts_.front().first <= now) {
      const std::uint64_t id = timeouts_.front().second;
      timeouts_.pop_front();
      const auto request = requests_.find(id);
      if (request == requests_.end()) continue;
      Peer& peer = peers_[static_cast<std::size_t>(request->second.server)];
      --peer.in_flight;
      ++timed_out_;
      sample(peer, kTimeout + kRetryDelay, 0);
      retries_.emplace_back(now + kRetryDelay, request->second.key);
      requests_.erase(request);
    }
    while (!retries_.empty() && retries_.front().first <= now) {
      const std::uint32_t key = retries_.front().second;
      retries_.pop_front();
      ask(key, now);
    }
  }
  Time next_deadline() const override {
    return std::min(timeouts_.empty() ? kNever : timeouts_.front().first,
                    retries_.empty() ? kNever : retries_.front().first);
  }
  std::uint64_t timeouts() const override { return timed_out_; }

 private:
  struct Peer {
    double average_s = 0;           // best_average; 0: not measured
    double bytes = 0, seconds = 0;  // weighted_draw; 0: not measured
    int in_flight = 0;
  };
  struct Request {
    int server;
    std::uint32_t key;
    Time sent;
  };
  struct Fetch {
    int asked = 0;
    std::vector<int> tried;
  };

  void ask(std::uint32_t key, Time now) {
    if (set_.empty()) return;
    Fetch& fetch = fetches_[key];
    const int server = pick(fetch);
    ++fetch.asked;
    fetch.tried.push_back(server);
    const std::uint64_t id = ++last_id_;
    requests_[id] = {server, key, now};
    timeouts_.emplace_back(now + kTimeout, id);
    ++peers_[static_cast<std::size_t>(server)].in_flight;
    world_.ask(self_, server, id, key);
  }
  int any() { return set_[random_.below(set_.size())]; }
  int pick(const Fetch& fetch) {
    switch (kind_) {
      case Kind::uniform:
        return any();
      case Kind::best_average:
        return fetch.asked > 0 ? any() : least([](const Peer& peer) { return peer.average_s; });
      case Kind::least_busy:
        return least([](const Peer& peer) { return static_cast<double>(peer.in_flight); },
                     &fetch.tried);
      case Kind::weighted_draw:
        return random_.unit() < 4.0 / (fetch.asked + 4) ? drawn() : any();
    }
    return any();
  }
  // From a random place on, so that equals are picked equally; best_average has a fixed order.
  template <class By>
  int least(By by, const std::vector<int>* but_for = nullptr) {
    const std::size_t start = kind_ == Kind::best_average ? 0 : random_.below(set_.size());
    int best = -1;
    for (std::size_t i = 0; i < set_.size(); ++i) {
      const int server = set_[(start + i) % set_.size()];
      if (but_for != nullptr && std::ranges::count(*but_for, server) > 0) continue;
      if (best < 0 || by(at(server)) < by(at(best))) best = server;
    }
    return best < 0 ? any() : best;
  }
  int drawn() {
    double sum = 0;
    for (const int server : set_) sum += weight(at(server));
    double left = random_.unit() * sum;
    for (const int server : set_) {
      left -= weight(at(server));
      if (left < 0) return server;
    }
    return set_.back();
  }
  Peer& at(int server) { return peers_[static_cast<std::size_t>(server)]; }
  static double weight(const Peer& peer) {
    return peer.seconds == 0 ? 1 : 1 + std::floor(peer.bytes / peer.seconds);
  }
  static void sample(Peer& peer, Duration elapsed, std::uint32_t bytes) {
    const double seconds = std::chrono::duration<double>(elapsed).count();
    peer.average_s = peer.average_s == 0 ? seconds : (peer.average_s + seconds) / 2;
    peer.bytes = peer.seconds == 0 ? bytes : (peer.bytes + bytes) / 2;
    peer.seconds = peer.seconds == 0 ? seconds : (peer.seconds + seconds) / 2;
  }

  World& world_;
  int self_;
  Random random_;
  Kind kind_;
  std::vector<int> set_;
  std::vector<Peer> peers_;
  std::unordered_map<std::uint64_t, Request> requests_;
  std::unordered_map<std::uint32_t, Fetch> fetches_;
  std::deque<std::pair<Time, std::uint64_t>> timeouts_;
  std::deque<std::pair<Time, std::uint32_t>> retries_;
  std::uint64_t last_id_ = 0, timed_out_ = 0;
};

}  // namespace

Policy simple(const std::string& name) {
  const std::pair<const char*, Kind> kinds[] = {{"best_average", Kind::best_average},
                                                {"weighted_draw", Kind::weighted_draw},
                                                {"uniform", Kind::uniform},
                                                {"least_busy", Kind::least_busy}};
  Kind kind = Kind::uniform;
  for (const auto& [word, its] : kinds) kind = name == word ? its : kind;
  return {name, [kind](World& world, int self, std::uint64_t seed) {
            return std::make_unique<Simple>(world, self, seed, kind);
          }};
}

}  // namespace quarry::bench
