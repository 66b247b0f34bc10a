#include "actors/peer_selector/peers.hpp"

#include <algorithm>

#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {

Peers::Peers(PeerKey self, const Config& config, std::uint64_t salt)
    : self_(self),
      in_flight_cap_(config.in_flight_cap),
      requests_per_second_(config.requests_per_second),
      tuning_(config.tuning),
      by_key_(16, SaltedHash{salt}) {}

Peer* Peers::find(const PeerKey& key) {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : peers_[it->second].get();
}

Peer& Peers::intern(const PeerKey& key) {
  if (Peer* known = find(key)) return *known;
  std::uint32_t index = static_cast<std::uint32_t>(peers_.size());
  if (free_.empty()) {
    peers_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  peers_[index] = std::make_unique<Peer>();
  peers_[index]->key = key;
  peers_[index]->index = index;
  peers_[index]->serial = ++last_serial_;
  by_key_[key] = index;
  return *peers_[index];
}

Peer* Peers::at(std::uint32_t index) const {
  return index < peers_.size() ? peers_[index].get() : nullptr;
}

Peer* Peers::in_set(const PeerKey& key) {
  Peer* peer = find(key);
  return peer != nullptr && peer->member && peer->member->in_set ? peer : nullptr;
}

void Peers::release(Peer& peer) {
  if (peer.refs > 0 || peer.member || !peer.waiters.empty()) return;
  if (peer.heap_at != kNotInHeap) timers_.remove(peer);
  const std::uint32_t index = peer.index;
  by_key_.erase(PeerKey(peer.key));
  free_.push_back(index);
  peers_[index].reset();
}

bool Peers::enter(Peer& peer, const report::PeerEntry& entry) {
  if (peer.member && peer.member->in_set) {
    if (peer.member->entry == entry) return false;
    peer.member->entry = entry;
    return true;
  }
  if (!peer.member) {
    peer.member = std::make_unique<Member>(requests_per_second_, tuning_);
  } else {
    std::erase(left_, peer.index);
  }
  peer.member->entry = entry;
  peer.member->in_set = true;
  set_.push_back(&peer);
  return true;
}

void Peers::leave(Peer& peer) {
  peer.member->in_set = false;
  std::erase(set_, &peer);
  left_.push_back(peer.index);
}

void Peers::forget_oldest(Time now) {
  if (left_.size() <= limits::kMaxRemembered) return;
  // The oldest goes that leaves neither a request nor a block behind; else the oldest without a
  // request: requests end soon, blocks are the last thing to forget.
  const auto quiet = [&](std::uint32_t index) { return peers_[index]->member->out.empty(); };
  auto it = std::find_if(left_.begin(), left_.end(), [&](std::uint32_t index) {
    return quiet(index) && !peers_[index]->member->block.holds(now);
  });
  if (it == left_.end()) it = std::find_if(left_.begin(), left_.end(), quiet);
  if (it == left_.end()) return;
  Peer& oldest = *peers_[*it];
  left_.erase(it);
  forget(oldest);
}

void Peers::forget(Peer& peer) {
  QUARRY_CHECK(!peer.member->in_set && peer.member->candidate_at == kNotListed);
  if (peer.heap_at != kNotInHeap) timers_.remove(peer);
  peer.due = kNever;
  peer.member.reset();
  release(peer);
}

std::vector<const Peer*> Peers::left() const {
  std::vector<const Peer*> left;
  for (const std::uint32_t index : left_) left.push_back(peers_[index].get());
  return left;
}

std::unordered_map<std::uint64_t, PeerKey> Peers::keys_by_serial() const {
  std::unordered_map<std::uint64_t, PeerKey> keys;
  for (const auto& [key, index] : by_key_) keys.emplace(peers_[index]->serial, key);
  return keys;
}

bool Peers::askable(const Member& member) const {
  return member.in_set && member.entry.role != PeerRole::serve_only;
}

Peers::Change Peers::refresh(Peer& peer, Time now) {
  Member& member = *peer.member;
  const bool was_candidate = member.candidate_at != kNotListed;
  const bool was_available = member.available_at != kNotListed;
  const bool candidate =
      askable(member) && member.connection.connected() && !member.block.holds(now);
  const bool available =
      candidate && member.in_flight < in_flight_cap_ && free_at(member, now) <= now;
  list(candidates_, &Member::candidate_at, peer, candidate);
  list(available_, &Member::available_at, peer, available);
  if (candidate && !was_candidate) member.generation = ++generation_;
  return {candidate && !was_candidate, was_candidate && !candidate, available && !was_available};
}

Time Peers::free_at(Member& member, Time now) const {
  const Time token = member.pace.ready(now) ? now : member.pace.next();
  return std::max({now, token, member.cool_until});
}

void Peers::list(std::vector<Peer*>& list, std::uint32_t Member::*at, Peer& peer, bool in) {
  std::uint32_t& place = (*peer.member).*at;
  if (in == (place != kNotListed)) return;
  if (in) {
    place = static_cast<std::uint32_t>(list.size());
    list.push_back(&peer);
    return;
  }
  Peer* last = list.back();
  list[place] = last;
  (*last->member).*at = place;
  list.pop_back();
  place = kNotListed;
}

void Peers::retime(Peer& peer, Time due) {
  peer.due = due;
  if (peer.heap_at != kNotInHeap) {
    if (due == kNever) {
      timers_.remove(peer);
    } else {
      timers_.moved(peer);
    }
  } else if (due != kNever) {
    timers_.push(peer);
  }
}

void Peers::check_invariants(std::size_t refs, Time now) const {
  timers_.check_invariants();
  std::size_t in_set = 0, candidates = 0, available = 0, named = 0;
  for (const auto& peer : peers_) {
    if (!peer) continue;
    ++named;
    refs -= peer->refs;
    QUARRY_CHECK(peer->refs > 0 || peer->member || !peer->waiters.empty());
    if (!peer->member) continue;
    const Member& member = *peer->member;
    QUARRY_CHECK(!(peer->key == self_));
    QUARRY_CHECK(member.in_flight == member.out.size());
    QUARRY_CHECK(member.in_flight <= in_flight_cap_);
    in_set += member.in_set;
    if (member.candidate_at != kNotListed) {
      ++candidates;
      QUARRY_CHECK(candidates_[member.candidate_at] == peer.get());
      QUARRY_CHECK(askable(member) && member.connection.connected());
      QUARRY_CHECK(!member.block.holds(now));
    }
    if (member.available_at != kNotListed) {
      ++available;
      QUARRY_CHECK(available_[member.available_at] == peer.get());
      QUARRY_CHECK(member.candidate_at != kNotListed && member.in_flight < in_flight_cap_);
    }
  }
  QUARRY_CHECK(refs == 0);
  QUARRY_CHECK(in_set == set_.size() && candidates == candidates_.size());
  QUARRY_CHECK(available == available_.size() && named == by_key_.size());
}

std::string shown(const Peer& peer) {
  if (peer.member && !peer.member->entry.name.empty()) return peer.member->entry.name;
  return to_z85(peer.key).substr(0, 8);
}

}  // namespace quarry::peer_selector
