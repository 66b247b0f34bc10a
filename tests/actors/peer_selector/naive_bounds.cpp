// The naive PeerSelector: what bounds asking, which is room for answers, the peers' pace, and how
// often a second one may be asked.
#include <algorithm>

#include "actors/peer_selector/limits.hpp"
#include "tests/actors/peer_selector/naive.hpp"

namespace quarry::peer_selector {

bool Naive::is_free(const Peer& peer, Time now) const {
  return is_candidate(peer, now) && peer.cool_until <= now && peer.token_at <= now;
}

// N3.
void Naive::hedged(const Fetch& fetch, Time now) {
  const std::uint64_t hedges = ++totals_["hedges_total"];
  const auto asked = static_cast<double>(totals_["requests_sent_total"] + 1 - hedges);
  if (static_cast<double>(hedges) > config_.hedge_burst + config_.hedge_budget * asked) {
    wrong("more are hedged than may be");
  }
  const std::size_t most = fetch.priority == Class::urgent ? 3 : 2;
  if (fetch.judging || fetch.out.size() >= most) wrong("one more is asked beside too many");
  if (now < backed_up_until_) wrong("one more is asked although we are slow ourselves");
  const auto is_slow = [&](RequestId id) {
    return accepted_[requests_.at(id).priority] >= 50 && !all_slow_since(id, now);
  };
  if (std::ranges::none_of(fetch.out, is_slow)) wrong("one more is asked beside none that is slow");
}

bool Naive::all_slow_since(RequestId id, Time now) const {
  const Time sent = requests_.at(id).sent;
  std::size_t looked_at = 0, slow = 0;
  for (auto later = ids_.upper_bound(id); later != ids_.end() && looked_at < 32; ++later) {
    ++looked_at;
    const auto at = requests_.find(*later);
    const bool waits = at != requests_.end() && (at->second.state == Request::State::out ||
                                                 at->second.state == Request::State::late);
    if (!waits) return false;
    slow += at->second.sent < sent + (now - sent) / 2;
  }
  return slow >= 2;
}

// N8.
Naive::Room Naive::room_left() const {
  Room left = room_;
  for (const auto& [id, request] : requests_) {
    if (request.state == Request::State::late) continue;
    left.slots -= 1;
    left.bytes -= request.state == Request::State::out ? request.room : request.size;
  }
  return left;
}

bool Naive::fits(std::uint64_t bytes) const {
  const Room left = room_left();
  return left.slots > 0 && left.bytes >= bytes;
}

// For twice the largest of the last that were right; what was named; or all there is.
std::uint64_t Naive::room_for(const Fetch& fetch) const {
  const std::size_t windows = sizes_.size() / limits::kRoomWindow;
  std::uint64_t room = windows == 0 ? limits::kFirstRoom : limits::kMinRoom;
  for (std::size_t i = windows == 0 ? 0 : (windows - 1) * limits::kRoomWindow; i < sizes_.size();
       ++i) {
    room = std::max(room, 2 * sizes_[i]);
  }
  room = std::max<std::uint64_t>(std::min<std::uint64_t>(room, max_value_), fetch.room);
  const Room left = room_left();
  return left.slots == room_.slots ? std::min(room, left.bytes) : room;
}

}  // namespace quarry::peer_selector
