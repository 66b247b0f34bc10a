// Tables for millions of small records. Neither ever moves a record or walks them all in one step.
//
// A Record has a member `Slot chain`: free records are linked through it, and so are those in one
// bucket of an index.
#pragma once

#include <bit>
#include <deque>
#include <memory>
#include <vector>

#include "actors/engine/ids.hpp"
#include "msg/check.hpp"

namespace quarry::engine {

// Records at slots that are used again. A record not in use is as default-constructed.
template <class Record>
class Slab {
 public:
  Slot take() {
    if (free_ == kNone) add_chunk();
    const Slot slot = free_;
    free_ = (*this)[slot].chain;
    (*this)[slot].chain = kNone;
    ++used_;
    return slot;
  }
  void give(Slot slot) {
    (*this)[slot] = Record{};
    (*this)[slot].chain = free_;
    free_ = slot;
    --used_;
  }
  Record& operator[](Slot slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  const Record& operator[](Slot slot) const { return chunks_[slot / kChunk][slot % kChunk]; }
  // Slots that were ever used are below this.
  Slot end() const { return static_cast<Slot>(chunks_.size() * kChunk); }
  std::uint32_t used() const { return used_; }

 private:
  static constexpr Slot kChunk = 256;

  void add_chunk() {
    const Slot first = end();
    chunks_.push_back(std::make_unique<Record[]>(kChunk));
    for (Slot slot = first + kChunk; slot-- > first;) {
      (*this)[slot].chain = free_;
      free_ = slot;
    }
  }

  std::vector<std::unique_ptr<Record[]>> chunks_;
  Slot free_ = kNone;
  std::uint32_t used_ = 0;
};

// Finds slots by hash: linear hashing, which grows by splitting one bucket at a time. Records is a
// table with `hash(slot)` and `chain(slot)`.
class ChainIndex {
 public:
  template <class Records>
  void insert(Records& records, Slot slot) {
    if (count_ == buckets_.size()) split(records);
    Slot& head = buckets_[bucket(records.hash(slot))];
    records.chain(slot) = head;
    head = slot;
    ++count_;
  }
  template <class Records>
  void erase(Records& records, Slot slot) {
    Slot* at = &buckets_[bucket(records.hash(slot))];
    while (*at != slot) {
      QUARRY_CHECK(*at != kNone);
      at = &records.chain(*at);
    }
    *at = records.chain(slot);
    records.chain(slot) = kNone;
    --count_;
  }
  template <class Records, class Same>
  Slot find(Records& records, std::size_t hash, Same same) const {
    if (buckets_.empty()) return kNone;
    Slot slot = buckets_[bucket(hash)];
    while (slot != kNone && !same(slot)) slot = records.chain(slot);
    return slot;
  }
  std::uint32_t count() const { return count_; }

 private:
  std::size_t bucket(std::size_t hash) const {
    const std::size_t wide = std::bit_ceil(buckets_.size()) - 1;
    const std::size_t at = hash & wide;
    return at < buckets_.size() ? at : hash & (wide >> 1);
  }
  template <class Records>
  void split(Records& records) {
    const std::size_t made = buckets_.size();
    buckets_.push_back(kNone);
    if (made == 0) return;
    Slot slot = std::exchange(buckets_[made - std::bit_floor(made)], kNone);
    while (slot != kNone) {
      Slot& head = buckets_[bucket(records.hash(slot))];
      const Slot next = std::exchange(records.chain(slot), head);
      head = slot;
      slot = next;
    }
  }

  std::deque<Slot> buckets_;
  std::uint32_t count_ = 0;
};

}  // namespace quarry::engine
