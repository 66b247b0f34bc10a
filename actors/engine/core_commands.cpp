// The Engine's core: commands, what other actors report for them, and what the own storage is told.
#include <string_view>

#include "actors/engine/core.hpp"
#include "msg/limits.hpp"

namespace quarry::engine {
namespace {

std::uint64_t to_ms(Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

constexpr std::uint8_t bit(Part part) { return static_cast<std::uint8_t>(part); }

// Whether another actor's answers are the client's, as they are.
constexpr bool passed_on(Call::Kind kind) {
  return kind == Call::Kind::peers || kind == Call::Kind::list;
}

}  // namespace

bool Core::may_call(ClientId client, CallId theirs) {
  const Slot slot = clients_.find(client);
  if (slot == kNone) return false;
  if (stopping_) {
    tell(client, report::Failed{theirs, Reason::stopping, "the node is shutting down"});
    return false;
  }
  if (calls_.size() < limits::kMaxCalls && clients_[slot].calls < limits::kMaxCallsOfClient) {
    return true;
  }
  tell(client, report::Failed{theirs, Reason::full, "too many commands are not answered yet"});
  return false;
}

CallId Core::open_call(Call::Kind kind, ClientId client, CallId theirs, Duration within) {
  ++clients_[clients_.find(client)].calls;
  clients_.became_busy(now_);
  return calls_.open({{}, kind, client, theirs, now_ + within}).id;
}

void Core::close_call(CallId id) {
  const Slot client = clients_.find(calls_.find(id)->client);
  if (client != kNone) --clients_[client].calls;
  calls_.close(id);
}

void Core::fail_call(CallId id, Reason reason, std::string detail) {
  const Call* call = calls_.find(id);
  if (call == nullptr) return;
  tell(call->client, report::Failed{call->theirs, reason, std::move(detail)});
  if (call->kind == Call::Kind::put) {
    if (Delivery* delivery = deliveries_.of(id)) abandon(*delivery);
  }
  close_call(id);
}

// --- Status -----------------------------------------------------------------------------------

void Core::status_asked(ClientId client, const control::Status& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const CallId id = open_call(Call::Kind::status, client, ask.call, limits::kStatusWithin);
  Call& call = *calls_.find(id);
  tell(client,
       control::NodeInfo{ask.call, self_.node, self_.name, self_.listen, to_ms(now_ - started_)});
  count(call);

  link::Describe pursued{id, {}};
  const auto describe_one = [&](Slot slot) {
    const Fetch& fetch = fetches_[slot];
    if (fetch.state == FetchState::pending && told(fetch)) {
      pursued.fetches.push_back(fetch.id);
    } else {
      describe(call, slot, {});
    }
  };
  std::size_t left = quarry::limits::kMaxKeys;
  for (const Key& key : ask.keys) {
    if (const Slot slot = fetches_.find(key); slot != kNone && left-- > 0) describe_one(slot);
  }
  if (ask.keys.empty()) {
    for (Slot slot = fetches_.oldest(); slot != kNone && left-- > 0; slot = fetches_[slot].newer) {
      describe_one(slot);
    }
  }
  if (life_ != 0) {
    call.parts |= bit(Part::selector);
    effects_.push_back(ToSelector{std::move(pursued)});
  }
  if (consumer_) {
    call.parts |= bit(Part::consumer);
    effects_.push_back(ToConsumer{link::Survey{id}});
  }
  if (producer_) {
    call.parts |= bit(Part::producer);
    effects_.push_back(ToProducer{link::Survey{id}});
  }
  if (call.parts == 0) finish_status(id);
}

void Core::finish_status(CallId id) {
  const Call& call = *calls_.find(id);
  tell(call.client, report::Done{call.theirs, fetches_.size()});
  close_call(id);
}

void Core::part_done(Call& call, Part part) {
  call.parts &= static_cast<std::uint8_t>(~bit(part));
  if (call.parts == 0) finish_status(call.id);
}

std::string_view Core::unjudged(const Key& key) const {
  if (verifiers_.workers == 0) return "no verifier is attached";
  return contains(verifiers_.keys, key) ? "" : "no verifier that is attached is for this key";
}

// `waits` is what the selector says of a fetch that it pursues; of the others the Engine knows.
void Core::describe(const Call& call, Slot slot, const link::Waits& waits) {
  const Fetch& fetch = fetches_[slot];
  control::FetchInfo info{
      call.theirs,  fetch.key,           waits.state,    waits.waits_for,
      waits.detail, fetch.subscribers(), waits.requests, to_ms(now_ - fetch.started),
      waits.next_ms};
  if (fetch.state != FetchState::pending) info.state = fetch.state;
  if (fetch.state == FetchState::looking) {
    info.waits_for = WaitsFor::storage;
    info.detail = "the own storages are asked";
  } else if (fetch.state == FetchState::validating) {
    const std::string_view why = unjudged(fetch.key);
    info.waits_for = why.empty() ? WaitsFor::verdict : WaitsFor::verifier;
    info.detail =
        why.empty() ? "a verifier judges a value" : "a value is here, and " + std::string(why);
  } else if (!told(fetch)) {
    info.waits_for = WaitsFor::peer_set;
    info.detail = "the peer selector has not been told yet";
  } else if (info.waits_for == WaitsFor::room && verifiers_.workers == 0) {
    info.detail = "no verifier is attached, and as many values wait for one as there is room for";
  }
  tell(call.client, std::move(info));
}

void Core::waits_received(const link::Waits& waits, Time now) {
  now_ = now;
  Call* call = calls_.find(waits.call);
  const Slot slot = fetches_.find(waits.fetch);
  const bool awaited =
      call != nullptr && (call->kind == Call::Kind::status || call->kind == Call::Kind::peers);
  if (awaited && slot != kNone) describe(*call, slot, waits);
}

void Core::count(const Call& call) {
  const auto counter = [&](std::string counted, std::uint64_t value) {
    tell(call.client, report::Counter{call.theirs, std::move(counted), value});
  };
  counter("fetches_looking", fetches_.count(FetchState::looking));
  counter("fetches_validating", fetches_.count(FetchState::validating));
  counter("fetches_started_total", totals_.fetches);
  counter("subscriptions", subscriptions_.size());
  counter("clients", clients_.size());
  for (std::size_t i = 1; i < totals_.ended.size(); ++i) {
    const std::string how(name(static_cast<Terminal>(i)));
    counter("subscriptions_" + how + "_total", totals_.ended[i]);
    if (static_cast<Terminal>(i) == Terminal::refused) continue;  // no fetch began
    counter("fetches_" + how + "_total", totals_.over[i]);
  }
  counter("answers_total", totals_.answers);
  counter("answers_held", answers_.held().slots);
  counter("answers_held_bytes", answers_.held().bytes);
  counter("deliveries", deliveries_.all().size());
  counter("look_ups_waiting", look_ups_.waiting());
  counter("look_ups_out", look_ups_.out().size());
  counter("look_ups_total", totals_.look_ups);
  counter("look_ups_found_total", totals_.found);
  counter("puts", puts_.held().slots);
  counter("puts_bytes", puts_.held().bytes);
  counter("puts_total", totals_.puts);
  counter("kept_total", totals_.kept);
  counter("keeps_failed_total", totals_.keeps_failed);
  counter("removed_total", totals_.removed);
  counter("calls", calls_.size());
  counter("unmatched_total", totals_.unmatched);
  fetch_time_.tell("fetch", counter);
}

// --- What others report -----------------------------------------------------------------------

void Core::peers_commanded(ClientId client, PeersCommand command, Time now) {
  now_ = now;
  std::visit(
      [&](auto& item) {
        const CallId theirs = item.call;
        if (!may_call(client, theirs)) return;
        if (life_ == 0) {
          return tell(client, report::Failed{theirs, Reason::unavailable,
                                             "the peer selector is not attached"});
        }
        item.call = open_call(Call::Kind::peers, client, theirs, limits::kPeersWithin);
        effects_.push_back(ToSelector{std::move(item)});
      },
      command);
}

// An item of a report goes to the client as it is, under the client's own call id.
template <class Item>
void Core::pass_on(Item item) {
  if (const Call* call = calls_.find(item.call)) {
    item.call = call->theirs;
    tell(call->client, std::move(item));
  }
}

void Core::ask_info_received(report::AskInfo info) { pass_on(std::move(info)); }
void Core::peer_info_received(report::PeerInfo info) { pass_on(std::move(info)); }
void Core::worker_info_received(report::WorkerInfo info) { pass_on(std::move(info)); }
void Core::counter_received(report::Counter counter) { pass_on(std::move(counter)); }
void Core::stored_received(report::Stored stored) { pass_on(std::move(stored)); }

void Core::done_received(Part from, const report::Done& done, Time now) {
  now_ = now;
  if (from == Part::producer && errands_.all().contains(done.call)) {
    return errand_done(done.call, done.count, nullptr);
  }
  Call* call = calls_.find(done.call);
  if (call == nullptr) return void(++totals_.unmatched);
  if (call->kind == Call::Kind::status) return part_done(*call, from);
  if (!passed_on(call->kind)) return void(++totals_.unmatched);
  pass_on(done);
  close_call(done.call);
}

void Core::failed_received(Part from, const report::Failed& failed, Time now) {
  now_ = now;
  if (from == Part::producer && errands_.all().contains(failed.call)) {
    return errand_done(failed.call, 0, &failed);
  }
  Call* call = calls_.find(failed.call);
  if (call == nullptr) return void(++totals_.unmatched);
  if (call->kind == Call::Kind::status) return part_done(*call, from);
  if (!passed_on(call->kind)) return void(++totals_.unmatched);
  fail_call(failed.call, failed.reason, failed.detail);
}

// --- Put and keep -----------------------------------------------------------------------------

void Core::put_asked(ClientId client, control::Put ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const std::size_t size = ask.value.size();
  const auto fail = [&](Reason reason, std::string detail) {
    tell(client, report::Failed{ask.call, reason, std::move(detail)});
  };
  if (size > self_.network.max_value) {
    return fail(Reason::too_large, "values of this network have at most " +
                                       std::to_string(self_.network.max_value) + " bytes");
  }
  if (storages_.workers == 0) return fail(Reason::unavailable, "no storage is attached");
  if (const auto why = unjudged(ask.key); !why.empty()) {
    return fail(Reason::unavailable, std::string(why));
  }
  if (!puts_.fits(size)) return fail(Reason::full, "too many values are being put");
  ++totals_.puts;
  puts_.take(size);
  Delivery delivery;
  delivery.key = ask.key;
  delivery.value = Value{Origin::put, ask.value.kept(), self_.node, {}, 0};
  delivery.delivered = {kNone};
  delivery.call = open_call(Call::Kind::put, client, ask.call, limits::kPutWithin);
  give_put(deliveries_.add(std::move(delivery)));
}

// A put has no subscriber; the verifier is told of one without a name.
void Core::give_put(const Delivery& put) {
  effects_.push_back(
      ToConsumer{link::Judge{put.id, put.key, self_.node, {Tag{}}, put.value.bytes}});
}

void Core::put_judged(DeliveryId id, Outcome outcome) {
  const Delivery put = deliveries_.take(id);
  switch (outcome) {
    case Outcome::complete:
    case Outcome::partial:
    case Outcome::unresolved:
      errands_.add(put.call, {Errand::Kind::put, put.key, put.value.bytes});
      effects_.push_back(ToProducer{link::Keep{put.call, put.key, put.value.bytes}});
      return;
    case Outcome::invalid:
      fail_call(put.call, Reason::invalid, "the value was judged invalid for this key");
      break;
    case Outcome::ignored:
      fail_call(put.call, Reason::failed, "the verifier ignores this key");
      break;
    case Outcome::withheld:
      fail_call(put.call, Reason::failed, "the verifier withheld its verdict");
      break;
    case Outcome::lost:
      fail_call(put.call, Reason::failed, "the verdict was lost");
      break;
  }
  release(put.value);
}

void Core::errand_done(CallId id, std::uint64_t count, const report::Failed* failed) {
  const Errand errand = *errands_.done(id);
  switch (errand.kind) {
    case Errand::Kind::keep:
      ++(failed == nullptr ? totals_.kept : totals_.keeps_failed);
      return;
    case Errand::Kind::remove:
      totals_.removed += count;
      return remove_done(errand, count, failed);
    case Errand::Kind::put:
      break;
  }
  if (failed != nullptr) {
    puts_.give(errand.value.size());
    return fail_call(id, failed->reason, failed->detail);
  }
  ++totals_.kept;
  if (const Call* call = calls_.find(id)) {
    tell(call->client, report::Done{call->theirs, 1});
    close_call(id);
  }
  was_put(errand);
}

// N13: a fetch of this key that waits is given the value.
void Core::was_put(const Errand& errand) {
  const Slot slot = fetches_.find(errand.key);
  if (slot != kNone && fetches_[slot].state != FetchState::validating) {
    return judge(slot, Value{Origin::was_put, errand.value, self_.node, {}, 0});
  }
  if (slot != kNone) fetches_[slot].look_again = true;
  puts_.give(errand.value.size());
}

// --- What the own storage keeps ---------------------------------------------------------------

void Core::remove_asked(ClientId client, const control::Remove& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  const auto fail = [&](Reason reason, const char* detail) {
    tell(client, report::Failed{ask.call, reason, detail});
  };
  if (ask.keys.empty()) return tell(client, report::Done{ask.call, 0});
  if (storages_.workers == 0) return fail(Reason::unavailable, "no storage is attached");
  if (errands_.room_for_removes() < ask.keys.size()) {
    return fail(Reason::full, "too many values are being removed");
  }
  const CallId call = open_call(Call::Kind::remove, client, ask.call, limits::kPutWithin);
  calls_.find(call)->left = static_cast<std::uint32_t>(ask.keys.size());
  for (const Key& key : ask.keys) {
    const CallId id = calls_.next_id();
    errands_.add(id, {Errand::Kind::remove, key, {}, call});
    effects_.push_back(ToProducer{link::Remove{id, key}});
  }
}

void Core::remove_done(const Errand& errand, std::uint64_t count, const report::Failed* failed) {
  Call* call = calls_.find(errand.call);
  if (call == nullptr) return;
  call->removed += count;
  if (failed != nullptr) call->failure = *failed;
  if (--call->left > 0) return;
  if (call->failure) {
    const report::Failed why = *call->failure;
    return fail_call(errand.call, why.reason, why.detail);
  }
  tell(call->client, report::Done{call->theirs, call->removed});
  close_call(errand.call);
}

void Core::list_asked(ClientId client, const report::StoredList& ask, Time now) {
  now_ = now;
  if (!may_call(client, ask.call)) return;
  if (storages_.workers == 0) {
    return tell(client, report::Failed{ask.call, Reason::unavailable, "no storage is attached"});
  }
  const CallId id = open_call(Call::Kind::list, client, ask.call, limits::kListWithin);
  effects_.push_back(ToProducer{report::StoredList{id, ask.after}});
}

}  // namespace quarry::engine
