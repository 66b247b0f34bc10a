#include "actors/engine/clients.hpp"

#include <algorithm>

#include "actors/engine/limits.hpp"

namespace quarry::engine {

Slot Clients::find(ClientId id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? kNone : at->second;
}

Slot Clients::add(ClientId id, Time now) {
  const Slot slot = slab_.take();
  slab_[slot].id = id;
  slab_[slot].probed = now;
  by_id_.emplace(id, slot);
  next_probe_ = std::min(next_probe_, now + limits::kProbeIdle);
  return slot;
}

void Clients::leave(Slot slot) {
  by_id_.erase(slab_[slot].id);
  slab_[slot].leaving = true;
  leaving_.push_back(slot);
}

std::optional<Slot> Clients::leaving() {
  while (!leaving_.empty()) {
    const Slot slot = leaving_.back();
    if (slab_[slot].first != kNone) return slot;
    slab_.give(slot);
    leaving_.pop_back();
  }
  return std::nullopt;
}

void Clients::became_busy(Time now) {
  next_probe_ = std::min(next_probe_, now + limits::kProbeBusy);
}

std::vector<ClientId> Clients::due(Time now) {
  std::vector<ClientId> due;
  if (now < next_probe_) return due;
  next_probe_ = kNever;
  for (Slot slot = 0; slot < slab_.end(); ++slot) {
    Client& client = slab_[slot];
    if (!client.id || client.leaving) continue;
    const bool busy = client.subscriptions > 0 || client.calls > 0;
    const Duration every = busy ? limits::kProbeBusy : limits::kProbeIdle;
    // Those that are nearly due go along: one walk serves all.
    if (client.probed + every / 2 <= now) {
      client.probed = now;
      due.push_back(client.id);
    }
    next_probe_ = std::min(next_probe_, now + every);
  }
  return due;
}

}  // namespace quarry::engine
