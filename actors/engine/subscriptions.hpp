// The subscriptions: who (a client with a tag) waits for which fetch. Found by that triple, listed
// by fetch in the order they joined, and by client. Never tells anybody anything.
#pragma once

#include "actors/engine/clients.hpp"
#include "actors/engine/fetches.hpp"

namespace quarry::engine {

inline constexpr std::uint16_t kNotDelivered = UINT16_MAX;

struct Subscription {
  Tag tag;
  std::uint64_t serial = 0;  // 0: not in use
  Slot chain = kNone;
  Slot fetch = kNone;
  Slot client = kNone;                               // kNone: it has outlived its client
  Slot before = kNone, after = kNone;                // within its fetch
  Slot client_before = kNone, client_after = kNone;  // within its client
  std::uint16_t delivered = kNotDelivered;           // its index in the delivery being judged
  Class priority = Class::normal;
  bool detached : 1 = false;
  bool expires : 1 = false;
};
static_assert(sizeof(Subscription) <= 56, "a million fetches wait, each with a subscriber");

class Subscriptions {
 public:
  Subscriptions(Fetches& fetches, Clients& clients, std::uint64_t salt)
      : fetches_(fetches), clients_(clients), salt_(salt) {}

  // kNone where there is none. A client of kNone: those that have outlived theirs.
  Slot find(Slot fetch, Slot client, const Tag& tag) const;
  // Requires that there is none like it.
  Slot join(Slot fetch, Slot client, const Tag& tag, Class priority);
  void erase(Slot slot);
  // Its client is gone and it stays. Requires that none like it has stayed before.
  void outlive(Slot slot);

  Subscription& operator[](Slot slot) { return slab_[slot]; }
  const Subscription& operator[](Slot slot) const { return slab_[slot]; }
  std::uint32_t size() const { return slab_.used(); }
  Slot end() const { return slab_.end(); }
  // Subscriptions that are there now, and none that joins later, are before this.
  std::uint64_t mark() const { return next_; }

  std::size_t hash(Slot slot) const;
  Slot& chain(Slot slot) { return slab_[slot].chain; }
  const Slot& chain(Slot slot) const { return slab_[slot].chain; }
  void check_invariants() const;

 private:
  std::size_t hash(Slot fetch, Slot client, const Tag& tag) const;
  void leave_client(Slot slot);

  Fetches& fetches_;
  Clients& clients_;
  std::uint64_t salt_;
  Slab<Subscription> slab_;
  ChainIndex index_;
  std::uint64_t next_ = 1;
};

}  // namespace quarry::engine
