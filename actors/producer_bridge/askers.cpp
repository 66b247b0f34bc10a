#include "actors/producer_bridge/askers.hpp"

#include <algorithm>

namespace quarry::producer_bridge {
namespace {

std::string explain(Reason reason) {
  switch (reason) {
    case Reason::blocked:
      return "this node has blocked you";
    case Reason::full:
      return "at most " + std::to_string(kPeerConnections) + " connections of one peer";
    default:
      return "not in this node's peer set";
  }
}

}  // namespace

void Askers::selector_attached() {
  for (auto& [key, peer] : peers_) {
    if (peer.served()) effects_.push_back(Expel{key});
    begin_new_life(key, peer);
  }
  peers_.clear();
  turns_.clear();
}

void Askers::admission_received(const link::Admission& admission) {
  auto at = peers_.find(admission.peer);
  const bool gone = !admission.admitted && !admission.blocked;
  if (at == peers_.end()) {
    if (gone || peers_.size() >= kMaxPeers) return;
    at = peers_.try_emplace(admission.peer).first;
    at->second.life = ++lives_;
  }
  Peer& peer = at->second;
  const bool served = peer.served();
  peer.admitted = admission.admitted;
  peer.blocked = admission.blocked;
  if (!served && peer.served()) effects_.push_back(Admit{admission.peer});
  if (served && !peer.served()) {
    effects_.push_back(Expel{admission.peer});
    std::vector<Connection> told = peer.connections;
    begin_new_life(admission.peer, peer);
    for (const Connection& connection : told) {
      refuse(connection.route, peer.blocked ? Reason::blocked : Reason::not_admitted);
    }
  }
  if (gone) peers_.erase(at);
}

void Askers::begin_new_life(const PeerKey& key, Peer& peer) {
  remembered_.forget(key);
  for (const Connection& connection : peer.connections) {
    effects_.push_back(DropReplies{connection.route});
    routes_.erase(connection.route);
  }
  peer.connections.clear();
  waiting_ -= peer.asks.size();
  in_progress_ -= peer.in_progress;
  totals_.dropped += peer.asks.size() + peer.in_progress;
  peer.asks.clear();
  peer.in_progress = 0;
  peer.reserved = 0;
  peer.life = ++lives_;
}

Askers::Standing Askers::heard(const std::optional<PeerKey>& key, const Route& route, Time now) {
  if (!key) {
    ++totals_.refused;
    return Standing::shut_down;
  }
  Peer* peer = find(*key);
  if (peer == nullptr || !peer->served()) {
    const bool blocked = peer != nullptr && peer->blocked;
    return refuse(route, blocked ? Reason::blocked : Reason::not_admitted);
  }
  for (Connection& connection : peer->connections) {
    if (connection.route == route) {
      connection.heard = now;
      return Standing::served;
    }
  }
  if (!make_room(*peer, now)) return refuse(route, Reason::full);
  // A connection is a peer's for as long as it lives: CURVE proved it when it was made.
  if (!routes_.emplace(route, *key).second) return Standing::shut_down;
  peer->connections.push_back({route, now});
  return Standing::served;
}

Askers::Standing Askers::refuse(const Route& route, Reason reason) {
  ++totals_.refused;
  if (!refused_.insert(route).second) return Standing::shut_down;
  refused_order_.push_back(route);
  if (refused_order_.size() > kRefusedConnections) {
    refused_.erase(refused_order_.front());
    refused_order_.pop_front();
  }
  effects_.push_back(ToPeer<peer::Refused>{route, {RequestId{}, reason, explain(reason)}});
  return Standing::refused;
}

bool Askers::make_room(Peer& peer, Time now) {
  if (peer.connections.size() < kPeerConnections) return true;
  const auto oldest =
      std::min_element(peer.connections.begin(), peer.connections.end(),
                       [](const Connection& a, const Connection& b) { return a.heard < b.heard; });
  if (now - oldest->heard < kConnectionIdle) return false;
  effects_.push_back(DropReplies{oldest->route});
  routes_.erase(oldest->route);
  peer.connections.erase(oldest);
  return true;
}

void Askers::asked(const PeerKey& key, const Route& route, const peer::Ask& ask, Time until,
                   Time now) {
  Peer* peer = find(key);
  QUARRY_CHECK(peer != nullptr && peer->served());
  ++totals_.asks;
  if (peer->asks.size() + peer->in_progress >= kPeerAsks || waiting_ + in_progress_ >= kAllAsks) {
    ++totals_.overloaded;
    effects_.push_back(ToPeer<peer::Overloaded>{route, {ask.request, kRetryAfterMs}});
    return;
  }
  const std::uint32_t room = std::min(ask.room, network_.max_value);
  peer->asks.push_back(
      {key, peer->life, route, ask.request, ask.key, room, 0, until, now, ask.remember_ms});
  ++waiting_;
  take_turn(key, *peer);
}

void Askers::connection_gone(const Route& route) {
  const auto at = routes_.find(route);
  if (at == routes_.end()) return;
  Peer* peer = find(at->second);
  QUARRY_CHECK(peer != nullptr);
  std::erase_if(peer->connections,
                [&](const Connection& connection) { return connection.route == route; });
  take_turn(at->second, *peer);
  routes_.erase(at);
}

void Askers::replies_waiting(const Route& route, std::uint64_t bytes) {
  const auto at = routes_.find(route);
  if (at == routes_.end()) return;
  Peer* peer = find(at->second);
  QUARRY_CHECK(peer != nullptr);
  for (Connection& connection : peer->connections) {
    if (connection.route == route) connection.waiting = bytes;
  }
  take_turn(at->second, *peer);
}

std::optional<Ask> Askers::next(Time now) {
  while (!turns_.empty()) {
    const PeerKey key = turns_.front();
    turns_.pop_front();
    Peer* peer = find(key);
    if (peer == nullptr) continue;
    peer->in_turns = false;
    if (peer->asks.empty() || !open(*peer)) continue;
    Ask ask = std::move(peer->asks.front());
    peer->asks.pop_front();
    --waiting_;
    const bool late = ask.until <= now;
    if (!late) {
      ask.reserved = std::min<std::uint64_t>(ask.room, peer->typical);
      peer->reserved += ask.reserved;
      ++peer->in_progress;
      ++in_progress_;
    }
    take_turn(key, *peer);
    if (!late) return ask;
    ++totals_.overloaded;
    effects_.push_back(ToPeer<peer::Overloaded>{ask.route, {ask.request, kRetryAfterMs}});
  }
  return std::nullopt;
}

void Askers::found(const Ask& ask, const Payload& value, Time now) {
  if (value.size() > ask.room) return too_large(ask, value.size(), now);
  Connection* connection = answered(ask, now);
  if (connection == nullptr) return;
  ++totals_.found;
  totals_.bytes += value.size();
  connection->waiting += value.size();
  effects_.push_back(ToPeer<peer::Value>{ask.route, {ask.request, value}});
  // Rises at once and falls slowly.
  Peer* peer = find(ask.peer);
  peer->typical =
      std::max({std::uint64_t{value.size()}, peer->typical - peer->typical / 8, kLeastReply});
}

void Askers::no_data(const Ask& ask, bool sure, Time now) {
  if (answered(ask, now) == nullptr) return;
  ++totals_.no_data;
  const Duration wished = std::chrono::milliseconds(sure ? ask.remember_ms : 0);
  const Duration granted = remembered_.remember(ask.peer, ask.key, wished, now);
  if (granted > Duration::zero()) {
    ++totals_.remembered;
  } else if (wished > Duration::zero()) {
    ++totals_.not_remembered;
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(granted).count();
  effects_.push_back(
      ToPeer<peer::NoData>{ask.route, {ask.request, static_cast<std::uint32_t>(ms)}});
}

void Askers::appeared(const Key& key, Time now) {
  for (const PeerKey& asker : remembered_.take(key, now)) {
    const Route* route = last_route_of(asker);
    if (route == nullptr) continue;
    ++totals_.told;
    effects_.push_back(ToPeer<peer::Have>{*route, {key}});
  }
}

void Askers::forget_all() {
  for (const PeerKey& asker : remembered_.clear()) {
    if (const Route* route = last_route_of(asker)) {
      effects_.push_back(ToPeer<peer::Forgotten>{*route, {}});
    }
  }
}

const Route* Askers::last_route_of(const PeerKey& asker) {
  const Peer* peer = find(asker);
  // One that is away asks again when it is back: then it cannot know what it has missed.
  if (peer == nullptr || peer->connections.empty()) return nullptr;
  const auto last =
      std::max_element(peer->connections.begin(), peer->connections.end(),
                       [](const Connection& a, const Connection& b) { return a.heard < b.heard; });
  return &last->route;
}

void Askers::too_large(const Ask& ask, std::uint64_t size, Time now) {
  if (answered(ask, now) == nullptr) return;
  ++totals_.too_large;
  effects_.push_back(ToPeer<peer::TooLarge>{ask.route, {ask.request, size}});
}

Askers::Connection* Askers::answered(const Ask& ask, Time now) {
  Peer* peer = find(ask.peer);
  if (peer == nullptr || peer->life != ask.life) return nullptr;
  --peer->in_progress;
  --in_progress_;
  peer->reserved -= ask.reserved;
  take_turn(ask.peer, *peer);
  for (Connection& connection : peer->connections) {
    if (connection.route != ask.route) continue;
    times_.add(now - ask.came);
    return &connection;
  }
  ++totals_.dropped;
  return nullptr;
}

Askers::Peer* Askers::find(const PeerKey& key) {
  const auto at = peers_.find(key);
  return at == peers_.end() ? nullptr : &at->second;
}

bool Askers::open(const Peer& peer) const {
  std::uint64_t bytes = peer.reserved;
  for (const Connection& connection : peer.connections) bytes += connection.waiting;
  return bytes < kReplyWindow;
}

void Askers::take_turn(const PeerKey& key, Peer& peer) {
  if (peer.in_turns || peer.asks.empty() || !open(peer)) return;
  peer.in_turns = true;
  turns_.push_back(key);
}

std::size_t Askers::admitted() const {
  return static_cast<std::size_t>(std::count_if(
      peers_.begin(), peers_.end(), [](const auto& entry) { return entry.second.admitted; }));
}

void Askers::check_invariants() const {
  remembered_.check_invariants();
  std::size_t connections = 0;
  std::size_t waiting = 0;
  std::size_t in_progress = 0;
  for (const auto& [key, peer] : peers_) {
    QUARRY_CHECK(peer.admitted || peer.blocked);
    QUARRY_CHECK(peer.served() || (peer.connections.empty() && peer.asks.empty()));
    QUARRY_CHECK(peer.served() || (peer.in_progress == 0 && peer.reserved == 0));
    QUARRY_CHECK(peer.connections.size() <= kPeerConnections);
    QUARRY_CHECK(peer.asks.size() + peer.in_progress <= kPeerAsks);
    QUARRY_CHECK(peer.in_progress > 0 || peer.reserved == 0);
    // Whoever may go on has a turn.
    QUARRY_CHECK(peer.in_turns || peer.asks.empty() || !open(peer));
    for (const Connection& connection : peer.connections) {
      const auto route = routes_.find(connection.route);
      QUARRY_CHECK(route != routes_.end() && route->second == key);
    }
    connections += peer.connections.size();
    waiting += peer.asks.size();
    in_progress += peer.in_progress;
  }
  QUARRY_CHECK(connections == routes_.size());
  QUARRY_CHECK(waiting == waiting_ && in_progress == in_progress_);
  QUARRY_CHECK(waiting + in_progress <= kAllAsks);
  QUARRY_CHECK(refused_.size() == refused_order_.size());
  QUARRY_CHECK(refused_.size() <= kRefusedConnections);
  QUARRY_CHECK(peers_.size() <= kMaxPeers);
}

}  // namespace quarry::producer_bridge
