// When subscriptions expire (N9). Only those that carry a deadline are here.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>

#include "actors/engine/ids.hpp"
#include "msg/time.hpp"

namespace quarry::engine {

class Deadlines {
 public:
  void add(Slot subscription, Time at) {
    by_time_.emplace(at, subscription);
    at_.emplace(subscription, at);
  }
  void forget(Slot subscription) {
    const auto found = at_.find(subscription);
    if (found == at_.end()) return;
    by_time_.erase({found->second, subscription});
    at_.erase(found);
  }
  std::optional<Slot> overdue(Time now) const {
    if (by_time_.empty() || now < by_time_.begin()->first) return std::nullopt;
    return by_time_.begin()->second;
  }
  Time next_deadline() const { return by_time_.empty() ? kNever : by_time_.begin()->first; }
  std::size_t size() const { return at_.size(); }

 private:
  std::set<std::pair<Time, Slot>> by_time_;
  std::unordered_map<Slot, Time> at_;
};

}  // namespace quarry::engine
