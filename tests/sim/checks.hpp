// Sees what is said at one node, where it is said, and ends the run when the rules forbid it. It
// keeps its own simple account of all that it needs, and asks no core.
#pragma once

#include <map>
#include <set>

#include "actors/engine/ids.hpp"
#include "actors/producer_bridge/effects.hpp"
#include "msg/control.hpp"
#include "msg/worker.hpp"
#include "tests/sim/world.hpp"

namespace quarry::sim {

class Checks {
 public:
  Checks(World& world, int node) : world_(world), node_(node) {}

  // Engine and clients.
  void subscribes(engine::ClientId client, const control::Fetch& ask);
  void calls(engine::ClientId client, CallId call) { calls_.insert({client, call}); }
  void client_is_told(engine::ClientId client, const control::FromNode& item);
  void client_left(engine::ClientId client);
  void node_stopped() const;
  void node_killed();
  void engine_died();
  void selector_died();

  // Selector, Engine, peers.
  void selector_made(const std::vector<report::PeerEntry>& peers, std::uint64_t number);
  void selector_is_told(const link::EngineToSelector& item);
  void selector_says(const link::SelectorToEngine& item);
  void selector_admits(const link::Admission& admission);
  void asks(int server, const peer::Ask& ask);

  // Bridges.
  void consumer_is_told(const link::EngineToConsumer& item);
  void consumer_says(const link::Verdict& verdict);
  void verifier_says(const worker::Judge& job, const worker::Verdict& verdict);
  void producer_made();
  void producer_is_told(const link::EngineToProducer& item);
  void producer_is_told(const link::SelectorToProducer& item);
  template <class Item>
  void producer_says(const Item& item) {
    if constexpr (requires { item.look_up; }) answered(item.look_up);
  }
  void serves(int asker) const;

  // Once faults have stopped: what is not fetched yet although somebody has it; empty: nothing.
  std::string unanswered() const;
  // Once everything was cleared: what is left; empty: nothing.
  std::string left() const;
  [[noreturn]] void fail(const std::string& why) const;

 private:
  using Triple = std::tuple<engine::ClientId, Tag, Key>;
  // A value of a peer for a key, as seen().
  using Given = std::pair<PeerKey, std::uint64_t>;
  struct Want {
    Key key;
    bool restricted = false;
    std::set<PeerKey> targets;
    bool judging = false;
  };
  void must(bool holds, const char* why) const {
    if (!holds) fail(why);
  }
  void ended(engine::ClientId client, const Tag& tag, const Key& key);
  void call_ended(engine::ClientId client, CallId call);
  void peers_came(const report::PeerSet& set);
  void answered(LookUpId look_up);
  void judged(const link::Judged& its);
  const Want* wanted(const Key& key) const;
  bool answerable(const Key& key, const Want* want) const;
  std::uint64_t seen(const Key& key, const Payload& value) const;

  World& world_;
  const int node_;
  std::set<Triple> owed_, asked_again_;
  std::set<std::pair<engine::ClientId, CallId>> calls_;
  std::set<std::uint64_t> accepted_;  // what some verifier found right, as seen()
  std::set<PeerKey> accused_;         // by a verifier or by an operator
  std::map<FetchId, Want> wants_;
  std::map<Key, FetchId> wanted_;
  std::map<FetchId, std::pair<Key, Time>> over_;  // and since when
  std::set<RequestId> requests_;
  std::map<PeerKey, PeerRole> peers_;
  std::uint64_t peers_number_ = 0;
  std::set<PeerKey> blocked_;  // as the selector says
  std::set<PeerKey> refused_;  // as the ProducerBridge has heard: not admitted, or blocked
  std::set<PeerKey> served_;
  std::map<DeliveryId, Given> deliveries_;
  std::map<RequestId, Given> answers_;                 // not judged yet
  std::set<std::pair<Given, Outcome>> said_, passed_;  // by verifiers; by the ConsumerBridge
  std::set<LookUpId> look_ups_;
};

}  // namespace quarry::sim
