// The part of the core that relies on peers which remember what they were asked for (N15): while
// all do, a fetch waits for one of them to have it, and nobody is asked.
#include <algorithm>

#include "actors/peer_selector/core.hpp"

namespace quarry::peer_selector {
namespace {

using std::chrono::seconds;

std::uint32_t in_seconds(Time time) {
  return static_cast<std::uint32_t>(std::chrono::floor<seconds>(time.time_since_epoch()).count());
}

}  // namespace

Duration Core::remember(const Fetch& fetch) const {
  return std::min(Duration(config_.remember * (1LL << fetch.rounds)), config_.remember_cap);
}

Time Core::told_until(const Fetch& fetch) const {
  return Time(seconds(std::int64_t{fetch.told_until}));
}

bool Core::all_remember(const Fetch& fetch) const {
  return fetch.told > 0 && (!fetch.progress || fetch.progress->untold.empty());
}

// Requires mark_tried().
bool Core::told(const Fetch& fetch, const Peer& peer) const {
  const std::uint32_t generation = peer.member->generation;  // 0: never connected
  return generation > 0 && generation <= fetch.told && peer.untold != mark_;
}

// Requires mark_tried().
bool Core::can_wait(const Fetch& fetch, const Peer& peer, Time now) const {
  return fetch.told > 0 && peer.member->aside_until > now;
}

void Core::was_remembered(Fetch& fetch, const Peer& peer, Duration remembered, Time now) {
  ++count_.remembered;
  if (!fetch.standing) fetch.standing = standing_.try_emplace(hash_(fetch.key), &fetch).second;
  if (!fetch.standing) return;  // another key of the same hash: this one goes without
  Progress& progress = *fetch.progress;
  const std::uint32_t generation = peer.member->generation;
  for (Progress::Tried& tried : progress.tried) {
    if (tried.peer == peer.index && tried.generation == generation) tried.remembers = true;
  }
  // It was late, and the round is over.
  if (generation <= fetch.told) std::erase(progress.untold, peer.index);
  const Duration half = std::min(remembered, remember(fetch)) / 2;
  fetch.told_until = std::min(fetch.told_until, in_seconds(now + half));
}

// A round is over: who remembers, and who of those that could be asked does not.
void Core::note_told(Fetch& fetch) {
  const bool some_remember =
      fetch.progress && std::ranges::any_of(fetch.progress->tried, &Progress::Tried::remembers);
  if (fetch.told == 0 && !some_remember) {
    fetch.told_until = UINT32_MAX;
    return;
  }
  Progress& progress = fetch.more();
  ++mark_;
  for (const Progress::Tried& tried : progress.tried) {
    Peer* peer = peers_.at(tried.peer);
    const bool is_it = peer != nullptr && peer->member &&
                       peer->member->generation == tried.generation && tried.remembers;
    if (is_it) peer->mark = mark_;
  }
  for (const std::uint32_t index : progress.untold) {
    if (Peer* peer = peers_.at(index)) peer->untold = mark_;
  }
  progress.untold.clear();
  for (const Peer* peer : fetch.restricted ? progress.targets : peers_.candidates()) {
    if (!peer->member || peer->member->candidate_at == kNotListed) continue;
    if (peer->mark != mark_ && !told(fetch, *peer)) progress.untold.push_back(peer->index);
  }
  if (progress.untold.empty()) progress.untold = {};
  fetch.told = peers_.generation();
}

// It may be asked for elsewhere now than `but` there, where it may have been asked before.
void Core::not_told_of(Fetch& fetch, const std::vector<Progress::Tried>& but) {
  if (fetch.told == 0) return;
  Progress& progress = fetch.more();
  for (const Peer* peer : fetch.restricted ? progress.targets : peers_.candidates()) {
    const auto is_it = [&](const Progress::Tried& asked) { return asked.peer == peer->index; };
    if (std::ranges::any_of(but, is_it) || std::ranges::count(progress.untold, peer->index) > 0) {
      continue;
    }
    progress.untold.push_back(peer->index);
  }
}

// They may have forgotten soon: all are asked again.
void Core::forget_told_if_over(Fetch& fetch, Time now) {
  if (fetch.told == 0 || now < told_until(fetch)) return;
  fetch.told = 0;
  fetch.told_until = UINT32_MAX;
  if (fetch.progress) fetch.progress->untold = {};
}

// It is over: whoever remembers it may forget it. One that is not connected forgets by itself.
void Core::need_not_be_remembered(const Fetch& fetch) {
  if (!fetch.standing) return;
  mark_tried(fetch, now_);
  for (const Peer* peer : fetch.restricted ? fetch.progress->targets : peers_.candidates()) {
    if (!peer->member || peer->member->candidate_at == kNotListed) continue;
    if (told(fetch, *peer) || remembers(fetch, *peer)) tell(*peer, peer::Forget{fetch.key});
  }
}

// It has said so in this round.
bool Core::remembers(const Fetch& fetch, const Peer& peer) const {
  return fetch.progress && std::ranges::any_of(fetch.progress->tried, [&](const auto& tried) {
           return tried.remembers && tried.peer == peer.index &&
                  tried.generation == peer.member->generation;
         });
}

void Core::no_longer_standing(Fetch& fetch) {
  if (fetch.standing) standing_.erase(hash_(fetch.key));
  fetch.standing = false;
}

void Core::have_received(PeerIndex index, const Key& key, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  Member& member = *peer->member;
  member.connection.heard();
  ++count_.haves;
  const auto found = standing_.find(hash_(key));
  Fetch* fetch = found == standing_.end() || found->second->key != key ? nullptr : found->second;
  const bool may_be_asked =
      fetch != nullptr && member.candidate_at != kNotListed &&
      (!fetch->restricted || std::ranges::count(fetch->progress->targets, peer) > 0);
  // Who often says so and has not is not believed for a while.
  if (!may_be_asked || !member.untrue.ready(now)) return void(++count_.haves_unwanted);
  go_on_with_who_has_it(*fetch, *peer, now);
}

// As if it had restarted.
void Core::forgotten_received(PeerIndex index, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  peer->member->connection.heard();
  ++count_.forgotten;
  peers_.begin_anew(*peer->member);
}

// It is asked next: by the dispatch of this turn, also beside another that is asked already.
void Core::go_on_with_who_has_it(Fetch& fetch, Peer& peer, Time now) {
  Progress& progress = fetch.more();
  untry(fetch, peer);
  if (peer.member->generation <= fetch.told &&
      std::ranges::count(progress.untold, peer.index) == 0) {
    progress.untold.push_back(peer.index);
  }
  progress.prefer = peer.index;
  progress.has_it = true;
  if (fetch.place == Place::parked) {
    unpark(fetch);
    queues_.again(fetch, now);
  } else if (fetch.place == Place::back_off) {
    queues_.remove(fetch);
    fetch.hastened = false;
    queues_.again(fetch, now);
  } else if (fetch.place == Place::nowhere) {
    somebody_has_.push_back(fetch.id);
  }
}

}  // namespace quarry::peer_selector
