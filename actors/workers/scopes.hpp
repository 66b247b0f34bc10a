// The different lists of keys that the workers at one door are for: one bit each, so that "which
// workers may have this key" is a word, and what waits for workers can be kept apart by it. Workers
// of one list share a bit. It knows no workers.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "actors/workers/limits.hpp"
#include "msg/types.hpp"

namespace quarry::workers {

// One bit for each list.
using Scopes = std::uint64_t;

class ScopeTable {
 public:
  // One more worker is for these keys (none: for all). Gives the list's bit. Requires fewer than
  // kMaxWorkers of them.
  Scopes enter(const std::vector<KeyRange>& keys);
  // One fewer.
  void leave(Scopes scope);

  // The lists that this key is in.
  Scopes of(const Key& key) const;
  // This list itself; 0 when no worker has it.
  Scopes exactly(const std::vector<KeyRange>& keys) const;
  // The keys of all lists together, in order; a few more where that would be too many ranges. None:
  // all keys, or no list.
  std::vector<KeyRange> keys() const;
  void check_invariants() const;

 private:
  static_assert(kMaxWorkers <= 64);
  struct List {
    std::vector<KeyRange> keys;
    std::size_t workers = 0;
  };
  List& list(Scopes bit) { return lists_[static_cast<std::size_t>(std::countr_zero(bit))]; }
  const List& list(Scopes bit) const {
    return lists_[static_cast<std::size_t>(std::countr_zero(bit))];
  }

  std::array<List, 64> lists_;  // by bit; those without a worker are free
  Scopes used_ = 0;
  Scopes all_ = 0;  // the bit of the empty list, if a worker has it
};

}  // namespace quarry::workers
