#include "actors/engine/core.hpp"

#include <algorithm>

namespace quarry::engine {
namespace {

// Independent numbers from one seed.
std::uint64_t mix(std::uint64_t seed, std::uint64_t which) {
  std::uint64_t z = seed + which * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Core::Core(const Config& config, Self self, std::uint64_t seed, Time now)
    : config_(config),
      self_(std::move(self)),
      started_(now),
      now_(now),
      fetches_(mix(seed, 1)),
      subscriptions_(fetches_, clients_, mix(seed, 2)),
      look_ups_(mix(seed, 3)),
      deliveries_(mix(seed, 4)),
      calls_(mix(seed, 5)),
      answers_(config.answer_slots, config.answer_bytes),
      puts_(limits::kMaxPuts, limits::kMaxPutBytes) {
  QUARRY_CHECK(config.max_fetches <= quarry::limits::kFetchSlots);
}

void Core::client_greeted(ClientId client, Time now) {
  now_ = now;
  const auto turn_away = [&](Reason reason, const char* detail) {
    effects_.push_back(ToClient{client, control::Refused{reason, detail}});
    effects_.push_back(Forget{client});
  };
  if (clients_.find(client) == kNone) {
    if (stopping_) return turn_away(Reason::stopping, "the node is shutting down");
    if (clients_.held() >= config_.max_clients) {
      return turn_away(Reason::full, "the control door has no place for another client");
    }
    clients_.add(client, now);
  }
  const Network& network = self_.network;
  tell(client, control::Welcome{self_.node, self_.instance, network.name, network.key_length,
                                network.max_value, network.digest, self_.agent});
}

void Core::client_gone(ClientId client, Time now) {
  now_ = now;
  const Slot slot = clients_.find(client);
  if (slot == kNone) return;
  clients_.leave(slot);
  walk();
}

void Core::fetch_asked(ClientId id, control::Fetch ask, Time now) {
  now_ = now;
  const Slot client = clients_.find(id);
  if (client == kNone) return;
  if (stopping_) return refuse(id, ask, Reason::stopping, "the node is shutting down");
  settle(ask.key, client, ask.tag);
  const Slot known = fetches_.find(ask.key);
  if (known != kNone && subscriptions_.find(known, client, ask.tag) != kNone) return;  // R24
  std::sort(ask.targets.begin(), ask.targets.end());
  ask.targets.erase(std::unique(ask.targets.begin(), ask.targets.end()), ask.targets.end());
  if (const char* full = why_full(known, ask)) return refuse(id, ask, Reason::full, full);

  if (known != kNone) {
    join(known, client, ask);
    return retarget(known, ask.targets);
  }
  const Slot slot = fetches_.start(ask.key, now);
  ++totals_.fetches;
  join(slot, client, ask);
  if (!ask.targets.empty()) {
    targets_in_all_ += static_cast<std::uint32_t>(ask.targets.size());
    targets_.emplace(fetches_[slot].id, std::move(ask.targets));
    fetches_[slot].targeted = true;
  }
  ask.local&& storages_.workers > 0 ? look(slot) : want(slot);
}

void Core::withdraw_asked(ClientId id, const control::Withdraw& ask, Time now) {
  now_ = now;
  const Slot client = clients_.find(id);
  const Slot fetch = fetches_.find(ask.key);
  if (client == kNone || fetch == kNone) return;
  const Slot subscription = subscriptions_.find(fetch, client, ask.tag);
  if (subscription != kNone) end_subscription(subscription, Terminal::cancelled);
}

// What a running command condemns has ended already, for whoever asks anew.
void Core::settle(const Key& key, Slot client, const Tag& tag) {
  for (Sweep& sweep : sweeps_) {
    const Slot fetch = fetches_.find(key);
    if (fetch == kNone) return;
    if (sweep.condemns(fetches_[fetch])) {
      end_fetch(fetch, Terminal::cancelled);
      ++sweep.ended;
      continue;
    }
    const Slot subscription = subscriptions_.find(fetch, client, tag);
    if (subscription != kNone && sweep.condemns(subscriptions_[subscription])) {
      end_subscription(subscription, Terminal::cancelled);
      ++sweep.ended;
    }
  }
}

const char* Core::why_full(Slot known, const control::Fetch& ask) const {
  if (subscriptions_.size() >= config_.max_subscriptions) return "too many subscriptions";
  std::size_t targets = ask.targets.size();
  if (known == kNone) {
    if (fetches_.size() >= config_.max_fetches) return "too many fetches";
  } else {
    const Fetch& fetch = fetches_[known];
    if (fetch.subscribers() >= limits::kMaxSubscribers) return "too many subscribers of one fetch";
    if (!fetch.targeted) return nullptr;
    const std::vector<PeerKey>& old = targets_.at(fetch.id);
    for (const PeerKey& peer : old) {
      targets += !std::binary_search(ask.targets.begin(), ask.targets.end(), peer);
    }
    if (!ask.targets.empty() && targets > quarry::limits::kMaxTargets) {
      return "too many targets of one fetch";
    }
    targets -= std::min(targets, old.size());
  }
  if (targets_in_all_ + targets > limits::kMaxTargetsInAll) return "too many targets in all";
  return nullptr;
}

void Core::refuse(ClientId client, const control::Fetch& ask, Reason reason, std::string detail) {
  ++totals_.ended[static_cast<std::size_t>(Terminal::refused)];
  tell(client, control::FetchRefused{ask.tag, ask.key, reason, std::move(detail)});
}

void Core::join(Slot fetch_slot, Slot client, const control::Fetch& ask) {
  Fetch& fetch = fetches_[fetch_slot];
  const Class before = fetch.priority();
  const Slot slot = subscriptions_.join(fetch_slot, client, ask.tag, ask.priority);
  Subscription& subscription = subscriptions_[slot];
  subscription.detached = ask.detached;
  if (ask.deadline_ms != 0) {
    subscription.expires = true;
    deadlines_.add(slot, now_ + std::chrono::milliseconds(ask.deadline_ms));
  }
  fetch.keep = fetch.keep || ask.keep || ask.detached;
  clients_.became_busy(now_);
  if (fetch.priority() != before && told(fetch)) tell_want(fetch);
}

void Core::retarget(Slot slot, const std::vector<PeerKey>& targets) {
  Fetch& fetch = fetches_[slot];
  if (!fetch.targeted) return;  // R14: once unrestricted, it stays so
  if (targets.empty()) {        // R15
    untarget(slot);
    if (told(fetch)) effects_.push_back(ToSelector{link::ClearTargets{fetch.id}});
    return;
  }
  std::vector<PeerKey>& old = targets_.at(fetch.id);
  std::vector<PeerKey> added;
  std::set_difference(targets.begin(), targets.end(), old.begin(), old.end(),
                      std::back_inserter(added));
  if (added.empty()) return;
  targets_in_all_ += static_cast<std::uint32_t>(added.size());
  old.insert(old.end(), added.begin(), added.end());
  std::sort(old.begin(), old.end());
  if (told(fetch)) effects_.push_back(ToSelector{link::AddTargets{fetch.id, std::move(added)}});
}

void Core::untarget(Slot slot) {
  Fetch& fetch = fetches_[slot];
  if (!fetch.targeted) return;
  const auto its = targets_.find(fetch.id);
  targets_in_all_ -= static_cast<std::uint32_t>(its->second.size());
  targets_.erase(its);
  fetch.targeted = false;
}

void Core::look(Slot slot) {
  const FetchId id = fetches_[slot].id;
  if (!look_ups_.wait(id)) return want(slot);
  fetches_.move_to(slot, FetchState::looking);
  look_ups_.look_until(id, now_ + limits::kLookWithin);
  send_look_ups();
}

void Core::send_look_ups() {
  while (const auto next = look_ups_.next()) {
    const Slot slot = fetches_.find(next->fetch);
    if (slot == kNone || fetches_[slot].state == FetchState::validating) continue;
    const LookUpId id = look_ups_.send(*next);
    ++totals_.look_ups;
    effects_.push_back(ToProducer{link::LookUp{id, fetches_[slot].key, next->room}});
  }
}

// From here on the fetch is the selector's to pursue; it is told once in each of its lives.
void Core::want(Slot slot) {
  Fetch& fetch = fetches_[slot];
  if (fetch.state != FetchState::pending) fetches_.move_to(slot, FetchState::pending);
  if (life_ == 0 || told(fetch)) return;
  fetch.told = life_;
  tell_want(fetch);
}

// Said again when its class has changed (N9).
void Core::tell_want(const Fetch& fetch) {
  link::Want want{fetch.id, fetch.key, fetch.priority(), {}};
  if (fetch.targeted) want.targets = targets_.at(fetch.id);
  effects_.push_back(ToSelector{std::move(want)});
}

void Core::end_subscription(Slot subscription, Terminal how) {
  const Slot fetch = subscriptions_[subscription].fetch;
  drop(subscription, how);
  if (fetches_[fetch].subscribers() == 0) over(fetch);
}

void Core::end_fetch(Slot fetch, Terminal how) {
  while (fetches_[fetch].first != kNone) drop(fetches_[fetch].first, how);
  over(fetch);
}

// Takes the subscription off its fetch and says how it ended; `resolved` has been said with the
// value.
void Core::drop(Slot slot, Terminal how) {
  const Subscription& subscription = subscriptions_[slot];
  const Fetch& fetch = fetches_[subscription.fetch];
  const Class before = fetch.priority();
  ++totals_.ended[static_cast<std::size_t>(how)];
  last_end_ = how;
  if (how != Terminal::resolved && subscription.client != kNone) {
    tell(clients_[subscription.client].id, control::Ended{subscription.tag, fetch.key, how});
  }
  if (subscription.delivered != kNotDelivered) {
    deliveries_.of(fetch.id)->delivered[subscription.delivered] = kNone;
  }
  if (subscription.expires) deadlines_.forget(slot);
  subscriptions_.erase(slot);
  const bool left = fetch.subscribers() > 0;
  if (left && fetch.priority() != before && told(fetch)) tell_want(fetch);
}

// Nobody is left.
void Core::over(Slot slot) {
  Delivery* delivery = deliveries_.of(fetches_[slot].id);
  erase(slot, delivery != nullptr && abandon(*delivery));
}

void Core::erase(Slot slot, bool ended_at_selector) {
  const Fetch& fetch = fetches_[slot];
  if (told(fetch) && !ended_at_selector) effects_.push_back(ToSelector{link::End{fetch.id}});
  untarget(slot);
  ++totals_.over[static_cast<std::size_t>(last_end_)];
  fetches_.erase(slot);
}

Time Core::next_deadline() const {
  if (unfinished()) return now_;
  return std::min({look_ups_.next_deadline(), deadlines_.next_deadline(), calls_.next_deadline(),
                   clients_.next_probe()});
}

void Core::time_passed(Time now) {
  now_ = now;
  // Each of these has its slice; what is overdue still is found at the next call.
  for (std::uint32_t step = 0; step < limits::kSlice; ++step) {
    const auto fetch = look_ups_.overdue(now);
    if (!fetch) break;
    const Slot slot = fetches_.find(*fetch);
    if (slot != kNone && fetches_[slot].state == FetchState::looking) want(slot);
  }
  for (std::uint32_t step = 0; step < limits::kSlice; ++step) {
    const auto fetch = look_ups_.due_again(now);
    if (!fetch) break;
    const Slot slot = fetches_.find(*fetch);
    if (slot == kNone) continue;
    if (fetches_[slot].state == FetchState::validating) {
      fetches_[slot].look_again = true;
    } else {
      look_ups_.wait(*fetch);
    }
  }
  send_look_ups();
  for (std::uint32_t step = 0; step < limits::kSlice; ++step) {
    const auto subscription = deadlines_.overdue(now);
    if (!subscription) break;
    end_subscription(*subscription, Terminal::expired);
  }
  while (const auto id = calls_.overdue(now)) {
    if (calls_.find(*id)->kind == Call::Kind::status) {
      finish_status(*id);
    } else {
      fail_call(*id, Reason::unavailable, "no answer in time");
    }
  }
  for (const ClientId client : clients_.due(now)) tell(client, control::Ping{++nonce_});
  walk();
}

std::vector<Effect> Core::take_effects() {
  if (life_ != 0 && owed_.slots != 0) {
    effects_.push_back(ToSelector{link::Room{owed_.slots, owed_.bytes}});
  }
  owed_ = {};
  return std::exchange(effects_, {});
}

}  // namespace quarry::engine
