// The naive Engine: the life of a fetch.
#include "tests/actors/engine/naive.hpp"

#include <algorithm>

#include "actors/engine/limits.hpp"
#include "msg/limits.hpp"

namespace quarry::engine {

// --- Found by looking at all ----------------------------------------------------------------

Naive::Fetch* Naive::find(const Key& key) {
  for (Fetch& fetch : fetches_) {
    if (fetch.key == key) return &fetch;
  }
  return nullptr;
}

Naive::Fetch* Naive::find(FetchId id) {
  for (Fetch& fetch : fetches_) {
    if (fetch.id == id) return &fetch;
  }
  return nullptr;
}

Naive::Subscription* Naive::find(Fetch& fetch, ClientId client, const Tag& tag) {
  for (Subscription& its : fetch.subscriptions) {
    if (its.client == client && its.tag == tag) return &its;
  }
  return nullptr;
}

Naive::Subscription* Naive::find(Fetch& fetch, std::uint64_t number) {
  for (Subscription& its : fetch.subscriptions) {
    if (its.number == number) return &its;
  }
  return nullptr;
}

std::map<DeliveryId, Naive::Delivery>::iterator Naive::delivery_of(FetchId fetch) {
  for (auto at = deliveries_.begin(); at != deliveries_.end(); ++at) {
    if (at->second.fetch == fetch && !at->second.aborted) return at;
  }
  return deliveries_.end();
}

Class Naive::class_of(const Fetch& fetch) const {
  Class highest = Class::background;
  for (const Subscription& its : fetch.subscriptions) highest = std::min(highest, its.priority);
  return highest;
}

std::size_t Naive::subscriptions() const {
  std::size_t count = 0;
  for (const Fetch& fetch : fetches_) count += fetch.subscriptions.size();
  return count;
}

Held Naive::held(Origin of) const {
  Held held;
  const auto add = [&](std::size_t bytes) { held.slots += 1, held.bytes += bytes; };
  for (const auto& [id, delivery] : deliveries_) {
    const Origin origin =
        delivery.value.origin == Origin::was_put ? Origin::put : delivery.value.origin;
    if (origin == of) add(delivery.value.bytes.size());
    if (delivery.held && of == Origin::answer) add(delivery.held->bytes.size());
  }
  if (of == Origin::look_up) {
    for (const auto& [id, look_up] : out_) add(look_up.room);
  }
  if (of == Origin::put) {
    for (const auto& [id, errand] : errands_) {
      if (errand.kind == Errand::Kind::put) add(errand.value.size());
    }
  }
  return held;
}

Held Naive::held(Errand::Kind of) const {
  Held held;
  for (const auto& [id, errand] : errands_) {
    if (errand.kind == of) held.slots += 1, held.bytes += errand.value.size();
  }
  return held;
}

std::size_t Naive::in_state(FetchState state) const {
  std::size_t count = 0;
  for (const Fetch& fetch : fetches_) count += fetch.state == state;
  return count;
}

std::string Naive::left() const {
  std::string left;
  if (!deliveries_.empty()) left += std::to_string(deliveries_.size()) + " deliveries ";
  if (!out_.empty()) left += std::to_string(out_.size()) + " look-ups ";
  if (!errands_.empty()) left += std::to_string(errands_.size()) + " errands";
  return left;
}

// --- Clients and their fetches ----------------------------------------------------------------

void Naive::tell(ClientId client, control::FromNode item) {
  if (clients_.contains(client)) effects_.push_back(ToClient{client, std::move(item)});
}

std::vector<Effect> Naive::take_effects() {
  if (life_ != 0 && owed_.slots > 0) to_selector(link::Room{owed_.slots, owed_.bytes});
  owed_ = {};
  return std::exchange(effects_, {});
}

void Naive::client_greeted(ClientId client, Time now) {
  now_ = now;
  if (!clients_.contains(client)) {
    if (stopping_ || clients_.size() >= config_.max_clients) {
      const Reason reason = stopping_ ? Reason::stopping : Reason::full;
      effects_.push_back(ToClient{client, control::Refused{reason, ""}});
      effects_.push_back(Forget{client});
      return;
    }
    clients_.insert(client);
  }
  const Network& network = self_.network;
  tell(client, control::Welcome{self_.node, self_.instance, network.name, network.key_length,
                                network.max_value, network.digest, self_.agent});
}

void Naive::client_gone(ClientId client, Time now) {
  now_ = now;
  if (clients_.erase(client) == 0) return;
  for (const Fetch& of_all : std::vector(fetches_)) {
    for (const Subscription& its : of_all.subscriptions) {
      if (its.client != client) continue;
      Fetch& fetch = *find(of_all.id);
      if (its.detached && find(fetch, ClientId{}, its.tag) == nullptr) {
        find(fetch, its.number)->client = {};
      } else {
        drop_and_end(fetch, its.number, Terminal::cancelled);
      }
    }
  }
}

void Naive::fetch_asked(ClientId client, control::Fetch ask, Time now) {
  now_ = now;
  if (!clients_.contains(client)) return;
  const auto refuse = [&](Reason reason) {
    ++totals_["subscriptions_refused_total"];
    tell(client, control::FetchRefused{ask.tag, ask.key, reason, ""});
  };
  if (stopping_) return refuse(Reason::stopping);
  Fetch* known = find(ask.key);
  if (known != nullptr && find(*known, client, ask.tag) != nullptr) return;  // R24
  if (too_many(known, ask)) return refuse(Reason::full);
  const std::set<PeerKey> targets(ask.targets.begin(), ask.targets.end());
  if (known != nullptr) {
    join(*known, client, ask);
    return retarget(*known, targets);
  }
  ++totals_["fetches_started_total"];
  Fetch& fetch = fetches_.emplace_back();
  fetch.id = FetchId{++last_};
  fetch.key = ask.key;
  fetch.started = now;
  join(fetch, client, ask);
  if (!targets.empty()) fetch.targets = targets;
  if (!ask.local || storages_ == 0) return want(fetch);
  fetch.state = FetchState::looking;
  look_until_.emplace_back(now + limits::kLookWithin, fetch.id);
  waiting_.push_back({fetch.id, limits::kFirstRoom});
  send_look_ups();
}

bool Naive::too_many(Fetch* fetch, const control::Fetch& ask) const {
  if (subscriptions() >= config_.max_subscriptions) return true;
  if (fetch == nullptr) return fetches_.size() >= config_.max_fetches;
  if (fetch->subscriptions.size() >= limits::kMaxSubscribers) return true;
  if (!fetch->targets || ask.targets.empty()) return false;
  std::set<PeerKey> together = *fetch->targets;
  together.insert(ask.targets.begin(), ask.targets.end());
  return together.size() > quarry::limits::kMaxTargets;
}

void Naive::join(Fetch& fetch, ClientId client, const control::Fetch& ask) {
  const Class before = class_of(fetch);
  std::optional<Time> until;
  if (ask.deadline_ms != 0) until = now_ + std::chrono::milliseconds(ask.deadline_ms);
  fetch.subscriptions.push_back({++last_, client, ask.tag, ask.priority, ask.detached, until});
  fetch.keep = fetch.keep || ask.keep || ask.detached;
  if (told(fetch) && class_of(fetch) != before) tell_want(fetch);
}

void Naive::retarget(Fetch& fetch, const std::set<PeerKey>& targets) {
  if (!fetch.targets) return;  // R14
  if (targets.empty()) {       // R15
    fetch.targets.reset();
    if (told(fetch)) to_selector(link::ClearTargets{fetch.id});
    return;
  }
  std::vector<PeerKey> added;
  for (const PeerKey& peer : targets) {
    if (fetch.targets->insert(peer).second) added.push_back(peer);
  }
  if (!added.empty() && told(fetch)) to_selector(link::AddTargets{fetch.id, added});
}

void Naive::withdraw_asked(ClientId client, const control::Withdraw& ask, Time now) {
  now_ = now;
  Fetch* fetch = find(ask.key);
  if (!clients_.contains(client) || fetch == nullptr) return;
  const Subscription* its = find(*fetch, client, ask.tag);
  if (its != nullptr) drop_and_end(*fetch, its->number, Terminal::cancelled);
}

void Naive::want(Fetch& fetch) {
  fetch.state = FetchState::pending;
  if (life_ == 0 || told(fetch)) return;
  fetch.told = life_;
  tell_want(fetch);
}

void Naive::tell_want(const Fetch& fetch) {
  link::Want want{fetch.id, fetch.key, class_of(fetch), {}};
  if (fetch.targets) want.targets.assign(fetch.targets->begin(), fetch.targets->end());
  to_selector(want);
}

void Naive::send_look_ups() {
  while (!waiting_.empty()) {
    const LookUp next = waiting_.front();
    const Held held = this->held(Origin::look_up);
    const bool fits =
        held.slots < limits::kMaxLookUps && held.bytes + next.room <= limits::kMaxLookUpBytes;
    if (held.slots > 0 && !fits) return;
    waiting_.pop_front();
    const Fetch* fetch = find(next.fetch);
    if (fetch == nullptr || fetch->state == FetchState::validating) continue;
    const LookUpId id{++last_};
    out_.emplace(id, next);
    ++totals_["look_ups_total"];
    to_producer(link::LookUp{id, fetch->key, next.room});
  }
}

// --- How they end ------------------------------------------------------------------------------

void Naive::drop(Fetch& fetch, std::uint64_t number, Terminal how) {
  const Subscription its = *find(fetch, number);
  const Class before = class_of(fetch);
  ++totals_["subscriptions_" + std::string(name(how)) + "_total"];
  fetch.last_end = how;
  if (how != Terminal::resolved) tell(its.client, control::Ended{its.tag, fetch.key, how});
  std::erase_if(fetch.subscriptions, [&](const auto& one) { return one.number == number; });
  if (fetch.subscriptions.empty() || class_of(fetch) == before) return;
  if (told(fetch)) tell_want(fetch);
}

void Naive::drop_and_end(Fetch& fetch, std::uint64_t number, Terminal how) {
  drop(fetch, number, how);
  if (fetch.subscriptions.empty()) over(fetch);
}

void Naive::end_all(Fetch& fetch, Terminal how) {
  while (!fetch.subscriptions.empty()) drop(fetch, fetch.subscriptions.front().number, how);
}

void Naive::over(Fetch& fetch) {
  const auto delivery = delivery_of(fetch.id);
  erase(fetch, delivery != deliveries_.end() && abandon(delivery->first));
}

void Naive::erase(Fetch& fetch, bool selector_knows) {
  if (told(fetch) && !selector_knows) to_selector(link::End{fetch.id});
  ++totals_["fetches_" + std::string(name(fetch.last_end)) + "_total"];
  const FetchId id = fetch.id;
  std::erase_if(fetches_, [&](const Fetch& one) { return one.id == id; });
}

template <class Condemned>
void Naive::sweep(ClientId client, CallId theirs, Condemned condemned) {
  if (!may_call(client, theirs)) return;
  std::uint64_t ended = 0;
  for (const Fetch& one : std::vector(fetches_)) {
    if (!condemned(one.key)) continue;
    Fetch& fetch = *find(one.id);
    end_all(fetch, Terminal::cancelled);
    over(fetch);
    ++ended;
  }
  tell(client, report::Done{theirs, ended});
}

void Naive::cancel_asked(ClientId client, const control::Cancel& ask, Time now) {
  now_ = now;
  sweep(client, ask.call, [&](const Key& key) { return std::ranges::count(ask.keys, key) > 0; });
}

void Naive::clear_asked(ClientId client, const control::Clear& ask, Time now) {
  now_ = now;
  sweep(client, ask.call, [](const Key&) { return true; });
}

void Naive::retain_asked(ClientId client, const control::Retain& ask, Time now) {
  now_ = now;
  if (ask.by != control::Predicate::tag) {
    return sweep(client, ask.call, [&](const Key& key) {
      const bool holds = ask.by == control::Predicate::keys ? std::ranges::count(ask.keys, key) > 0
                         : ask.by == control::Predicate::range
                             ? ask.keys[0] <= key && key <= ask.keys[1]
                             : text_of(key.view()).starts_with(text_of(ask.prefix.view()));
      return holds == ask.negated;
    });
  }
  if (!may_call(client, ask.call)) return;
  std::uint64_t ended = 0;
  for (const Fetch& of_all : std::vector(fetches_)) {
    for (const Subscription& its : of_all.subscriptions) {
      if ((its.tag == ask.tag) != ask.negated) continue;
      drop_and_end(*find(of_all.id), its.number, Terminal::cancelled);
      ++ended;
    }
  }
  tell(client, report::Done{ask.call, ended});
}

void Naive::stop_asked(Time now) {
  now_ = now;
  if (std::exchange(stopping_, true)) return;
  while (!calls_.empty()) fail(calls_.begin()->first, Reason::stopping);
  while (!fetches_.empty()) {
    end_all(fetches_.front(), Terminal::stopped);
    over(fetches_.front());
  }
}

// --- Time -----------------------------------------------------------------------------------

Time Naive::next_due() const {
  Time due = kNever;
  for (const auto& [until, fetch] : look_until_) due = std::min(due, until);
  for (const auto& [at, fetch] : look_again_) due = std::min(due, at);
  for (const auto& [id, call] : calls_) due = std::min(due, call.until);
  for (const Fetch& fetch : fetches_) {
    for (const Subscription& its : fetch.subscriptions)
      due = std::min(due, its.until.value_or(due));
  }
  return due;
}

void Naive::time_passed(Time now) {
  now_ = now;
  while (!look_until_.empty() && look_until_.front().first <= now) {
    Fetch* fetch = find(look_until_.front().second);
    look_until_.erase(look_until_.begin());
    if (fetch != nullptr && fetch->state == FetchState::looking) want(*fetch);
  }
  while (!look_again_.empty() && look_again_.front().first <= now) {
    Fetch* fetch = find(look_again_.front().second);
    look_again_.erase(look_again_.begin());
    if (fetch == nullptr) continue;
    if (fetch->state == FetchState::validating) {
      fetch->look_again = true;
    } else {
      waiting_.push_back({fetch->id, limits::kFirstRoom});
    }
  }
  send_look_ups();
  for (const Fetch& of_all : std::vector(fetches_)) {
    for (const Subscription& its : of_all.subscriptions) {
      if (its.until && *its.until <= now) {
        drop_and_end(*find(of_all.id), its.number, Terminal::expired);
      }
    }
  }
  for (const auto& [id, call] : std::map(calls_)) {
    if (call.until > now) continue;
    call.kind == Kind::status ? finish_status(id) : fail(id, Reason::unavailable);
  }
}

}  // namespace quarry::engine
