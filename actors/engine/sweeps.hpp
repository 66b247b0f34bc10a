// Commands that end fetches for everybody: cancel, clear, retain (R20). Each says what it condemns;
// the core walks the tables in slices and asks. What starts after a command is never condemned by
// it, however long the walk takes.
#pragma once

#include <deque>
#include <vector>

#include "actors/engine/subscriptions.hpp"
#include "msg/control.hpp"

namespace quarry::engine {

struct Sweep {
  ClientId client;
  CallId theirs;
  control::Predicate by = control::Predicate::keys;
  bool negated = false;
  std::vector<Key> keys;  // sorted
  Prefix prefix;
  Tag tag;
  // What was there when it was asked is before these.
  std::uint64_t fetches = 0;
  std::uint64_t subscriptions = 0;
  Slot at = 0;  // how far the walk has come, in whatever walks() says
  std::uint64_t ended = 0;

  enum class Walk : std::uint8_t { keys, fetches, subscriptions };
  Walk walk() const;
  bool condemns(const Fetch& fetch) const;
  bool condemns(const Subscription& subscription) const;

 private:
  bool holds_for(const Key& key) const;
};

Sweep sweep_of(const control::Cancel& cancel);
Sweep sweep_of(const control::Clear& clear);
// Requires that it is sound.
Sweep sweep_of(const control::Retain& retain);

}  // namespace quarry::engine
