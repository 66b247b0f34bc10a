// The Engine's core: what goes in slices, because it may concern every fetch or subscription.
#include <algorithm>

#include "actors/engine/core.hpp"

namespace quarry::engine {

void Core::cancel_asked(ClientId client, const control::Cancel& ask, Time now) {
  now_ = now;
  begin_sweep(client, sweep_of(ask));
}

void Core::clear_asked(ClientId client, const control::Clear& ask, Time now) {
  now_ = now;
  begin_sweep(client, sweep_of(ask));
}

void Core::retain_asked(ClientId client, const control::Retain& ask, Time now) {
  now_ = now;
  begin_sweep(client, sweep_of(ask));
}

void Core::begin_sweep(ClientId client, Sweep sweep) {
  if (!may_call(client, sweep.theirs)) return;
  if (sweeps_.size() >= limits::kMaxSweeps) {
    return tell(client, report::Failed{sweep.theirs, Reason::full,
                                       "too many such commands are being carried out"});
  }
  sweep.client = client;
  sweep.fetches = fetches_.mark();
  sweep.subscriptions = subscriptions_.mark();
  sweeps_.push_back(std::move(sweep));
  walk();
}

void Core::stop_asked(Time now) {
  now_ = now;
  if (std::exchange(stopping_, true)) return;
  for (const Sweep& sweep : sweeps_) {
    tell(sweep.client, report::Failed{sweep.theirs, Reason::stopping, "the node is shutting down"});
  }
  sweeps_.clear();
  while (const auto call = calls_.any()) {
    fail_call(*call, Reason::stopping, "the node is shutting down");
  }
  retell_ = kNone;
  stop_ = 0;
  walk();
}

bool Core::stopped() const { return stopping_ && !unfinished(); }

bool Core::unfinished() const {
  return stop_ != kNone || retell_ != kNone || !sweeps_.empty() || clients_.any_leaving();
}

void Core::walk() {
  std::uint32_t steps = limits::kSlice;
  walk_stopping(steps);
  walk_leaving(steps);
  walk_sweeps(steps);
  walk_wants(steps);
}

void Core::walk_stopping(std::uint32_t& steps) {
  while (stop_ != kNone && steps > 0) {
    if (stop_ >= subscriptions_.end()) {
      stop_ = kNone;
    } else {
      --steps;
      const Slot at = stop_++;
      if (subscriptions_[at].serial != 0) end_subscription(at, Terminal::stopped);
    }
  }
}

// R23. A detached subscription outlives its client, unless one like it already does.
void Core::walk_leaving(std::uint32_t& steps) {
  while (steps > 0) {
    const auto client = clients_.leaving();
    if (!client) return;
    --steps;
    const Slot at = clients_[*client].first;
    const Subscription& its = subscriptions_[at];
    if (its.detached && subscriptions_.find(its.fetch, kNone, its.tag) == kNone) {
      subscriptions_.outlive(at);
    } else {
      end_subscription(at, Terminal::cancelled);
    }
  }
}

// Tells a selector that attached anew what it is to ask for.
void Core::walk_wants(std::uint32_t& steps) {
  while (retell_ != kNone && steps > 0) {
    if (retell_ >= fetches_.end()) {
      retell_ = kNone;
    } else {
      --steps;
      const Slot at = retell_++;
      if (fetches_[at].id && fetches_[at].state == FetchState::pending) want(at);
    }
  }
}

void Core::walk_sweeps(std::uint32_t& steps) {
  while (!sweeps_.empty() && steps > 0) {
    Sweep& sweep = sweeps_.front();
    while (steps > 0) {
      --steps;
      if (!step(sweep, steps)) {
        tell(sweep.client, report::Done{sweep.theirs, sweep.ended});
        sweeps_.pop_front();
        break;
      }
    }
  }
}

// One step of the front sweep; false when there is no further one.
bool Core::step(Sweep& sweep, std::uint32_t& steps) {
  const auto end_condemned = [&](Slot fetch) {
    if (fetch == kNone || !fetches_[fetch].id || !sweep.condemns(fetches_[fetch])) return;
    steps -= std::min<std::uint32_t>(steps, fetches_[fetch].subscribers());
    end_fetch(fetch, Terminal::cancelled);
    ++sweep.ended;
  };
  const Slot at = sweep.at;
  switch (sweep.walk()) {
    case Sweep::Walk::keys:
      if (at >= sweep.keys.size()) return false;
      end_condemned(fetches_.find(sweep.keys[at]));
      break;
    case Sweep::Walk::fetches:
      if (at >= fetches_.end()) return false;
      end_condemned(at);
      break;
    case Sweep::Walk::subscriptions:
      if (at >= subscriptions_.end()) return false;
      if (subscriptions_[at].serial != 0 && sweep.condemns(subscriptions_[at])) {
        end_subscription(at, Terminal::cancelled);
        ++sweep.ended;
      }
      break;
  }
  ++sweep.at;
  return true;
}

}  // namespace quarry::engine
