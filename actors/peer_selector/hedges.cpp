// The part of the core that asks a second peer beside a slow one (N3).
#include <algorithm>

#include "actors/peer_selector/core.hpp"

namespace quarry::peer_selector {

// A verifier or a pipe of ours that is full makes everybody look slow, and more requests slower.
bool Core::backed_up(Time now) const {
  return now < backed_up_until_ || validating_ > limits::kVerifyBacklog;
}

// It is slow, and so are all that were asked since: most likely their answers stand in one line,
// ours, and another would stand behind them.
bool Core::all_slow_since(const Request& request, Time now) {
  const Time half = request.sent + (now - request.sent) / 2;
  return requests_.all_wait_since(request, half, limits::kAskedSince) >= limits::kAllSlow;
}

void Core::hedge_due(Request& request, Time now) {
  requests_.moved(request, request.timeout_at);
  Fetch* fetch = find(request.fetch);
  if (fetch == nullptr || fetch->validating() || !hedging_.affordable() || backed_up(now)) return;
  if (fetch->out() >= (fetch->priority == Class::urgent ? limits::kMaxOut : limits::kMaxOut - 1)) {
    return;
  }
  if (all_slow_since(request, now)) return;
  const std::uint32_t room = room_for(*fetch);
  if (room == 0 || !room_.fits(room)) return;
  Why why = Why::preferred;
  const std::uint64_t bytes = expected_bytes(*fetch);
  Peer* peer = choose(*fetch, bytes, why, now);
  // One that is left alone would hardly be faster.
  if (peer == nullptr || peer->member->aside_until > now) return;
  hedging_.take();
  ++count_.hedged;
  ++peer->member->count.hedged;
  send(*fetch, *peer, room, bytes, Why::hedge, now).hedge = true;
}

// Its fetch has its value: whoever is still being asked has lost.
void Core::overtake(Fetch& fetch, Time now) {
  for (const RequestId id : fetch.progress->outs) {
    Request* request = requests_.find(id);
    if (request == nullptr) continue;
    request->overtaken = true;
    journal_.ended(id, AskResult::overtaken, now);
    if (request->hedge) hedging_.ended(false);
    was_overtaken(*request, now);
  }
}

// Charged with what it has taken so far, where that is worse than was thought, and with no more.
void Core::was_overtaken(Request& request, Time now) {
  if (request.peer->member) request.peer->member->score.overtaken(now - request.sent, now);
}

}  // namespace quarry::peer_selector
