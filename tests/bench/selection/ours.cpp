#include <cstring>

#include "actors/peer_selector/core.hpp"
#include "tests/bench/selection/policies.hpp"

namespace quarry::bench {
namespace {

using peer_selector::Core;
using peer_selector::PeerIndex;

PeerKey key_of_peer(int number) {
  PeerKey key;
  std::memcpy(key.bytes.data(), &number, sizeof number);
  key.bytes[31] = std::byte{1};
  return key;
}
Key key_of(std::uint32_t number) {
  std::string text(32, '\0');
  std::memcpy(text.data(), &number, sizeof number);
  return Key(text);
}

class Ours final : public Client {
 public:
  Ours(World& world, int self, std::uint64_t seed, const peer_selector::Config& config)
      : world_(world),
        self_(self),
        core_(config, {Network{}, key_of_peer(-1), Instance{1}, "bench"}, seed, Time{}) {
    core_.engine_attached(Time{});
    core_.room_granted({1 << 20, std::uint64_t{1} << 40});
    index_.resize(static_cast<std::size_t>(world.servers()), UINT32_MAX);
  }

  void joined(int server, Time now) override {
    core_.peer_added({CallId{1}, {key_of_peer(server), "tcp://host:1", PeerRole::primary, ""}},
                     now);
    turn(now);
  }
  void left(int server, Time now) override {
    core_.peer_removed({CallId{1}, key_of_peer(server)}, now);
    turn(now);
  }
  void want(std::uint32_t key, Time now) override {
    core_.wanted({FetchId{std::uint64_t{key} + 1}, key_of(key), Class::normal, {}}, now);
    turn(now);
  }
  void replied(int server, std::uint64_t request, Reply reply, Time now) override {
    const PeerIndex peer = index_[static_cast<std::size_t>(server)];
    if (reply == Reply::no_data) {
      core_.no_data_received(peer, RequestId{request}, {}, now);
    } else if (reply == Reply::too_large) {
      core_.too_large_received(peer, RequestId{request}, world_.size_of(asked_.at(request)), now);
    } else {
      wrong_ = reply == Reply::wrong;
      core_.value_received(peer, RequestId{request}, value(request), now);
    }
    asked_.erase(request);
    turn(now);
  }
  void ponged(int server, std::uint64_t nonce, Time now) override {
    core_.pong_received(index_[static_cast<std::size_t>(server)], {nonce, Instance{9}}, now);
    turn(now);
  }
  void time_passed(Time now) override {
    core_.time_passed(now);
    turn(now);
  }
  Time next_deadline() const override { return core_.next_deadline(); }
  std::uint64_t timeouts() const override { return counter("requests_timed_out_total"); }
  std::uint64_t hedges() const override { return counter("hedges_total"); }
  std::uint64_t hedges_won() const override { return counter("hedges_won_total"); }

 private:
  Payload value(std::uint64_t request) {
    const auto key = asked_.find(request);
    if (key == asked_.end()) return {};
    const std::size_t size = world_.size_of(key->second);
    if (bytes_.size() < size) bytes_ = Payload::of(std::string(size, 'v'));
    return bytes_.slice(0, size);
  }
  void turn(Time now) {
    core_.dispatch(now);
    for (auto effects = core_.take_effects(); !effects.empty(); effects = core_.take_effects()) {
      for (const auto& effect : effects) {
        std::visit([&](const auto& it) { on(it, now); }, effect);
      }
      core_.dispatch(now);
    }
  }
  void on(const peer_selector::Open& open, Time) {
    int server = 0;
    std::memcpy(&server, open.key.bytes.data(), sizeof server);
    if (server_.size() <= open.peer) server_.resize(open.peer + 1);
    server_[open.peer] = server;
    index_[static_cast<std::size_t>(server)] = open.peer;
  }
  void on(const peer_selector::ToPeer& to, Time) {
    const int server = server_[to.peer];
    if (const auto* ask = std::get_if<peer::Ask>(&to.item)) {
      std::uint32_t key = 0;
      std::memcpy(&key, ask->key.view().data(), sizeof key);
      asked_[ask->request.value] = key;
      world_.ask(self_, server, ask->request.value, key, ask->room);
    } else if (const auto* ping = std::get_if<peer::Ping>(&to.item)) {
      world_.ping(self_, server, ping->nonce);
    }
  }
  void on(const peer_selector::ToEngine& to, Time now) {
    const auto* answer = std::get_if<link::Answer>(&to.item);
    if (answer == nullptr) return;
    // Judged at once.
    const bool wrong = std::exchange(wrong_, false);
    if (!wrong) world_.resolved(static_cast<std::uint32_t>(answer->fetch.value - 1), now);
    core_.judged(
        {answer->fetch, answer->request, wrong ? Outcome::invalid : Outcome::complete, wrong}, now);
    core_.room_granted({1, answer->value.size()});
  }
  template <class Other>
  void on(const Other&, Time) {}

  std::uint64_t counter(const std::string& name) const {
    core_.described({CallId{1}, {}}, Time{});
    for (const auto& effect : core_.take_effects()) {
      const auto* to = std::get_if<peer_selector::ToEngine>(&effect);
      const auto* counter = to ? std::get_if<report::Counter>(&to->item) : nullptr;
      if (counter != nullptr && counter->name == name) return counter->value;
    }
    return 0;
  }

  World& world_;
  int self_;
  mutable Core core_;             // to be asked for its counters
  std::vector<PeerIndex> index_;  // by server
  std::vector<int> server_;       // by index
  std::unordered_map<std::uint64_t, std::uint32_t> asked_;
  Payload bytes_;
  bool wrong_ = false;
};

}  // namespace

Policy ours(const std::string& name, const peer_selector::Config& config) {
  return {name, [config](World& world, int self, std::uint64_t seed) {
            return std::make_unique<Ours>(world, self, seed, config);
          }};
}

}  // namespace quarry::bench
