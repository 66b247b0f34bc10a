// The naive PeerSelector: who remembers what it was asked for, and who has it now (N15).
#include <algorithm>

#include "tests/actors/peer_selector/naive.hpp"

namespace quarry::peer_selector {

using namespace std::chrono_literals;

Duration Naive::remember(const Fetch& fetch) const {
  Duration remember = std::min(config_.remember, config_.remember_cap);
  for (int i = 0; i < fetch.rounds; ++i) remember = std::min(2 * remember, config_.remember_cap);
  return remember;
}

bool Naive::told(const Fetch& fetch, const PeerKey& key) const {
  const auto at = fetch.remembering.find(key);
  return fetch.told > 0 && at != fetch.remembering.end() && at->second == peers_.at(key).generation;
}

// Who is left alone is not asked where others remember.
bool Naive::can_wait(const Fetch& fetch, const PeerKey& key, Time now) {
  const Peer& peer = peers_[key];
  if (fetch.told > 0 && peer.perhaps_aside) unsure_ = true;
  return fetch.told > 0 && peer.aside_until > now;
}

// Those that could be asked and do not remember.
std::vector<PeerKey> Naive::untold(const Fetch& fetch) const {
  std::vector<PeerKey> untold;
  for (const auto& [key, peer] : peers_) {
    const bool meant = !fetch.restricted || std::ranges::count(fetch.targets, key) > 0;
    if (meant && peer.candidate && !told(fetch, key)) untold.push_back(key);
  }
  return untold;
}

void Naive::was_remembered(Fetch& fetch, const PeerKey& key, Duration remembered, Time now) {
  ++totals_["requests_remembered_total"];
  fetch.standing = true;
  const std::uint32_t generation = peers_[key].generation;
  const auto tried = fetch.tried.find(key);
  if (tried != fetch.tried.end() && tried->second == generation) fetch.remember[key] = generation;
  if (generation <= fetch.told) fetch.remembering[key] = generation;
  const Time half = now + std::min(remembered, remember(fetch)) / 2;
  fetch.told_until =
      std::min(fetch.told_until, Time(std::chrono::floor<std::chrono::seconds>(half)));
}

// A round is over.
void Naive::note_told(Fetch& fetch) {
  if (fetch.told == 0 && fetch.remember.empty()) return void(fetch.told_until = kNever);
  for (const auto& [key, generation] : fetch.remember) fetch.remembering[key] = generation;
  fetch.told = generation_;
}

void Naive::forget_told_if_over(Fetch& fetch, Time now) {
  if (fetch.told == 0 || now < fetch.told_until) return;
  fetch.told = 0;
  fetch.told_until = kNever;
  fetch.remembering.clear();
}

// Who remembers a fetch that is over, and is there, is told.
void Naive::need_not_be_remembered(const Fetch& fetch, Time now) {
  for (const auto& [key, peer] : peers_) {
    const auto at = fetch.remember.find(key);
    const bool in_round = at != fetch.remember.end() && at->second == peer.generation;
    const bool meant = !fetch.restricted || std::ranges::count(fetch.targets, key) > 0;
    const bool there = peer.candidate && is_candidate(peer, now);
    if (meant && there && (in_round || told(fetch, key))) to_forget_.emplace(key, fetch.key);
  }
}

void Naive::told_to_forget(const PeerKey& peer, const Key& key) {
  if (to_forget_.erase({peer, key}) == 0) wrong("who need not forget anything is told to");
}

// It is asked next, and first in the turn that comes, beside another, too.
void Naive::have_received(const PeerKey& key, const Key& what, Time now) {
  Peer& peer = peers_[key];
  peer.quiet_since.reset();
  ++totals_["haves_heard_total"];
  Fetch* fetch = find(what);
  const bool may_be_asked = fetch != nullptr && fetch->standing && peer.candidate &&
                            (!fetch->restricted || std::ranges::count(fetch->targets, key) > 0);
  if (!may_be_asked || !peer.untrue.ready(now)) return void(++totals_["haves_unwanted_total"]);
  untry(*fetch, key);
  fetch->remembering.erase(key);
  fetch->prefer = key;
  fetch->has_it = true;
  if (fetch->place == Place::parked || fetch->place == Place::resting) {
    if (fetch->place == Place::resting) fetch->hastened = false;
    fetch->place = Place::queued;
  }
  fetch->at_once = true;
}

bool Naive::is_due_at_once(const Fetch& fetch, Time now) const {
  const bool is_active = fetch.place == Place::busy && !fetch.judging;
  if (!is_active || !fetch.at_once || !fetch.prefer || !fetch.has_it) return false;
  const bool is_asked = std::ranges::any_of(
      fetch.out, [&](RequestId id) { return requests_.at(id).peer == *fetch.prefer; });
  return !is_asked && fetch.out.size() < limits::kMaxOut &&
         is_permitted(fetch, *fetch.prefer, now) &&
         fits(std::max<std::uint64_t>(room_for(fetch), 1));
}

// Others are asked now, or the turn is over.
void Naive::nobody_is_due_at_once(Time now) {
  for (auto& [id, fetch] : fetches_) {
    if (is_due_at_once(fetch, now)) wrong("it is not asked first who has what is being asked for");
    fetch.at_once = false;
  }
}

void Naive::forgotten_received(const PeerKey& key) {
  peers_[key].quiet_since.reset();
  ++totals_["forgotten_total"];
  begin_anew(peers_[key]);
}

void Naive::left_alone(const PeerKey& key, Duration left, Time now) {
  Peer& peer = peers_[key];
  const bool cools = peer.cool_until > now;
  const bool aside = now + left > std::max(peer.cool_until, now);
  peer.aside_until = aside ? now + left : Time::min();
  peer.perhaps_aside = cools && !aside && peer.failed;
}

}  // namespace quarry::peer_selector
