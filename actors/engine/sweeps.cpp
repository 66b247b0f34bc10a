#include "actors/engine/sweeps.hpp"

#include <algorithm>

namespace quarry::engine {

using control::Predicate;

Sweep::Walk Sweep::walk() const {
  if (by == Predicate::tag) return Walk::subscriptions;
  // Keeping all but a few keys is ending those few.
  return by == Predicate::keys && negated ? Walk::keys : Walk::fetches;
}

bool Sweep::holds_for(const Key& key) const {
  switch (by) {
    case Predicate::keys:
      return std::binary_search(keys.begin(), keys.end(), key);
    case Predicate::range:
      return keys.front() <= key && key <= keys.back();
    case Predicate::prefix:
      return text_of(key.view()).starts_with(text_of(prefix.view()));
    case Predicate::tag:
      break;
  }
  return false;
}

bool Sweep::condemns(const Fetch& fetch) const {
  return by != Predicate::tag && Fetches::order(fetch.id) < fetches &&
         holds_for(fetch.key) == negated;
}

bool Sweep::condemns(const Subscription& subscription) const {
  return by == Predicate::tag && subscription.serial < subscriptions &&
         (subscription.tag == tag) == negated;
}

Sweep sweep_of(const control::Cancel& cancel) {
  Sweep sweep;
  sweep.theirs = cancel.call;
  sweep.negated = true;
  sweep.keys = cancel.keys;
  std::sort(sweep.keys.begin(), sweep.keys.end());
  return sweep;
}

Sweep sweep_of(const control::Clear& clear) {
  Sweep sweep;  // keeps the empty set of keys
  sweep.theirs = clear.call;
  return sweep;
}

Sweep sweep_of(const control::Retain& retain) {
  QUARRY_CHECK(retain.sound());
  Sweep sweep;
  sweep.theirs = retain.call;
  sweep.by = retain.by;
  sweep.negated = retain.negated;
  sweep.keys = retain.keys;
  std::sort(sweep.keys.begin(), sweep.keys.end());
  sweep.prefix = retain.prefix;
  sweep.tag = retain.tag;
  return sweep;
}

}  // namespace quarry::engine
