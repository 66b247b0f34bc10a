// The clients at the control door, and when each is to be probed: a door is never told that a
// client is gone, only a send that fails tells. Never ends a subscription.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/engine/slab.hpp"
#include "msg/time.hpp"

namespace quarry::engine {

struct Client {
  ClientId id;  // 0: not in use
  Slot chain = kNone;
  Slot first = kNone;  // its subscriptions
  std::uint32_t subscriptions = 0;
  std::uint32_t calls = 0;  // whose answer is outstanding
  bool leaving = false;     // gone; its subscriptions are being ended
  Time probed{};
};

class Clients {
 public:
  // kNone: not known, or gone.
  Slot find(ClientId id) const;
  Slot add(ClientId id, Time now);
  // It is not found any more; its slot stays until its last subscription is ended.
  void leave(Slot slot);
  // One that has left and whose subscriptions are to be ended. Those without any are let go of.
  std::optional<Slot> leaving();
  bool any_leaving() const { return !leaving_.empty(); }
  // It has something outstanding from now on.
  void became_busy(Time now);
  // Clients to be probed now.
  std::vector<ClientId> due(Time now);
  Time next_probe() const { return next_probe_; }

  Client& operator[](Slot slot) { return slab_[slot]; }
  const Client& operator[](Slot slot) const { return slab_[slot]; }
  Slot end() const { return slab_.end(); }
  // Those that have not left.
  std::uint32_t size() const { return static_cast<std::uint32_t>(by_id_.size()); }
  // Those too that are leaving: what the table holds.
  std::uint32_t held() const { return slab_.used(); }

 private:
  Slab<Client> slab_;
  std::unordered_map<ClientId, Slot> by_id_;
  std::vector<Slot> leaving_;
  Time next_probe_ = kNever;
};

}  // namespace quarry::engine
