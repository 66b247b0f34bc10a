// A node: the real cores of the four actors, the links between them, its doors, and what stands at
// the doors. The shells here do what the real ones do, on a virtual clock and without sockets.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "actors/consumer_bridge/core.hpp"
#include "actors/engine/core.hpp"
#include "actors/peer_selector/core.hpp"
#include "actors/producer_bridge/core.hpp"
#include "tests/sim/actor.hpp"
#include "tests/sim/checks.hpp"
#include "tests/sim/client.hpp"
#include "tests/sim/link.hpp"
#include "tests/sim/wire.hpp"
#include "tests/sim/worker.hpp"

namespace quarry::sim {

class EngineShell : public Actor {
 public:
  explicit EngineShell(Node& node);
  // A client that says hello for the first time gets a name.
  engine::ClientId connected(Client& client);
  void client_says(engine::ClientId client, const control::FromClient& item);
  void stop();
  bool stopped() const { return core_->stopped(); }
  void selector_says(const link::SelectorToEngine& item);
  void consumer_says(const link::ConsumerToEngine& item);
  void producer_says(const link::ProducerToEngine& item);
  const engine::Core& core() const { return *core_; }

 private:
  void made() override;
  void elapsed() override { core_->time_passed(now()); }
  std::size_t flush() override;
  Time deadline() const override { return core_->next_deadline(); }
  void check_invariants() const override { core_->check_invariants(); }
  void carry_out(const engine::ToClient& to);
  void carry_out(const engine::ToSelector& to);
  void carry_out(const engine::ToConsumer& to);
  void carry_out(const engine::ToProducer& to);
  void carry_out(const engine::Forget& forget);

  Node& node_;
  std::optional<engine::Core> core_;
  std::map<engine::ClientId, Client*> clients_;
  std::uint64_t last_client_ = 0;
};

class SelectorShell : public Actor {
 public:
  explicit SelectorShell(Node& node);
  void engine_says(const link::EngineToSelector& item);
  void producer_says(const link::ProducerToSelector& item);
  // On the line of this id, if that is still the one to this peer.
  void peer_says(peer_selector::PeerIndex peer, int server, std::uint64_t line,
                 const peer::FromServer& item);
  peer_selector::Core& core() { return *core_; }

 private:
  void made() override;
  void elapsed() override { core_->time_passed(now()); }
  std::size_t flush() override;
  Time deadline() const override { return core_->next_deadline(); }
  void check_invariants() const override { core_->check_invariants(); }
  void carry_out(const peer_selector::Open& open);
  void carry_out(const peer_selector::Close& close);
  void carry_out(const peer_selector::ToPeer& to);
  void carry_out(const peer_selector::ToEngine& to);
  void carry_out(const peer_selector::ToProducer& to);
  void carry_out(const peer_selector::Alarm& alarm) { heard("alarm", alarm.text); }

  Node& node_;
  std::optional<peer_selector::Core> core_;
};

// A bridge's door, as workers/routes.hpp has it: which connection of which worker is called what. A
// connection that was forgotten gets a new name when it speaks again.
class Door {
 public:
  using Route = std::pair<Worker*, std::uint64_t>;
  workers::WorkerId name_of(const Route& route) {
    const auto [at, fresh] = names_.try_emplace(route, workers::WorkerId{last_ + 1});
    if (fresh) routes_.emplace(++last_, route);
    return at->second;
  }
  const Route* find(workers::WorkerId name) const {
    const auto at = routes_.find(name.value);
    return at == routes_.end() ? nullptr : &at->second;
  }
  void forget(workers::WorkerId name) {
    const auto at = routes_.find(name.value);
    if (at == routes_.end()) return;
    names_.erase(at->second);
    routes_.erase(at);
  }

 private:
  std::map<Route, workers::WorkerId> names_;
  std::map<std::uint64_t, Route> routes_;
  std::uint64_t last_ = 0;
};

class ConsumerShell : public Actor {
 public:
  explicit ConsumerShell(Node& node);
  void engine_says(const link::EngineToConsumer& item);
  void worker_says(const Door::Route& from, const worker::FromWorker& item);

 private:
  void made() override;
  void elapsed() override { core_->time_passed(now()); }
  std::size_t flush() override;
  Time deadline() const override { return core_->next_deadline(); }
  void check_invariants() const override { core_->check_invariants(); }
  void tell(workers::WorkerId worker, const worker::FromDoor& item);
  template <class Item>
  void carry_out(const Item& item);
  template <class Item>
  void carry_out(const consumer_bridge::ToWorker<Item>& to) {
    tell(to.worker, to.item);
  }
  void carry_out(const workers::Welcome& welcome);
  void carry_out(const workers::Ping& ping) { tell(ping.worker, worker::Ping{ping.nonce}); }
  void carry_out(const workers::Refuse& refuse);
  void carry_out(const consumer_bridge::Forget& forget);
  void carry_out(const consumer_bridge::Alarm& alarm) { heard("alarm", alarm.detail); }

  Node& node_;
  std::optional<consumer_bridge::Core> core_;
  Door door_;
};

class ProducerShell : public Actor {
 public:
  explicit ProducerShell(Node& node);
  void engine_says(const link::EngineToProducer& item);
  void selector_says(const link::SelectorToProducer& item);
  void worker_says(const Door::Route& from, const worker::FromWorker& item);
  bool admits(const PeerKey& peer) const { return admitted_.contains(peer); }
  void peer_says(const PeerKey& peer, const Route& route, const peer::FromAsker& item);
  // A value is on its way to the network; so many bytes wait behind it.
  void sent_on(const Route& route, std::uint64_t waiting);

 private:
  void made() override;
  void elapsed() override { core_->time_passed(now()); }
  std::size_t flush() override;
  Time deadline() const override { return core_->next_deadline(); }
  void check_invariants() const override { core_->check_invariants(); }
  void tell(workers::WorkerId worker, const worker::FromDoor& item);
  template <class Item>
  void carry_out(const Item& item);
  template <class Item>
  void carry_out(const producer_bridge::ToPeer<Item>& to);
  void carry_out(const producer_bridge::DropReplies& drop);
  void carry_out(const producer_bridge::Admit& admit) { admitted_.insert(admit.peer); }
  void carry_out(const producer_bridge::Expel& expel) { admitted_.erase(expel.peer); }
  template <class Item>
  void carry_out(const producer_bridge::ToWorker<Item>& to) {
    tell(to.worker, to.item);
  }
  void carry_out(const workers::Welcome& welcome);
  void carry_out(const workers::Ping& ping) { tell(ping.worker, worker::Ping{ping.nonce}); }
  void carry_out(const workers::Refuse& refuse);
  void carry_out(const producer_bridge::Forget& forget) { door_.forget(forget.worker); }
  void carry_out(const producer_bridge::ToSelector& to);

  Node& node_;
  std::optional<producer_bridge::Core> core_;
  Door door_;
  std::set<PeerKey> admitted_;
};

class Node {
 public:
  Node(World& world, int number);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void start();
  void kill();
  bool alive() const { return alive_; }
  // Its storages have a wrong value for each key that they do not keep.
  bool lies() const { return number >= world.settings.nodes - world.settings.liars; }
  // One of its actors alone dies, and comes back after a while.
  void restart_engine(Duration down);
  void restart_selector(Duration down);
  void restart_bridge(Actor& bridge, Duration down);
  // Greets the Engine anew, as after a link that was greeted twice.
  void reattach_selector() { selector_link.connect(); }

  World& world;
  const int number;
  const PeerKey key;
  Checks checks;
  // What is on disk, and who the operator's file says the peers are.
  std::map<int, Payload> store;
  std::vector<report::PeerEntry> peers;
  std::uint64_t peers_number = 1;

  EngineShell engine;
  SelectorShell selector;
  ConsumerShell consumer;
  ProducerShell producer;
  Link<link::SelectorToEngine, link::EngineToSelector> selector_link;
  Link<link::ConsumerToEngine, link::EngineToConsumer> consumer_link;
  Link<link::ProducerToEngine, link::EngineToProducer> producer_link;
  Link<link::ProducerToSelector, link::SelectorToProducer> admission_link;
  std::vector<std::unique_ptr<Worker>> verifiers, storages;
  std::vector<std::unique_ptr<Client>> clients;

 private:
  void start_again(Actor& actor, Duration down);

  std::uint64_t life_ = 0;
  bool alive_ = false;
};

}  // namespace quarry::sim
