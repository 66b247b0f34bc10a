// The fetches in progress: at most one per key, found by key and by id, in order of age. A million
// of them may wait, so a record is small: what only few fetches have stands in other tables.
// Never decides what becomes of a fetch.
#pragma once

#include <array>

#include "actors/engine/slab.hpp"
#include "msg/time.hpp"
#include "msg/words.hpp"

namespace quarry::engine {

struct Fetch {
  FetchId id;  // 0: not in use
  Key key;
  Time started{};
  Slot chain = kNone;
  Slot older = kNone, newer = kNone;
  Slot first = kNone, last = kNone;         // its subscriptions, in the order they joined
  std::array<std::uint16_t, 3> of_class{};  // subscriptions
  std::uint16_t told = 0;  // the selector's life in which it was wanted; 0: not yet
  FetchState state = FetchState::pending;
  bool targeted : 1 = false;
  bool keep : 1 = false;
  bool look_again : 1 = false;  // once what is judged has failed

  std::uint32_t subscribers() const { return 0U + of_class[0] + of_class[1] + of_class[2]; }
  std::uint16_t& subscribers(Class priority) {
    return of_class[static_cast<std::size_t>(priority) - 1];
  }
  // The highest class of its subscriptions.
  Class priority() const {
    return of_class[0] > 0 ? Class::urgent : of_class[1] > 0 ? Class::normal : Class::background;
  }
};
static_assert(sizeof(Fetch) <= 88, "a million fetches wait");

class Fetches {
 public:
  explicit Fetches(std::uint64_t salt) : hash_{salt} {}

  // kNone where there is none.
  Slot find(const Key& key) const;
  Slot find(FetchId id) const;
  // Requires that there is no fetch of this key.
  Slot start(const Key& key, Time now);
  void erase(Slot slot);
  void move_to(Slot slot, FetchState state);

  Fetch& operator[](Slot slot) { return slab_[slot]; }
  const Fetch& operator[](Slot slot) const { return slab_[slot]; }
  std::uint32_t size() const { return slab_.used(); }
  std::uint32_t count(FetchState state) const { return counts_[static_cast<std::size_t>(state)]; }
  Slot end() const { return slab_.end(); }
  Slot oldest() const { return oldest_; }

  // Fetches that are in progress now, and none that starts later, are before this.
  std::uint64_t mark() const { return next_; }
  static std::uint64_t order(FetchId id);

  std::size_t hash(Slot slot) const { return hash_(slab_[slot].key); }
  Slot& chain(Slot slot) { return slab_[slot].chain; }
  const Slot& chain(Slot slot) const { return slab_[slot].chain; }
  void check_invariants() const;

 private:
  SaltedHash hash_;
  Slab<Fetch> slab_;
  ChainIndex by_key_;
  Slot oldest_ = kNone, newest_ = kNone;
  std::uint64_t next_ = 1;
  std::array<std::uint32_t, 5> counts_{};  // by state
};

}  // namespace quarry::engine
