#include "tests/actors/peer_selector/twins.hpp"

#include <algorithm>

namespace quarry::peer_selector {

PeerKey Twins::peer_key(std::uint64_t number) {
  PeerKey key;
  key.bytes[0] = std::byte(number);
  key.bytes[31] = std::byte{1};
  return key;
}

Key Twins::key_of(FetchId id) {
  std::string text(32, 'k');
  std::memcpy(text.data(), &id.value, sizeof id.value);
  return Key(text);
}

report::PeerEntry Twins::entry(const PeerKey& key, PeerRole role) {
  const std::string number = std::to_string(std::to_integer<int>(key.bytes[0]));
  return {key, "tcp://host" + number + ":7000", role, "peer" + number};
}

Twins::Twins(test::Choices& choices, std::uint64_t seed, Setting setting)
    : choices_(choices),
      setting_(setting),
      core_(config(setting), {Network{}, peer_key(0), Instance{1}, "quarry/test"}, seed, now_),
      naive_(config(setting), peer_key(0), Network{}.max_value) {
  core_.engine_attached(now_);
  core_.room_granted(room());
  naive_.engine_attached(room());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    tell(
        "add",
        [&] {
          core_.peer_added({{}, entry(peer_key(i), PeerRole::primary)}, now_);
        },
        [&] { naive_.peer_added(entry(peer_key(i), PeerRole::primary)); });
    living_.insert(peer_key(i));
    answer_pings();
  }
  if (is(setting, Setting::hedged)) warm_up();
}

Config Twins::config(Setting setting) {
  Config config;
  config.hedge_budget = is(setting, Setting::hedged) ? 0.5 : 0;
  // A token each 250.5 ms: never at a whole millisecond.
  if (is(setting, Setting::paced)) config.requests_per_second = 1000 / 250.5;
  const bool remember = setting == Setting::plain || setting == Setting::held_up;
  if (!remember) config.remember = {};
  return config;
}

link::Room Twins::room() const {
  if (is(setting_, Setting::crowded)) return {4, 300'000};
  return {1'000'000, std::uint64_t{1} << 40};
}

// What a class's answers take is known after fifty.
void Twins::warm_up() {
  for (int i = 0; i < 50 && !over(); ++i) {
    const link::Want want{FetchId{++last_fetch_}, key_of(FetchId{last_fetch_}), Class::normal, {}};
    tell(
        "want", [&] { core_.wanted(want, now_); }, [&] { naive_.wanted(want); });
    pass(std::chrono::milliseconds(10));
    if (asked_.empty()) return;
    answer(asked_.back(), 100);
    if (judging_.empty()) return;
    judge(judging_.back(), Outcome::complete, false);
    judging_.clear();
    asked_.clear();
  }
}

// --- A turn, and what is said in it --------------------------------------------------------------

void Twins::turn() {
  if (over()) return;
  naive_.turn_begins(now_);
  core_.dispatch(now_);
  note(core_.take_effects());
  naive_.turn_over(left_queued(), now_);
  core_.check_invariants();
  compare();
}

void Twins::look_who_is_left_alone() {
  core_.peers_listed({CallId{1}}, now_);
  for (const Effect& effect : core_.take_effects()) {
    const auto* to = std::get_if<ToEngine>(&effect);
    const auto* info = to == nullptr ? nullptr : std::get_if<report::PeerInfo>(&to->item);
    if (info == nullptr) continue;
    naive_.left_alone(info->peer.peer, std::chrono::milliseconds(info->left_alone_ms), now_);
  }
}

void Twins::note(std::vector<Effect> effects) {
  for (const Effect& effect : effects) {
    std::visit([&](const auto& it) { on(it); }, effect);
  }
}

void Twins::on(const Open& open) {
  if (!open_.emplace(open.peer, open.key).second) differ("an index is given twice");
  naive_.opened(open.key, now_);
}

void Twins::on(const Close& close) {
  if (!open_.contains(close.peer)) return differ("what is not open is closed");
  naive_.closed(open_.at(close.peer));
  open_.erase(close.peer);
  pings_.erase(close.peer);
}

void Twins::on(const ToPeer& to) {
  if (!open_.contains(to.peer)) return differ("something is said to nobody");
  const PeerKey& key = open_.at(to.peer);
  if (const auto* ask = std::get_if<peer::Ask>(&to.item)) {
    naive_.asked(key, *ask, now_);
    asked_.push_back({to.peer, key, ask->request});
    if (asked_.size() > 40) asked_.erase(asked_.begin());
  } else if (const auto* ping = std::get_if<peer::Ping>(&to.item)) {
    naive_.pinged(key, ping->nonce, now_);
    pings_[to.peer] = ping->nonce;
  } else if (const auto* forget = std::get_if<peer::Forget>(&to.item)) {
    naive_.told_to_forget(key, forget->key);
  }
}

void Twins::on(const ToEngine& to) {
  const auto* answer = std::get_if<link::Answer>(&to.item);
  if (answer == nullptr) return;
  naive_.answered(*answer);
  judging_.push_back(*answer);
}

void Twins::on(const ToProducer& to) {
  if (const auto* it = std::get_if<link::Admission>(&to.item)) naive_.admitted(*it);
}

// Those that say that their turn, or somebody to ask, or room is yet to come. Where nobody can be
// asked at all they say just that, and none has had its turn.
std::set<FetchId> Twins::left_queued() {
  const std::vector<FetchId> queued = naive_.queued();
  if (!naive_.anybody_to_ask()) return {queued.begin(), queued.end()};
  std::set<FetchId> left;
  core_.described({CallId{1}, queued}, now_);
  for (const Effect& effect : core_.take_effects()) {
    const auto* to = std::get_if<ToEngine>(&effect);
    const auto* waits = to == nullptr ? nullptr : std::get_if<link::Waits>(&to->item);
    if (waits == nullptr) continue;
    const bool its_turn = waits->waits_for == WaitsFor::retry && waits->next_ms == 0;
    const bool is_left =
        its_turn || waits->waits_for == WaitsFor::rate || waits->waits_for == WaitsFor::room;
    if (is_left) left.insert(waits->fetch);
  }
  return left;
}

// And of these fetches, when their waits will be over.
std::map<std::string, std::uint64_t> Twins::counters(const std::vector<FetchId>& describe) {
  std::map<std::string, std::uint64_t> counters;
  core_.described({CallId{1}, describe}, now_);
  std::size_t described = 0;
  for (const Effect& effect : core_.take_effects()) {
    const auto* to = std::get_if<ToEngine>(&effect);
    if (to == nullptr) continue;
    if (const auto* counter = std::get_if<report::Counter>(&to->item)) {
      counters[counter->name] = counter->value;
    } else if (const auto* waits = std::get_if<link::Waits>(&to->item)) {
      ++described;
      const bool waits_for_time =
          waits->waits_for == WaitsFor::retry || waits->waits_for == WaitsFor::have;
      if (!waits_for_time || waits->next_ms == 0) {
        differ("a fetch does not wait for its time, and should");
      }
      naive_.rests(waits->fetch, waits->waits_for, std::chrono::milliseconds(waits->next_ms), now_);
    }
  }
  if (described != describe.size()) differ("a fetch is not there");
  return counters;
}

void Twins::compare() {
  if (!naive_.wrong().empty()) return differ(naive_.wrong());
  std::map<std::string, std::uint64_t> counted = counters(naive_.resting_anew());
  counted["fetches_queued"] = counted["fetches_fresh"] + counted["fetches_due"];
  for (const auto& [name, value] : naive_.counters(counted["room_slots"], now_)) {
    if (naive_.unsure() || counted.contains(name) == false || counted[name] == value) continue;
    differ(name + " is " + std::to_string(counted[name]) + ", and should be " +
           std::to_string(value));
  }
  if (!naive_.wrong().empty()) differ(naive_.wrong());
  if (core_.next_deadline() <= now_) differ("something is due again at once");
}

void Twins::differ(const std::string& what) {
  if (wrong_.empty() && !naive_.unsure()) wrong_ = what_ + ": " + what;
}

// Those that live answer pings at once.
void Twins::answer_pings() {
  for (int turns = 0; turns < 20 && !over(); ++turns) {
    const auto next = std::ranges::find_if(
        pings_, [&](const auto& ping) { return living_.contains(open_.at(ping.first)); });
    if (next == pings_.end()) return;
    const PeerIndex index = next->first;
    const std::uint64_t nonce = next->second;
    const PeerKey key = open_.at(index);
    pings_.erase(next);
    const Instance instance{100 + instances_[key]};
    tell(
        "pong",
        [&] {
          core_.pong_received(index, {nonce, instance}, now_);
        },
        [&] { naive_.pong_received(key, nonce, instance); });
  }
}

}  // namespace quarry::peer_selector
