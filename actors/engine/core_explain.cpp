// The Engine's core: what a client is told of the asks about a key (N11).
#include "actors/engine/core.hpp"

namespace quarry::engine {

// Of a fetch that the selector pursues it says what it waits for; of others the Engine does.
void Core::explain_asked(ClientId client, const report::Explain& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  if (life_ == 0) {
    return tell(client,
                report::Failed{ask.call, Reason::unavailable, "the peer selector is not attached"});
  }
  const CallId id = open_call(Call::Kind::peers, client, ask.call, limits::kPeersWithin);
  link::Explain explain{id, {}, ask.key};
  if (const Slot slot = fetches_.find(ask.key); slot != kNone) {
    const Fetch& fetch = fetches_[slot];
    if (fetch.state == FetchState::pending && told(fetch)) {
      explain.fetch = fetch.id;
    } else {
      describe(*calls_.find(id), slot, {});
    }
  }
  effects_.push_back(ToSelector{std::move(explain)});
}

}  // namespace quarry::engine
