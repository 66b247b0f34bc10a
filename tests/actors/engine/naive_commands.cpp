// The naive Engine: commands, what others report, and who attaches anew.
#include "actors/engine/limits.hpp"
#include "tests/actors/engine/naive.hpp"

namespace quarry::engine {

bool Naive::may_call(ClientId client, CallId theirs) {
  if (!clients_.contains(client)) return false;
  std::size_t of_client = 0;
  for (const auto& [id, call] : calls_) of_client += call.client == client;
  if (!stopping_ && calls_.size() < limits::kMaxCalls && of_client < limits::kMaxCallsOfClient) {
    return true;
  }
  tell(client, report::Failed{theirs, stopping_ ? Reason::stopping : Reason::full, ""});
  return false;
}

CallId Naive::open(Kind kind, ClientId client, CallId theirs, Duration within) {
  const CallId id{++last_};
  calls_.emplace(id, Call(kind, client, theirs, now_ + within));
  return id;
}

void Naive::fail(CallId id, Reason reason) {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;
  tell(at->second.client, report::Failed{at->second.theirs, reason, ""});
  if (at->second.kind == Kind::put) {
    for (const auto& [delivery, put] : deliveries_) {
      if (put.call == id && !put.aborted) return abandon(delivery), void(calls_.erase(id));
    }
  }
  calls_.erase(id);
}

void Naive::status_asked(ClientId client, const control::Status& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const CallId id = open(Kind::status, client, ask.call, limits::kStatusWithin);
  Call& call = calls_.at(id);
  tell(client, control::NodeInfo{
                   ask.call, self_.node, self_.name, self_.listen,
                   static_cast<std::uint64_t>((now - started_) / std::chrono::milliseconds(1))});
  count(call);
  link::Describe pursued{id, {}};
  const auto describe_one = [&](const Fetch& fetch) {
    if (fetch.state == FetchState::pending && told(fetch)) {
      pursued.fetches.push_back(fetch.id);
    } else {
      describe(call, fetch, {});
    }
  };
  for (const Key& key : ask.keys) {
    if (const Fetch* fetch = find(key)) describe_one(*fetch);
  }
  if (ask.keys.empty()) {
    for (const Fetch& fetch : fetches_) describe_one(fetch);
  }
  if (life_ != 0) {
    call.parts.insert(Part::selector);
    to_selector(pursued);
  }
  if (consumer_) {
    call.parts.insert(Part::consumer);
    to_consumer(link::Survey{id});
  }
  if (producer_) {
    call.parts.insert(Part::producer);
    to_producer(link::Survey{id});
  }
  if (call.parts.empty()) finish_status(id);
}

void Naive::finish_status(CallId id) {
  tell(calls_.at(id).client, report::Done{calls_.at(id).theirs, fetches_.size()});
  calls_.erase(id);
}

void Naive::part_done(CallId id, Part part) {
  calls_.at(id).parts.erase(part);
  if (calls_.at(id).parts.empty()) finish_status(id);
}

void Naive::describe(const Call& call, const Fetch& fetch, const link::Waits& waits) {
  control::FetchInfo info;
  info.call = call.theirs;
  info.key = fetch.key;
  info.state = fetch.state == FetchState::pending ? waits.state : fetch.state;
  info.waits_for = fetch.state == FetchState::looking ? WaitsFor::storage
                   : fetch.state == FetchState::validating
                       ? (verifiers_ == 0 ? WaitsFor::verifier : WaitsFor::verdict)
                   : told(fetch) ? waits.waits_for
                                 : WaitsFor::peer_set;
  info.subscribers = static_cast<std::uint32_t>(fetch.subscriptions.size());
  info.requests = waits.requests;
  info.age_ms = static_cast<std::uint64_t>((now_ - fetch.started) / std::chrono::milliseconds(1));
  info.next_ms = waits.next_ms;
  tell(call.client, info);
}

void Naive::waits_received(const link::Waits& waits, Time now) {
  now_ = now;
  const auto call = calls_.find(waits.call);
  const Fetch* fetch = find(waits.fetch);
  if (call == calls_.end() || fetch == nullptr) return;
  const Kind kind = call->second.kind;
  if (kind == Kind::status || kind == Kind::peers) describe(call->second, *fetch, waits);
}

// The same counters as the Engine's, each counted.
void Naive::count(const Call& call) {
  const auto counter = [&](const std::string& name, std::uint64_t value) {
    tell(call.client, report::Counter{call.theirs, name, value});
  };
  const auto total = [&](const std::string& name) { counter(name, totals_[name]); };
  counter("fetches_looking", in_state(FetchState::looking));
  counter("fetches_validating", in_state(FetchState::validating));
  total("fetches_started_total");
  counter("subscriptions", subscriptions());
  counter("clients", clients_.size());
  for (std::uint8_t how = 1; how <= 8; ++how) {
    const std::string what(name(static_cast<Terminal>(how)));
    total("subscriptions_" + what + "_total");
    if (static_cast<Terminal>(how) != Terminal::refused) total("fetches_" + what + "_total");
  }
  total("answers_total");
  counter("answers_held", held(Origin::answer).slots);
  counter("answers_held_bytes", held(Origin::answer).bytes);
  counter("deliveries", deliveries_.size());
  counter("look_ups_waiting", waiting_.size());
  counter("look_ups_out", out_.size());
  total("look_ups_total");
  total("look_ups_found_total");
  counter("puts", held(Origin::put).slots);
  counter("puts_bytes", held(Origin::put).bytes);
  total("puts_total");
  total("kept_total");
  total("keeps_failed_total");
  total("removed_total");
  counter("calls", calls_.size());
  total("unmatched_total");
  std::uint64_t sum = 0;
  for (const std::uint32_t us : Histogram::kUpTo) {
    const auto in_time = [&](Duration took) { return took < std::chrono::microseconds(us + 1); };
    counter("fetch_us_le_" + std::to_string(us), std::ranges::count_if(took_, in_time));
  }
  for (const Duration took : took_) sum += took / std::chrono::microseconds(1);
  counter("fetch_us_count", took_.size());
  counter("fetch_us_sum", sum);
}

void Naive::peers_commanded(ClientId client, const report::PeerList& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  if (life_ == 0) return tell(client, report::Failed{ask.call, Reason::unavailable, ""});
  to_selector(report::PeerList{open(Kind::peers, client, ask.call, limits::kPeersWithin)});
}

void Naive::explain_asked(ClientId client, const report::Explain& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  if (life_ == 0) return tell(client, report::Failed{ask.call, Reason::unavailable, ""});
  const CallId id = open(Kind::peers, client, ask.call, limits::kPeersWithin);
  link::Explain explain{id, {}, ask.key};
  if (const Fetch* fetch = find(ask.key)) {
    if (fetch->state == FetchState::pending && told(*fetch)) {
      explain.fetch = fetch->id;
    } else {
      describe(calls_.at(id), *fetch, {});
    }
  }
  to_selector(explain);
}

void Naive::list_asked(ClientId client, const report::StoredList& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  if (storages_ == 0) return tell(client, report::Failed{ask.call, Reason::unavailable, ""});
  to_producer(
      report::StoredList{open(Kind::list, client, ask.call, limits::kListWithin), ask.after});
}

void Naive::counter_received(const report::Counter& counter) {
  const auto call = calls_.find(counter.call);
  if (call == calls_.end()) return;
  tell(call->second.client, report::Counter{call->second.theirs, counter.name, counter.value});
}

void Naive::done_received(Part from, const report::Done& done, Time now) {
  now_ = now;
  if (from == Part::producer && errands_.contains(done.call)) {
    return errand_done(done.call, done.count, std::nullopt);
  }
  const auto call = calls_.find(done.call);
  if (call == calls_.end()) return void(++totals_["unmatched_total"]);
  if (call->second.kind == Kind::status) return part_done(done.call, from);
  if (call->second.kind != Kind::peers && call->second.kind != Kind::list) {
    return void(++totals_["unmatched_total"]);
  }
  tell(call->second.client, report::Done{call->second.theirs, done.count});
  calls_.erase(call);
}

void Naive::failed_received(Part from, const report::Failed& failed, Time now) {
  now_ = now;
  if (from == Part::producer && errands_.contains(failed.call)) {
    return errand_done(failed.call, 0, failed.reason);
  }
  const auto call = calls_.find(failed.call);
  if (call == calls_.end()) return void(++totals_["unmatched_total"]);
  if (call->second.kind == Kind::status) return part_done(failed.call, from);
  if (call->second.kind != Kind::peers && call->second.kind != Kind::list) {
    return void(++totals_["unmatched_total"]);
  }
  fail(failed.call, failed.reason);
}

// --- Put, keep and remove -------------------------------------------------------------------

void Naive::put_asked(ClientId client, const control::Put& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const auto fail = [&](Reason reason) { tell(client, report::Failed{ask.call, reason, ""}); };
  if (ask.value.size() > self_.network.max_value) return fail(Reason::too_large);
  if (storages_ == 0 || verifiers_ == 0) return fail(Reason::unavailable);
  const Held puts = held(Origin::put);
  const bool fits =
      puts.slots < limits::kMaxPuts && puts.bytes + ask.value.size() <= limits::kMaxPutBytes;
  if (puts.slots > 0 && !fits) return fail(Reason::full);
  ++totals_["puts_total"];
  const DeliveryId id{++last_};
  Delivery& put = deliveries_[id];
  put.key = ask.key;
  put.value = {Origin::put, ask.value, self_.node, {}, 0};
  put.delivered = {0};
  put.call = open(Kind::put, client, ask.call, limits::kPutWithin);
  to_consumer(link::Judge{id, ask.key, self_.node, {Tag{}}, ask.value});
}

void Naive::put_judged(DeliveryId id, Outcome outcome) {
  const Delivery put = deliveries_.at(id);
  deliveries_.erase(id);
  if (outcome == Outcome::complete || outcome == Outcome::partial ||
      outcome == Outcome::unresolved) {
    errands_[put.call] = {Errand::Kind::put, put.key, put.value.bytes};
    return to_producer(link::Keep{put.call, put.key, put.value.bytes});
  }
  fail(put.call, outcome == Outcome::invalid ? Reason::invalid : Reason::failed);
}

void Naive::remove_asked(ClientId client, const control::Remove& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const auto fail = [&](Reason reason) { tell(client, report::Failed{ask.call, reason, ""}); };
  if (ask.keys.empty()) return tell(client, report::Done{ask.call, 0});
  if (storages_ == 0) return fail(Reason::unavailable);
  if (held(Errand::Kind::remove).slots + ask.keys.size() > limits::kMaxRemoves) {
    return fail(Reason::full);
  }
  const CallId call = open(Kind::remove, client, ask.call, limits::kPutWithin);
  calls_.at(call).left = ask.keys.size();
  for (const Key& key : ask.keys) {
    const CallId id{++last_};
    errands_[id] = {Errand::Kind::remove, key, {}, call};
    to_producer(link::Remove{id, key});
  }
}

void Naive::errand_done(CallId id, std::uint64_t count, std::optional<Reason> failed) {
  const Errand errand = errands_.at(id);
  errands_.erase(id);
  if (errand.kind == Errand::Kind::remove) {
    totals_["removed_total"] += count;
    return remove_done(errand, count, failed);
  }
  if (errand.kind == Errand::Kind::keep) {
    return void(++totals_[failed ? "keeps_failed_total" : "kept_total"]);
  }
  if (failed) return fail(id, *failed);
  ++totals_["kept_total"];
  if (const auto call = calls_.find(id); call != calls_.end()) {
    tell(call->second.client, report::Done{call->second.theirs, 1});
    calls_.erase(call);
  }
  was_put(errand);
}

void Naive::was_put(const Errand& errand) {
  Fetch* fetch = find(errand.key);
  if (fetch == nullptr) return;
  if (fetch->state == FetchState::validating) {
    fetch->look_again = true;
  } else {
    judge(*fetch, {Origin::was_put, errand.value, self_.node, {}, 0});
  }
}

void Naive::remove_done(const Errand& errand, std::uint64_t count, std::optional<Reason> failed) {
  const auto at = calls_.find(errand.call);
  if (at == calls_.end()) return;
  Call& call = at->second;
  call.removed += count;
  if (failed) call.failure = failed;
  if (--call.left > 0) return;
  if (call.failure) return fail(at->first, *call.failure);
  tell(call.client, report::Done{call.theirs, call.removed});
  calls_.erase(at);
}

// --- Who attaches anew ------------------------------------------------------------------------

void Naive::selector_attached(Time now) {
  now_ = now;
  ++life_;
  owed_ = {};
  const Held held = this->held(Origin::answer);
  link::Room room{0, 0, held.slots, held.bytes};
  if (held.slots < config_.answer_slots) room.slots = config_.answer_slots - held.slots;
  if (held.bytes < config_.answer_bytes) room.bytes = config_.answer_bytes - held.bytes;
  to_selector(room);
  if (stopping_) return;
  for (Fetch& fetch : fetches_) {
    if (fetch.state == FetchState::pending) want(fetch);
  }
}

void Naive::consumer_attached(Time now) {
  now_ = now;
  consumer_ = true;
  for (const auto& [id, delivery] : std::map(deliveries_)) {
    if (delivery.aborted) {
      abandoned_judged(id, Outcome::ignored);
    } else if (delivery.value.origin == Origin::put) {
      to_consumer(link::Judge{id, delivery.key, self_.node, {Tag{}}, delivery.value.bytes});
    } else {
      deliver(*find(delivery.fetch), id);
    }
  }
  send_look_ups();
}

void Naive::producer_attached(Time now) {
  now_ = now;
  producer_ = true;
  std::erase_if(out_, [&](const auto& one) { return find(one.second.fetch) == nullptr; });
  for (const auto& [id, look_up] : out_) {
    to_producer(link::LookUp{id, find(look_up.fetch)->key, look_up.room});
  }
  for (const auto& [id, errand] : errands_) {
    if (errand.kind == Errand::Kind::remove) {
      to_producer(link::Remove{id, errand.key});
    } else {
      to_producer(link::Keep{id, errand.key, errand.value});
    }
  }
  send_look_ups();
}

void Naive::workers_attached(const link::Attached& attached, Time now) {
  now_ = now;
  (attached.role == WorkerRole::verifier ? verifiers_ : storages_) = attached.workers;
}

}  // namespace quarry::engine
