// An Engine core on a virtual clock, with verbs for what happens to it. After each verb the core's
// invariants are checked and its effects are collected; take<Item>() hands out those of one kind.
#pragma once

#include <string>
#include <vector>

#include "actors/engine/core.hpp"
#include "tests/support/catch.hpp"

namespace quarry::engine {

using namespace std::chrono_literals;

inline Key key(std::string name) {
  name.resize(32, '.');
  return Key(name);
}
inline PeerKey peer(int number) {
  PeerKey peer;
  peer.bytes.fill(static_cast<std::byte>(number));
  return peer;
}
inline Payload bytes(std::string text) { return Payload::of(std::move(text)); }

class Engine {
 public:
  static constexpr int kNode = 99;  // peer(kNode) is the node itself

  explicit Engine(Config config = {}, std::uint64_t seed = 7) : core_(config, self(), seed, now_) {}
  // --- What happens ---
  void attach_selector() {
    core_.selector_attached(now_);
    settle();
  }
  void attach_verifiers(std::uint32_t count) {
    core_.consumer_attached(now_);
    core_.workers_attached({WorkerRole::verifier, count}, now_);
    settle();
  }
  void attach_storages(std::uint32_t count) {
    core_.producer_attached(now_);
    core_.workers_attached({WorkerRole::storage, count}, now_);
    settle();
  }
  ClientId client() {
    const ClientId id{++clients_};
    core_.client_greeted(id, now_);
    settle();
    return id;
  }
  void gone(ClientId client) {
    core_.client_gone(client, now_);
    settle();
  }
  void fetch(ClientId client, const control::Fetch& ask) {
    core_.fetch_asked(client, ask, now_);
    settle();
  }
  void fetch(ClientId client, const std::string& name, const std::string& tag = "t",
             std::vector<PeerKey> targets = {}) {
    control::Fetch ask;
    ask.tag = Tag(tag);
    ask.key = key(name);
    ask.targets = std::move(targets);
    fetch(client, ask);
  }
  void withdraw(ClientId client, const std::string& name, const std::string& tag = "t") {
    core_.withdraw_asked(client, {Tag(tag), key(name)}, now_);
    settle();
  }
  void cancel(ClientId client, const std::vector<Key>& keys) {
    core_.cancel_asked(client, {CallId{5}, keys}, now_);
    settle();
  }
  void clear(ClientId client) {
    core_.clear_asked(client, {CallId{6}}, now_);
    settle();
  }
  void retain(ClientId client, const control::Retain& ask) {
    core_.retain_asked(client, ask, now_);
    settle();
  }
  void put(ClientId client, const std::string& name, const std::string& value) {
    core_.put_asked(client, {CallId{7}, key(name), bytes(value)}, now_);
    settle();
  }
  void remove(ClientId client, const std::vector<Key>& keys) {
    core_.remove_asked(client, {CallId{9}, keys}, now_);
    settle();
  }
  void list(ClientId client, const std::string& after = "") {
    core_.list_asked(client, {CallId{10}, Prefix(after)}, now_);
    settle();
  }
  void status(ClientId client, const std::vector<Key>& keys = {}) {
    core_.status_asked(client, {CallId{8}, keys}, now_);
    settle();
  }
  void explain(ClientId client, const std::string& of) {
    core_.explain_asked(client, {CallId{9}, key(of)}, now_);
    settle();
  }
  void peers(ClientId client, PeersCommand command) {
    core_.peers_commanded(client, std::move(command), now_);
    settle();
  }
  // A peer's answer to the Want of this fetch.
  RequestId answer(FetchId fetch, const std::string& value, int from = 1) {
    const RequestId request{++requests_};
    core_.answer_received({fetch, request, peer(from), bytes(value)}, now_);
    settle();
    return request;
  }
  void verdict(DeliveryId delivery, Outcome outcome, std::vector<std::uint16_t> named = {}) {
    core_.verdict_received({delivery, outcome, std::move(named)}, now_);
    settle();
  }
  void found(LookUpId id, const std::string& value) {
    core_.found_received({id, bytes(value)}, now_);
    settle();
  }
  void no_data(LookUpId id, bool sure = true) {
    core_.no_data_received({id, sure}, now_);
    settle();
  }
  void too_large(LookUpId id, std::uint64_t size) {
    core_.too_large_received({id, size}, now_);
    settle();
  }
  void waits(const link::Waits& waits) {
    core_.waits_received(waits, now_);
    settle();
  }
  void done(Part from, CallId call, std::uint64_t count = 0) {
    core_.done_received(from, {call, count}, now_);
    settle();
  }
  void failed(Part from, CallId call, Reason reason, const std::string& detail) {
    core_.failed_received(from, {call, reason, detail}, now_);
    settle();
  }
  void stop() {
    core_.stop_asked(now_);
    settle();
  }
  // Time goes by; deadlines on the way are kept.
  void pass(Duration duration) {
    const Time end = now_ + duration;
    while (core_.next_deadline() <= end) {
      now_ = std::max(now_, core_.next_deadline());
      core_.time_passed(now_);
      settle();
    }
    now_ = end;
  }
  // One turn of the loop, without any time.
  void turn() {
    core_.time_passed(now_);
    settle();
  }
  // Long walks come to their end, without any time.
  void finish_walks() {
    while (core_.next_deadline() <= now_) turn();
  }

  // --- What came of it ---
  // Effects of this kind so far, which are then forgotten.
  template <class Item>
  std::vector<Item> take(ClientId client = {}) {
    std::vector<Item> taken;
    std::vector<Effect> rest;
    for (Effect& effect : effects_) {
      Item* item = part<Item>(effect, client);
      if (item != nullptr) {
        taken.push_back(std::move(*item));
      } else {
        rest.push_back(std::move(effect));
      }
    }
    effects_ = std::move(rest);
    return taken;
  }
  // The only one of its kind.
  template <class Item>
  Item only(ClientId client = {}) {
    std::vector<Item> taken = take<Item>(client);
    INFO("effects of kind " << int{Item::kKind});
    REQUIRE(taken.size() == 1);
    return taken.front();
  }
  template <class Item>
  bool none(ClientId client = {}) {
    return take<Item>(client).empty();
  }
  std::vector<Effect>& effects() { return effects_; }

  // Short for what most tests begin with: a fetch whose value is being judged.
  struct Judged {
    FetchId fetch;
    RequestId request;
    DeliveryId delivery;
  };
  Judged validating(ClientId client, const std::string& name = "k", int from = 1) {
    fetch(client, name);
    const FetchId id = only<link::Want>().fetch;
    const RequestId request = answer(id, "value", from);
    return {id, request, only<link::Judge>().delivery};
  }
  std::uint64_t counter(const std::string& name) {
    const ClientId who = client();
    status(who);
    std::uint64_t value = 0;
    bool there = false;
    for (const report::Counter& counter : take<report::Counter>(who)) {
      if (counter.name == name) value = counter.value, there = true;
    }
    REQUIRE(there);
    gone(who);
    return value;
  }

  Core& core() { return core_; }
  Time now() const { return now_; }

 private:
  static Self self() {
    Self self;
    self.node = peer(kNode);
    self.instance = Instance{1};
    self.name = "n1";
    self.agent = "test";
    return self;
  }
  void settle() {
    core_.check_invariants();
    for (Effect& effect : core_.take_effects()) effects_.push_back(std::move(effect));
  }
  template <class Item>
  static Item* part(Effect& effect, ClientId client) {
    return std::visit(
        [&](auto& to) -> Item* {
          using To = std::decay_t<decltype(to)>;
          if constexpr (std::is_same_v<To, Forget>) {
            return nullptr;
          } else {
            if constexpr (std::is_same_v<To, ToClient>) {
              if (client && to.client != client) return nullptr;
            } else if (client) {
              return nullptr;
            }
            return within<Item>(to.item);
          }
        },
        effect);
  }
  template <class Item, class... Items>
  static Item* within(std::variant<Items...>& item) {
    if constexpr ((std::is_same_v<Item, Items> || ...)) {
      return std::get_if<Item>(&item);
    } else {
      return nullptr;
    }
  }

  Time now_ = Time{} + 1h;
  Core core_;
  std::vector<Effect> effects_;
  std::uint64_t clients_ = 0;
  std::uint64_t requests_ = 0;
};

// With a selector and one verifier; without a storage, so that fetches go to peers at once.
class Attached : public Engine {
 public:
  explicit Attached(Config config = {}) : Engine(config) {
    attach_selector();
    attach_verifiers(1);
    effects().clear();
  }
};
// With a storage too.
class Stored : public Attached {
 public:
  Stored() {
    attach_storages(1);
    effects().clear();
  }
};

}  // namespace quarry::engine
