#include "actors/engine/fetches.hpp"

#include "msg/limits.hpp"

namespace quarry::engine {

std::uint64_t Fetches::order(FetchId id) { return id.value >> quarry::limits::kFetchSlotBits; }

Slot Fetches::find(const Key& key) const {
  return by_key_.find(*this, hash_(key), [&](Slot slot) { return slab_[slot].key == key; });
}

Slot Fetches::find(FetchId id) const {
  const Slot slot = static_cast<Slot>(id.value & (quarry::limits::kFetchSlots - 1));
  return id && slot < slab_.end() && slab_[slot].id == id ? slot : kNone;
}

Slot Fetches::start(const Key& key, Time now) {
  const Slot slot = slab_.take();
  QUARRY_CHECK(slot < quarry::limits::kFetchSlots);
  Fetch& fetch = slab_[slot];
  fetch.id = FetchId{next_++ << quarry::limits::kFetchSlotBits | slot};
  fetch.key = key;
  fetch.started = now;
  fetch.older = newest_;
  (newest_ == kNone ? oldest_ : slab_[newest_].newer) = slot;
  newest_ = slot;
  by_key_.insert(*this, slot);
  ++counts_[static_cast<std::size_t>(fetch.state)];
  return slot;
}

void Fetches::erase(Slot slot) {
  Fetch& fetch = slab_[slot];
  by_key_.erase(*this, slot);
  (fetch.older == kNone ? oldest_ : slab_[fetch.older].newer) = fetch.newer;
  (fetch.newer == kNone ? newest_ : slab_[fetch.newer].older) = fetch.older;
  --counts_[static_cast<std::size_t>(fetch.state)];
  slab_.give(slot);
}

void Fetches::move_to(Slot slot, FetchState state) {
  --counts_[static_cast<std::size_t>(slab_[slot].state)];
  slab_[slot].state = state;
  ++counts_[static_cast<std::size_t>(state)];
}

void Fetches::check_invariants() const {
  std::array<std::uint32_t, 5> counts{};
  std::uint32_t seen = 0;
  Slot before = kNone;
  for (Slot slot = oldest_; slot != kNone; before = slot, slot = slab_[slot].newer, ++seen) {
    const Fetch& fetch = slab_[slot];
    QUARRY_CHECK(fetch.id && fetch.older == before && find(fetch.key) == slot);
    QUARRY_CHECK(find(fetch.id) == slot && order(fetch.id) < next_);
    QUARRY_CHECK(before == kNone || order(slab_[before].id) < order(fetch.id));
    ++counts[static_cast<std::size_t>(fetch.state)];
  }
  QUARRY_CHECK(before == newest_ && seen == slab_.used() && seen == by_key_.count());
  QUARRY_CHECK(counts == counts_);
}

}  // namespace quarry::engine
