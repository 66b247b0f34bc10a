// The Engine's core: values, deliveries and verdicts.
#include <algorithm>

#include "actors/engine/core.hpp"
#include "msg/limits.hpp"

namespace quarry::engine {

void Core::answer_received(link::Answer answer, Time now) {
  now_ = now;
  ++totals_.answers;
  answers_.take(answer.value.size());
  Value value{Origin::answer, answer.value.kept(), answer.peer, answer.request, life_};
  const Slot slot = fetches_.find(answer.fetch);
  if (slot == kNone) {  // it crossed our End
    ++totals_.unmatched;
    return dismiss(answer.fetch, value, false);
  }
  Delivery* judged = deliveries_.of(answer.fetch);
  if (judged == nullptr) return judge(slot, std::move(value), answer.value);
  if (judged->value.origin != Origin::answer && !judged->held) {
    judged->held = std::move(value);
    return;
  }
  ++totals_.unmatched;
  dismiss(answer.fetch, value, true);
}

void Core::found_received(const link::Found& found, Time now) {
  now_ = now;
  const auto look_up = look_ups_.answered(found.look_up);
  if (!look_up) return void(++totals_.unmatched);
  const Slot slot = fetches_.find(look_up->fetch);
  const std::size_t size = found.value.size();
  if (slot != kNone && fetches_[slot].state != FetchState::validating) {
    if (size <= self_.network.max_value) {
      ++totals_.found;
      look_ups_.budget().take(size);
      judge(slot, Value{Origin::look_up, found.value.kept(), self_.node, {}, 0}, found.value);
    } else {
      want(slot);
    }
  }
  send_look_ups();
}

void Core::no_data_received(const link::NoData& answer, Time now) {
  now_ = now;
  const auto look_up = look_ups_.answered(answer.look_up);
  if (!look_up) return void(++totals_.unmatched);
  const Slot slot = fetches_.find(look_up->fetch);
  if (slot != kNone && fetches_[slot].state == FetchState::looking) want(slot);
  if (slot != kNone && !answer.sure) {
    look_ups_.look_again(look_up->fetch, now + limits::kLookAgainAfter);
  }
  send_look_ups();
}

void Core::too_large_received(const link::TooLarge& answer, Time now) {
  now_ = now;
  const auto look_up = look_ups_.answered(answer.look_up);
  if (!look_up) return void(++totals_.unmatched);
  const Slot slot = fetches_.find(look_up->fetch);
  if (slot != kNone && fetches_[slot].state != FetchState::validating) {
    if (answer.size > look_up->room && answer.size <= self_.network.max_value) {
      look_ups_.wait_for_more({look_up->fetch, static_cast<std::uint32_t>(answer.size)});
    } else {
      want(slot);
    }
  }
  send_look_ups();
}

void Core::judge(Slot slot, Value value) {
  const Payload bytes = value.bytes;
  judge(slot, std::move(value), bytes);
}

// `as_it_came` are the same bytes: values that came in one frame go on in one, uncopied.
void Core::judge(Slot slot, Value value, const Payload& as_it_came) {
  Fetch& fetch = fetches_[slot];
  fetches_.move_to(slot, FetchState::validating);
  Delivery delivery;
  delivery.fetch = fetch.id;
  delivery.key = fetch.key;
  delivery.value = std::move(value);
  deliver(slot, deliveries_.add(std::move(delivery)), as_it_came);
}

// To those who wait at this moment (R25), as many as a delivery may name; the others are treated
// like those who join during validation.
void Core::deliver(Slot slot, Delivery& delivery, const Payload& bytes) {
  std::vector<Tag> tags;
  delivery.delivered.clear();
  for (Slot at = fetches_[slot].first; at != kNone && tags.size() < quarry::limits::kMaxTags;
       at = subscriptions_[at].after) {
    subscriptions_[at].delivered = static_cast<std::uint16_t>(tags.size());
    delivery.delivered.push_back(at);
    tags.push_back(subscriptions_[at].tag);
  }
  effects_.push_back(ToConsumer{
      link::Judge{delivery.id, delivery.key, delivery.value.peer, std::move(tags), bytes}});
}

void Core::verdict_received(const link::Verdict& verdict, Time now) {
  now_ = now;
  Delivery* delivery = deliveries_.find(verdict.delivery);
  if (delivery == nullptr) return void(++totals_.unmatched);
  const Outcome outcome = checked(*delivery, verdict);
  if (delivery->aborted) {
    abandoned_judged(*delivery, outcome);
  } else if (delivery->value.origin == Origin::put) {
    put_judged(delivery->id, outcome);
  } else {
    fetch_judged(*delivery, outcome, verdict.satisfied);
  }
  send_look_ups();
}

// What the verdict comes to: one that names whom it cannot name is none.
Outcome Core::checked(const Delivery& delivery, const link::Verdict& verdict) const {
  if (verdict.outcome != Outcome::partial) return verdict.outcome;
  const std::size_t count = delivery.delivered.size();
  std::vector<bool> seen(count, false);
  for (const std::uint16_t index : verdict.satisfied) {
    if (index >= count || seen[index]) return Outcome::lost;
    seen[index] = true;
  }
  return verdict.satisfied.size() == count ? Outcome::complete : Outcome::partial;
}

void Core::fetch_judged(Delivery& delivery, Outcome outcome,
                        const std::vector<std::uint16_t>& named) {
  const Slot slot = fetches_.find(delivery.fetch);
  QUARRY_CHECK(slot != kNone);
  const Next next = apply(slot, delivery, outcome, named);
  for (const Slot subscription : delivery.delivered) {
    if (subscription != kNone) subscriptions_[subscription].delivered = kNotDelivered;
  }
  delivery.delivered.clear();
  if (fetches_[slot].subscribers() == 0) return conclude(slot, delivery.id);
  if (next == Next::ask_again) return ask_again(slot, delivery.id);
  Delivery& again = deliveries_.renew(delivery.id);
  deliver(slot, again, again.value.bytes);
}

// What the verdict means for the subscribers, and what comes next if any are left.
Core::Next Core::apply(Slot slot, Delivery& delivery, Outcome outcome,
                       const std::vector<std::uint16_t>& named) {
  const bool accepted = delivery.first == Outcome::complete;
  // A verdict that was withheld is none: the next one is the first.
  if (!delivery.first || delivery.first == Outcome::withheld) delivery.first = outcome;
  const auto end_delivered = [&](Terminal how) {
    for (std::size_t i = 0; i < delivery.delivered.size(); ++i) {
      if (delivery.delivered[i] != kNone) drop(delivery.delivered[i], how);
    }
  };
  const auto end_all = [&](Terminal how) {
    while (fetches_[slot].first != kNone) drop(fetches_[slot].first, how);
  };
  switch (outcome) {
    case Outcome::complete:
      if (!accepted) fetch_time_.add(now_ - fetches_[slot].started);
      if (!accepted && fetches_[slot].keep && delivery.value.origin == Origin::answer) {
        keep(delivery.key, delivery.value.bytes);
      }
      for (std::size_t i = 0; i < delivery.delivered.size(); ++i) {
        if (delivery.delivered[i] != kNone) resolve(delivery.delivered[i], delivery);
      }
      return Next::deliver_again;
    case Outcome::partial:
      for (const std::uint16_t index : named) {
        if (delivery.delivered[index] != kNone) resolve(delivery.delivered[index], delivery);
      }
      return Next::ask_again;
    case Outcome::invalid:
      if (accepted) end_all(Terminal::rejected);
      return Next::ask_again;
    case Outcome::ignored:
      end_all(Terminal::ignored);
      return Next::ask_again;
    case Outcome::withheld:
      end_delivered(Terminal::withheld);
      return Next::deliver_again;
    case Outcome::unresolved:
    case Outcome::lost:
      break;
  }
  return Next::ask_again;
}

void Core::resolve(Slot slot, const Delivery& delivery) {
  const Subscription& subscription = subscriptions_[slot];
  if (subscription.client != kNone) {
    tell(clients_[subscription.client].id,
         control::Resolved{subscription.tag, delivery.key, delivery.value.peer,
                           delivery.value.bytes});
  }
  drop(slot, Terminal::resolved);
}

void Core::ask_again(Slot slot, DeliveryId id) {
  Delivery delivery = deliveries_.take(id);
  score(delivery, true);
  release(delivery.value);
  if (delivery.held) return judge(slot, std::move(*delivery.held));
  want(slot);
  Fetch& fetch = fetches_[slot];
  // Its value may lie in the own storage now.
  if (fetch.look_again) look_ups_.wait(fetch.id);
  fetch.look_again = false;
}

void Core::conclude(Slot slot, DeliveryId id) {
  Delivery delivery = deliveries_.take(id);
  bool ended = score(delivery, false);
  if (delivery.held) {
    dismiss(delivery.fetch, *delivery.held, false);
    ended = true;
  }
  release(delivery.value);
  erase(slot, ended);
}

// The fetch is over and the verdict still out. Says whether the selector has been told the end.
bool Core::abandon(Delivery& delivery) {
  effects_.push_back(ToConsumer{link::Abort{delivery.id}});
  const FetchId fetch = delivery.fetch;
  deliveries_.part(delivery);
  delivery.aborted = true;
  bool ended = false;
  if (delivery.held) {
    dismiss(fetch, *delivery.held, false);
    delivery.held.reset();
    ended = true;
  }
  if (delivery.first && delivery.first != Outcome::withheld) {
    ended = score(delivery, false) || ended;
    delivery.scored = true;
  }
  return ended;
}

// R21: a first verdict counts for the peer though the fetch is over.
void Core::abandoned_judged(Delivery& delivery, Outcome outcome) {
  if (!delivery.first || delivery.first == Outcome::withheld) delivery.first = outcome;
  score(delivery, false);
  release(delivery.value);
  deliveries_.take(delivery.id);
}

// Says whether the selector was told.
bool Core::score(Delivery& delivery, bool again) {
  const Value& value = delivery.value;
  if (value.origin != Origin::answer) {
    const bool on_disk = value.origin != Origin::put;
    if (on_disk && delivery.first == Outcome::invalid) remove(delivery.key);
    return false;
  }
  // Answers of the selector's previous life are nothing to it.
  if (delivery.scored || value.life != life_) return false;
  effects_.push_back(
      ToSelector{link::Judged{delivery.fetch, value.request, *delivery.first, again}});
  return true;
}

// An answer that is not judged.
void Core::dismiss(FetchId fetch, const Value& value, bool again) {
  if (value.life == life_) {
    effects_.push_back(ToSelector{link::Judged{fetch, value.request, Outcome::ignored, again}});
  }
  release(value);
}

void Core::release(const Value& value) {
  const std::size_t size = value.bytes.size();
  switch (value.origin) {
    case Origin::answer:
      answers_.give(size);
      owed_.slots += 1;
      owed_.bytes += size;
      break;
    case Origin::look_up:
      look_ups_.budget().give(size);
      break;
    case Origin::put:
    case Origin::was_put:
      puts_.give(size);
      break;
  }
}

void Core::keep(const Key& key, const Payload& value) {
  const CallId id = calls_.next_id();
  if (!errands_.add(id, {Errand::Kind::keep, key, value})) return void(++totals_.keeps_failed);
  effects_.push_back(ToProducer{link::Keep{id, key, value}});
}

void Core::remove(const Key& key) {
  const CallId id = calls_.next_id();
  if (!errands_.add(id, {Errand::Kind::remove, key, {}})) return;
  effects_.push_back(ToProducer{link::Remove{id, key}});
}

}  // namespace quarry::engine
