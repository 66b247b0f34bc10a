// The naive Engine: values, deliveries and verdicts.
#include "actors/engine/limits.hpp"
#include "msg/limits.hpp"
#include "tests/actors/engine/naive.hpp"

namespace quarry::engine {

void Naive::answer_received(const link::Answer& answer, Time now) {
  now_ = now;
  ++totals_["answers_total"];
  const Value value{Origin::answer, answer.value, answer.peer, answer.request, life_};
  Fetch* fetch = find(answer.fetch);
  if (fetch == nullptr) {
    ++totals_["unmatched_total"];
    return dismiss(answer.fetch, value, false);
  }
  const auto delivery = delivery_of(answer.fetch);
  if (delivery == deliveries_.end()) return judge(*fetch, value);
  if (delivery->second.value.origin != Origin::answer && !delivery->second.held) {
    delivery->second.held = value;
    return;
  }
  ++totals_["unmatched_total"];
  dismiss(answer.fetch, value, true);
}

void Naive::judge(Fetch& fetch, Value value) {
  fetch.state = FetchState::validating;
  const DeliveryId id{++last_};
  Delivery& delivery = deliveries_[id];
  delivery.fetch = fetch.id;
  delivery.key = fetch.key;
  delivery.value = std::move(value);
  deliver(fetch, id);
}

void Naive::deliver(Fetch& fetch, DeliveryId id) {
  Delivery& delivery = deliveries_.at(id);
  std::vector<Tag> tags;
  delivery.delivered.clear();
  for (const Subscription& its : fetch.subscriptions) {
    if (tags.size() == quarry::limits::kMaxTags) break;
    delivery.delivered.push_back(its.number);
    tags.push_back(its.tag);
  }
  to_consumer(link::Judge{id, fetch.key, delivery.value.peer, tags, delivery.value.bytes});
}

void Naive::verdict_received(const link::Verdict& verdict, Time now) {
  now_ = now;
  const auto at = deliveries_.find(verdict.delivery);
  if (at == deliveries_.end()) return void(++totals_["unmatched_total"]);
  const std::size_t count = at->second.delivered.size();
  Outcome outcome = verdict.outcome;
  if (outcome == Outcome::partial) {
    const std::set<std::uint16_t> named(verdict.satisfied.begin(), verdict.satisfied.end());
    if (named.size() == count) outcome = Outcome::complete;
    const bool sense =
        named.size() == verdict.satisfied.size() && (named.empty() || *named.rbegin() < count);
    if (!sense) outcome = Outcome::lost;
  }
  if (at->second.aborted) {
    abandoned_judged(at->first, outcome);
  } else if (at->second.value.origin == Origin::put) {
    put_judged(at->first, outcome);
  } else {
    judged(at->first, outcome, verdict.satisfied);
  }
  send_look_ups();
}

void Naive::judged(DeliveryId id, Outcome outcome, const std::vector<std::uint16_t>& named) {
  Fetch& fetch = *find(deliveries_.at(id).fetch);
  const bool same_bytes_again = apply(fetch, id, outcome, named);
  Delivery delivery = deliveries_.at(id);
  deliveries_.erase(id);
  if (!fetch.subscriptions.empty() && same_bytes_again) {
    const DeliveryId renewed{++last_};
    deliveries_[renewed] = delivery;
    return deliver(fetch, renewed);
  }
  if (fetch.subscriptions.empty()) {
    bool selector_knows = score(delivery, false);
    if (delivery.held) {
      dismiss(fetch.id, *delivery.held, false);
      selector_knows = true;
    }
    give_back(delivery.value);
    return erase(fetch, selector_knows);
  }
  score(delivery, true);
  give_back(delivery.value);
  if (delivery.held) return judge(fetch, *delivery.held);
  want(fetch);
  if (fetch.look_again) waiting_.push_back({fetch.id, limits::kFirstRoom});
  fetch.look_again = false;
}

// Says whether those who are left are given the same bytes.
bool Naive::apply(Fetch& fetch, DeliveryId id, Outcome outcome,
                  const std::vector<std::uint16_t>& named) {
  Delivery& delivery = deliveries_.at(id);
  const bool accepted = delivery.first == Outcome::complete;
  if (!delivery.first || delivery.first == Outcome::withheld) delivery.first = outcome;
  const auto resolve = [&](std::uint64_t number) {
    const Subscription* its = find(fetch, number);
    if (its == nullptr) return;  // it ended meanwhile
    tell(its->client,
         control::Resolved{its->tag, fetch.key, delivery.value.peer, delivery.value.bytes});
    drop(fetch, number, Terminal::resolved);
  };
  switch (outcome) {
    case Outcome::complete: {
      if (!accepted) took_.push_back(now_ - fetch.started);
      const bool keep = !accepted && fetch.keep && delivery.value.origin == Origin::answer;
      const Held kept = held(Errand::Kind::keep);
      const bool fits = kept.slots < limits::kMaxKeeps &&
                        kept.bytes + delivery.value.bytes.size() <= limits::kMaxKeepBytes;
      if (keep && (kept.slots == 0 || fits)) {
        const CallId call{++last_};
        errands_[call] = {Errand::Kind::keep, fetch.key, delivery.value.bytes};
        to_producer(link::Keep{call, fetch.key, delivery.value.bytes});
      } else if (keep) {
        ++totals_["keeps_failed_total"];
      }
      for (const std::uint64_t number : delivery.delivered) resolve(number);
      return true;
    }
    case Outcome::partial:
      for (const std::uint16_t index : named) resolve(delivery.delivered.at(index));
      return false;
    case Outcome::invalid:
      if (accepted) end_all(fetch, Terminal::rejected);
      return false;
    case Outcome::ignored:
      end_all(fetch, Terminal::ignored);
      return false;
    case Outcome::withheld:
      for (const std::uint64_t number : delivery.delivered) {
        if (find(fetch, number) != nullptr) drop(fetch, number, Terminal::withheld);
      }
      return true;
    case Outcome::unresolved:
    case Outcome::lost:
      return false;
  }
  return false;
}

// Says whether the selector takes that for the end of the fetch.
bool Naive::abandon(DeliveryId id) {
  Delivery& delivery = deliveries_.at(id);
  to_consumer(link::Abort{id});
  delivery.aborted = true;
  bool selector_knows = false;
  if (delivery.held) {
    dismiss(delivery.fetch, *delivery.held, false);
    delivery.held.reset();
    selector_knows = true;
  }
  if (delivery.first && delivery.first != Outcome::withheld) {
    if (score(delivery, false)) selector_knows = true;
    delivery.scored = true;
  }
  return selector_knows;
}

void Naive::abandoned_judged(DeliveryId id, Outcome outcome) {
  Delivery delivery = deliveries_.at(id);
  deliveries_.erase(id);
  if (!delivery.first || delivery.first == Outcome::withheld) delivery.first = outcome;
  score(delivery, false);
  give_back(delivery.value);
}

bool Naive::score(Delivery& delivery, bool again) {
  const Value& value = delivery.value;
  if (value.origin == Origin::answer) {
    if (delivery.scored || value.life != life_) return false;
    to_selector(link::Judged{delivery.fetch, value.request, *delivery.first, again});
    return true;
  }
  if (value.origin == Origin::put || delivery.first != Outcome::invalid) return false;
  if (held(Errand::Kind::remove).slots < limits::kMaxRemoves) {
    const CallId call{++last_};
    errands_[call] = {Errand::Kind::remove, delivery.key, {}};
    to_producer(link::Remove{call, delivery.key});
  }
  return false;
}

void Naive::dismiss(FetchId fetch, const Value& value, bool again) {
  if (value.life == life_) {
    to_selector(link::Judged{fetch, value.request, Outcome::ignored, again});
  }
  give_back(value);
}

void Naive::give_back(const Value& value) {
  if (value.origin != Origin::answer) return;
  owed_.slots += 1;
  owed_.bytes += value.bytes.size();
}

// --- The own storage ------------------------------------------------------------------------

void Naive::found_received(const link::Found& found, Time now) {
  now_ = now;
  const auto at = out_.find(found.look_up);
  if (at == out_.end()) return void(++totals_["unmatched_total"]);
  Fetch* fetch = find(at->second.fetch);
  out_.erase(at);
  if (fetch != nullptr && fetch->state != FetchState::validating) {
    if (found.value.size() > self_.network.max_value) {
      want(*fetch);
    } else {
      ++totals_["look_ups_found_total"];
      judge(*fetch, {Origin::look_up, found.value, self_.node, {}, 0});
    }
  }
  send_look_ups();
}

void Naive::no_data_received(const link::NoData& answer, Time now) {
  now_ = now;
  const auto at = out_.find(answer.look_up);
  if (at == out_.end()) return void(++totals_["unmatched_total"]);
  Fetch* fetch = find(at->second.fetch);
  out_.erase(at);
  if (fetch != nullptr && fetch->state == FetchState::looking) want(*fetch);
  if (fetch != nullptr && !answer.sure) {
    look_again_.emplace_back(now + limits::kLookAgainAfter, fetch->id);
  }
  send_look_ups();
}

void Naive::too_large_received(const link::TooLarge& answer, Time now) {
  now_ = now;
  const auto at = out_.find(answer.look_up);
  if (at == out_.end()) return void(++totals_["unmatched_total"]);
  const LookUp was = at->second;
  Fetch* fetch = find(was.fetch);
  out_.erase(at);
  if (fetch != nullptr && fetch->state != FetchState::validating) {
    if (answer.size > was.room && answer.size <= self_.network.max_value) {
      waiting_.push_front({was.fetch, static_cast<std::uint32_t>(answer.size)});
    } else {
      want(*fetch);
    }
  }
  send_look_ups();
}

}  // namespace quarry::engine
