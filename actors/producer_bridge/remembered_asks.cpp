#include "actors/producer_bridge/remembered_asks.hpp"

#include <algorithm>
#include <utility>

namespace quarry::producer_bridge {
namespace {
constexpr std::size_t kFirstBuckets = 64;
}  // namespace

Duration RememberedAsks::remember(const PeerKey& peer, const Key& key, Duration wished, Time now) {
  const Duration granted = std::min(wished, kRememberAtMost);
  if (granted < kRememberAtLeast) return Duration::zero();
  const std::uint64_t hash = hash_(key);
  const Index holder = holder_of(peer);
  const Second until = second_of(now + granted);
  for (Index at = buckets_.empty() ? kNone : bucket_of(hash); at != kNone; at = entry(at).next) {
    if (entry(at).hash != hash || entry(at).holder != holder) continue;
    take_from_due(at);
    put_among_due(at, until);
    return granted;
  }
  Holder& who = holders_[holder];
  if (who.entries >= kPeerRemembered || size_ >= kAllRemembered) {
    if (who.entries == 0) {
      free_holders_.push_back(holder);
      holders_of_.erase(peer);
    }
    return Duration::zero();
  }
  if (size_ >= buckets_.size()) grow();
  const Index at = new_entry();
  Index& bucket = bucket_of(hash);
  entry(at) = {hash, holder, bucket, 0, kNone, kNone};
  bucket = at;
  put_among_due(at, until);
  ++who.entries;
  ++size_;
  return granted;
}

std::vector<PeerKey> RememberedAsks::take(const Key& key, Time now) {
  std::vector<PeerKey> told;
  if (size_ == 0) return told;
  const std::uint64_t hash = hash_(key);
  for (Index* link = &bucket_of(hash); *link != kNone;) {
    Entry& its = entry(*link);
    if (its.hash != hash) {
      link = &its.next;
      continue;
    }
    const Holder& holder = holders_[its.holder];
    if (!holder.forgotten && end_of(its.until) > now) told.push_back(holder.peer);
    remove(*link);
  }
  return told;
}

void RememberedAsks::forget(const PeerKey& peer, const Key& key) {
  const auto holder = holders_of_.find(peer);
  if (holder == holders_of_.end()) return;
  const std::uint64_t hash = hash_(key);
  for (Index* link = &bucket_of(hash); *link != kNone; link = &entry(*link).next) {
    const Entry& its = entry(*link);
    if (its.hash == hash && its.holder == holder->second) return remove(*link);
  }
}

void RememberedAsks::forget(const PeerKey& peer) {
  const auto at = holders_of_.find(peer);
  if (at == holders_of_.end()) return;
  Holder& holder = holders_[at->second];
  holder.forgotten = true;
  forgotten_ += holder.entries;
  holders_of_.erase(at);
}

void RememberedAsks::time_passed(Time now) {
  for (std::size_t i = 0; i < kForgetSlice && next_deadline() <= now; ++i) {
    const Index at = due_.begin()->second;
    Index* link = &bucket_of(entry(at).hash);
    while (*link != at) link = &entry(*link).next;
    remove(*link);
  }
}

std::vector<PeerKey> RememberedAsks::clear() {
  std::vector<PeerKey> peers;
  for (const auto& [peer, holder] : holders_of_) peers.push_back(peer);
  chunks_.clear();
  entries_ = 0;
  free_ = kNone;
  size_ = forgotten_ = 0;
  buckets_.clear();
  due_.clear();
  holders_.clear();
  free_holders_.clear();
  holders_of_.clear();
  return peers;
}

RememberedAsks::Index RememberedAsks::new_entry() {
  if (free_ != kNone) return std::exchange(free_, entry(free_).next);
  if (entries_ / kChunk == chunks_.size()) {
    chunks_.push_back(std::make_unique<std::array<Entry, kChunk>>());
  }
  return entries_++;
}

RememberedAsks::Index RememberedAsks::holder_of(const PeerKey& peer) {
  if (const auto at = holders_of_.find(peer); at != holders_of_.end()) return at->second;
  Index holder = static_cast<Index>(holders_.size());
  if (free_holders_.empty()) {
    holders_.emplace_back();
  } else {
    holder = free_holders_.back();
    free_holders_.pop_back();
  }
  holders_[holder] = {peer, 0, false};
  holders_of_.emplace(peer, holder);
  return holder;
}

void RememberedAsks::grow() {
  buckets_.assign(std::max(kFirstBuckets, 2 * buckets_.size()), kNone);
  std::vector<bool> is_free(entries_);
  for (Index at = free_; at != kNone; at = entry(at).next) is_free[at] = true;
  for (Index at = 0; at < entries_; ++at) {
    if (is_free[at]) continue;
    Index& bucket = bucket_of(entry(at).hash);
    entry(at).next = bucket;
    bucket = at;
  }
}

void RememberedAsks::put_among_due(Index at, Second until) {
  Entry& its = entry(at);
  its.until = until;
  its.later = kNone;
  const auto [last, is_new] = due_.try_emplace(until, at);
  its.sooner = is_new ? kNone : last->second;
  if (!is_new) entry(last->second).later = at;
  last->second = at;
}

void RememberedAsks::take_from_due(Index at) {
  const Entry& its = entry(at);
  if (its.sooner != kNone) entry(its.sooner).later = its.later;
  if (its.later != kNone) {
    entry(its.later).sooner = its.sooner;
  } else if (its.sooner != kNone) {
    due_.at(its.until) = its.sooner;
  } else {
    due_.erase(its.until);
  }
}

void RememberedAsks::remove(Index& link) {
  const Index at = link;
  Entry& its = entry(at);
  link = its.next;
  take_from_due(at);
  Holder& holder = holders_[its.holder];
  --size_;
  if (holder.forgotten) --forgotten_;
  if (--holder.entries == 0) {
    if (!holder.forgotten) holders_of_.erase(holder.peer);
    free_holders_.push_back(its.holder);
  }
  its.next = free_;
  free_ = at;
}

void RememberedAsks::check_invariants() const {
  QUARRY_CHECK(size_ <= kAllRemembered && forgotten_ <= size_);
  QUARRY_CHECK(holders_of_.size() + free_holders_.size() <= holders_.size());
  std::size_t entries = 0;
  for (const auto& [peer, holder] : holders_of_) {
    QUARRY_CHECK(holders_[holder].peer == peer && !holders_[holder].forgotten);
    QUARRY_CHECK(holders_[holder].entries > 0 && holders_[holder].entries <= kPeerRemembered);
    entries += holders_[holder].entries;
  }
  QUARRY_CHECK(entries == size_ - forgotten_);
  // Where there are few, all are looked at.
  if (size_ > kFirstBuckets) return;
  std::size_t due = 0;
  for (const auto& [second, last] : due_) {
    for (Index at = last; at != kNone; at = entry(at).sooner, ++due) {
      QUARRY_CHECK(entry(at).until == second);
    }
  }
  std::size_t listed = 0;
  for (Index at : buckets_) {
    for (; at != kNone; at = entry(at).next) ++listed;
  }
  QUARRY_CHECK(due == size_ && listed == size_);
}

}  // namespace quarry::producer_bridge
