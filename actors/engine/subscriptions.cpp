#include "actors/engine/subscriptions.hpp"

#include <algorithm>

namespace quarry::engine {

std::size_t Subscriptions::hash(Slot fetch, Slot client, const Tag& tag) const {
  const std::uint64_t pair = std::uint64_t{client} << 32 | fetch;
  return SaltedHash{salt_ ^ pair * 0x9e3779b97f4a7c15ULL}(tag);
}

std::size_t Subscriptions::hash(Slot slot) const {
  const Subscription& its = slab_[slot];
  return hash(its.fetch, its.client, its.tag);
}

Slot Subscriptions::find(Slot fetch, Slot client, const Tag& tag) const {
  return index_.find(*this, hash(fetch, client, tag), [&](Slot slot) {
    const Subscription& its = slab_[slot];
    return its.fetch == fetch && its.client == client && its.tag == tag;
  });
}

Slot Subscriptions::join(Slot fetch_slot, Slot client_slot, const Tag& tag, Class priority) {
  const Slot slot = slab_.take();
  Subscription& its = slab_[slot];
  its.tag = tag;
  its.serial = next_++;
  its.fetch = fetch_slot;
  its.client = client_slot;
  its.priority = priority;
  index_.insert(*this, slot);

  Fetch& fetch = fetches_[fetch_slot];
  its.before = fetch.last;
  (fetch.last == kNone ? fetch.first : slab_[fetch.last].after) = slot;
  fetch.last = slot;
  ++fetch.subscribers(priority);

  Client& client = clients_[client_slot];
  its.client_after = client.first;
  if (client.first != kNone) slab_[client.first].client_before = slot;
  client.first = slot;
  ++client.subscriptions;
  return slot;
}

void Subscriptions::leave_client(Slot slot) {
  Subscription& its = slab_[slot];
  if (its.client == kNone) return;
  Client& client = clients_[its.client];
  (its.client_before == kNone ? client.first : slab_[its.client_before].client_after) =
      its.client_after;
  if (its.client_after != kNone) slab_[its.client_after].client_before = its.client_before;
  its.client_before = its.client_after = kNone;
  --client.subscriptions;
}

void Subscriptions::erase(Slot slot) {
  Subscription& its = slab_[slot];
  index_.erase(*this, slot);
  leave_client(slot);
  Fetch& fetch = fetches_[its.fetch];
  (its.before == kNone ? fetch.first : slab_[its.before].after) = its.after;
  (its.after == kNone ? fetch.last : slab_[its.after].before) = its.before;
  --fetch.subscribers(its.priority);
  slab_.give(slot);
}

void Subscriptions::outlive(Slot slot) {
  index_.erase(*this, slot);
  leave_client(slot);
  slab_[slot].client = kNone;
  index_.insert(*this, slot);
}

void Subscriptions::check_invariants() const {
  QUARRY_CHECK(index_.count() == slab_.used());
  std::uint32_t by_fetch = 0;
  for (Slot at = fetches_.oldest(); at != kNone; at = fetches_[at].newer) {
    const Fetch& fetch = fetches_[at];
    std::uint32_t count = 0;
    Class highest = Class::background;
    Slot before = kNone;
    for (Slot slot = fetch.first; slot != kNone; before = slot, slot = slab_[slot].after) {
      const Subscription& its = slab_[slot];
      QUARRY_CHECK(its.serial != 0 && its.fetch == at && its.before == before);
      QUARRY_CHECK(find(at, its.client, its.tag) == slot);
      QUARRY_CHECK(its.client != kNone || its.detached);
      highest = std::min(highest, its.priority);
      ++count;
    }
    QUARRY_CHECK(before == fetch.last && count == fetch.subscribers() && count > 0);
    QUARRY_CHECK(highest == fetch.priority());
    by_fetch += count;
  }
  QUARRY_CHECK(by_fetch == slab_.used());
  for (Slot client = 0; client < clients_.end(); ++client) {
    std::uint32_t count = 0;
    for (Slot slot = clients_[client].first; slot != kNone; slot = slab_[slot].client_after) {
      QUARRY_CHECK(slab_[slot].client == client);
      ++count;
    }
    QUARRY_CHECK(count == clients_[client].subscriptions);
  }
}

}  // namespace quarry::engine
