// Token buckets, one for each of many strangers: how often each may do a thing. The table never
// grows beyond its capacity: whoever was seen longest ago is forgotten first, and starts again with
// a full bucket.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <unordered_map>

#include "msg/time.hpp"

namespace quarry::bus {

template <class Name, class Hash = std::hash<Name>>
class TokenBuckets {
 public:
  TokenBuckets(double per_second, double burst, std::size_t capacity, Hash hash = {})
      : per_second_(per_second), burst_(burst), capacity_(capacity), at_(0, hash) {}

  // Takes a token of this name's bucket; false when it is empty.
  bool take(const Name& name, Time now) {
    Bucket& bucket = seen(name, now);
    const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.tokens = std::min(burst_, bucket.tokens + seconds * per_second_);
    bucket.filled = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
  std::size_t size() const { return at_.size(); }

 private:
  struct Bucket {
    Name name;
    double tokens;
    Time filled;
  };
  using Buckets = std::list<Bucket>;

  // The bucket of this name, now the latest seen.
  Bucket& seen(const Name& name, Time now) {
    if (const auto found = at_.find(name); found != at_.end()) {
      buckets_.splice(buckets_.end(), buckets_, found->second);
      return buckets_.back();
    }
    if (buckets_.size() == capacity_) {
      at_.erase(buckets_.front().name);
      buckets_.pop_front();
    }
    buckets_.push_back({name, burst_, now});
    at_.emplace(name, std::prev(buckets_.end()));
    return buckets_.back();
  }

  double per_second_;
  double burst_;
  std::size_t capacity_;
  Buckets buckets_;  // longest unseen first
  std::unordered_map<Name, typename Buckets::iterator, Hash> at_;
};

}  // namespace quarry::bus
