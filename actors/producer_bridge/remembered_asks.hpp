// Who asked for what in vain and is to be told when it is there (N15). Bounded for each peer and in
// all; each is forgotten when its time is over or when its peer has been told. Tells nobody itself.
//
// Millions stand here, so an entry is 32 bytes, and of a key it has the hash alone: whoever looks
// has the key. Were two keys of one hash, a peer would be told of what it never asked for, and
// would not mind.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "actors/producer_bridge/limits.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"

namespace quarry::producer_bridge {

class RememberedAsks {
 public:
  explicit RememberedAsks(std::uint64_t salt) : hash_{salt}, holders_of_(0, SaltedHash{salt}) {}

  // For how long it is remembered: for no longer than was wished; zero where there is no room.
  Duration remember(const PeerKey& peer, const Key& key, Duration wished, Time now);
  // Its value is there: whom to tell, who are forgotten.
  std::vector<PeerKey> take(const Key& key, Time now);
  // The peer does not want it any more.
  void forget(const PeerKey& peer, const Key& key);
  // Nothing of this peer is remembered any more.
  void forget(const PeerKey& peer);
  // Nothing at all: of whom something was.
  std::vector<PeerKey> clear();

  Time next_deadline() const { return due_.empty() ? kNever : end_of(due_.begin()->first); }
  // Forgets those whose time is over, so many at most.
  void time_passed(Time now);

  std::size_t size() const { return size_ - forgotten_; }
  void check_invariants() const;

 private:
  using Index = std::uint32_t;
  using Second = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  struct Entry {
    std::uint64_t hash = 0;
    Index holder = kNone;
    Index next = kNone;                   // of the same bucket, or free
    Second until = 0;                     // to its end
    Index sooner = kNone, later = kNone;  // among those of that second
  };
  // A peer that is remembered for something. One that is forgotten is kept until its entries end.
  struct Holder {
    PeerKey peer;
    std::size_t entries = 0;
    bool forgotten = false;
  };

  static Time end_of(Second second) { return Time(std::chrono::seconds(std::int64_t{second} + 1)); }
  static Second second_of(Time time) {
    return static_cast<Second>(
        std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
  }
  Entry& entry(Index at) { return (*chunks_[at / kChunk])[at % kChunk]; }
  const Entry& entry(Index at) const { return (*chunks_[at / kChunk])[at % kChunk]; }
  Index new_entry();
  Index holder_of(const PeerKey& peer);
  Index& bucket_of(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  void grow();
  void put_among_due(Index at, Second until);
  void take_from_due(Index at);
  // Removes the entry that this link of a bucket names.
  void remove(Index& link);

  SaltedHash hash_;
  // In pieces, so that no turn has to move all of them.
  static constexpr std::size_t kChunk = 4096;
  std::vector<std::unique_ptr<std::array<Entry, kChunk>>> chunks_;
  Index entries_ = 0;  // so many have been in use
  Index free_ = kNone;
  std::size_t size_ = 0;
  std::size_t forgotten_ = 0;    // entries of forgotten holders
  std::vector<Index> buckets_;   // as many as a power of two
  std::map<Second, Index> due_;  // the last that was put into each second
  std::vector<Holder> holders_;
  std::vector<Index> free_holders_;
  std::unordered_map<PeerKey, Index, SaltedHash> holders_of_;
};

}  // namespace quarry::producer_bridge
