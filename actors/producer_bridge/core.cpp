#include "actors/producer_bridge/core.hpp"

#include <algorithm>

#include "msg/take_back.hpp"

namespace quarry::producer_bridge {

Core::Core(Config config, Self self, std::uint64_t seed)
    : config_(std::move(config)),
      self_(std::move(self)),
      askers_(self_.network, seed, effects_),
      storages_(config_.built_in, config_.keep_in, seed, effects_),
      shared_(0, SaltedHash{seed}) {}

Core::Standing Core::heard(const std::optional<PeerKey>& peer, const Route& route, Time now) {
  return askers_.heard(peer, route, now);
}

void Core::hello_received(const Route& route) {
  effects_.push_back(ToPeer<peer::Hello>{
      route, {self_.instance, self_.network.key_length, self_.network.max_value, self_.agent}});
}

void Core::ping_received(const Route& route, const peer::Ping& ping) {
  effects_.push_back(ToPeer<peer::Pong>{route, {ping.nonce, self_.instance}});
}

void Core::ask_received(const PeerKey& peer, const Route& route, const peer::Ask& ask, Time now) {
  askers_.asked(peer, route, ask, now + patience_of(ask), now);
  serve(now);
}

void Core::forget_received(const PeerKey& peer, const peer::Forget& forget) {
  askers_.forget(peer, forget.key);
}

// How long its answer may take, so that the asker hears it.
Duration Core::patience_of(const peer::Ask& ask) const {
  if (ask.wait_ms == 0) return config_.look_up_within;
  const Duration part = std::chrono::milliseconds(std::uint64_t{ask.wait_ms} * 3 / 4);
  return std::min(std::max(part, kLeastPatience), config_.look_up_within);
}

void Core::unfit_received(const Route& route, const Unfit& unfit) {
  ++totals_.unfit_asked;
  effects_.push_back(ToPeer<peer::Refused>{route, {RequestId{}, unfit.reason, unfit.detail}});
}

void Core::connection_gone(const Route& route, Time now) {
  askers_.connection_gone(route);
  serve(now);
}

void Core::replies_waiting(const Route& route, std::uint64_t bytes, Time now) {
  askers_.replies_waiting(route, bytes);
  serve(now);
}

void Core::serve(Time now) {
  while (look_ups_.size() - engine_look_ups_ < kPeerLookUps) {
    const auto ask = askers_.next(now);
    if (!ask) return;
    begin(*ask, now);
  }
}

void Core::begin(const Ask& ask, Time now) {
  if (const auto shared = shared_.find(ask.key); shared != shared_.end()) {
    LookUp& look_up = look_ups_.at(shared->second);
    if (look_up.room >= ask.room) {
      ++totals_.shared;
      look_up.asks.push_back(ask);
      return;
    }
  }
  impatient_at_ = std::min(impatient_at_, now + kImpatientEvery);
  const std::uint64_t ticket = next_ticket_++;
  const std::uint64_t before = std::exchange(shared_[ask.key], ticket);
  const auto at = look_ups_.emplace_hint(
      look_ups_.end(), ticket,
      LookUp{ask.key, ask.room, now + config_.look_up_within, {}, {ask}, {}, {}, before});
  look_further(at, now);
}

void Core::look_further(LookUps::iterator at, Time now) {
  auto& [ticket, look_up] = *at;
  const Line line = look_up.engine ? Line::engine : Line::peers;
  const auto job = storages_.look_up({line, ticket, look_up.key, look_up.room, {}}, look_up.last,
                                     now, look_up.sure, look_up.will_tell);
  if (!job) return no_data(at, now);
  look_up.job = *job;
}

Core::LookUps::iterator Core::look_up_of(const Work& work) {
  const auto at = look_ups_.find(work.ticket);
  QUARRY_CHECK(looks_up(work.line) && at != look_ups_.end());
  return at;
}

void Core::found(LookUps::iterator at, const Payload& value, Time now) {
  const LookUp look_up = end(at);
  for (const Ask& ask : look_up.asks) askers_.found(ask, value, now);
  if (!look_up.engine) return;
  effects_.push_back(link::Found{look_up.engine, value});
}

void Core::no_data(LookUps::iterator at, Time now) {
  const LookUp look_up = end(at);
  const bool rememberable = look_up.sure && look_up.will_tell;
  for (const Ask& ask : look_up.asks) askers_.no_data(ask, rememberable, now);
  if (look_up.appeared) appeared(look_up.key, now);
  if (look_up.engine) effects_.push_back(link::NoData{look_up.engine, look_up.sure});
}

// A storage has got the value of this key. A look-up that is under way may have missed it.
void Core::appeared(const Key& key, Time now) {
  askers_.appeared(key, now);
  const auto shared = shared_.find(key);
  std::uint64_t ticket = shared == shared_.end() ? 0 : shared->second;
  while (ticket != 0) {
    const auto at = look_ups_.find(ticket);
    if (at == look_ups_.end()) return;
    at->second.appeared = true;
    ticket = at->second.before;
  }
}

void Core::too_large(LookUps::iterator at, std::uint64_t size, Time now) {
  const LookUp look_up = end(at);
  for (const Ask& ask : look_up.asks) askers_.too_large(ask, size, now);
  if (look_up.engine) effects_.push_back(link::TooLarge{look_up.engine, size});
}

// Asks of one look-up have times of their own; the storage keeps its own time for all of them.
void Core::answer_impatient(Time now) {
  impatient_at_ = look_ups_.size() > engine_look_ups_ ? now + kImpatientEvery : kNever;
  for (auto& [ticket, look_up] : look_ups_) {
    std::erase_if(look_up.asks, [&](const Ask& ask) {
      if (ask.until > now) return false;
      ++totals_.impatient;
      askers_.no_data(ask, false, now);
      return true;
    });
  }
}

Core::LookUp Core::end(LookUps::iterator at) {
  LookUp look_up = std::move(at->second);
  if (look_up.engine) {
    --engine_look_ups_;
  } else if (const auto shared = shared_.find(look_up.key);
             shared != shared_.end() && shared->second == at->first) {
    if (look_ups_.contains(look_up.before)) {
      shared->second = look_up.before;
    } else {
      shared_.erase(shared);
    }
  }
  look_ups_.erase(at);
  return look_up;
}

void Core::hello_received(WorkerId worker, const worker::Hello& hello, Time now) {
  storages_.hello_received(worker, hello, now);
  if (storages_.arrived()) askers_.forget_all();
}

std::optional<Core::LookUps::iterator> Core::look_up_answered(WorkerId worker, JobId job,
                                                              Time now) {
  const auto work = storages_.answered(worker, job, now);
  if (!work) return std::nullopt;
  if (looks_up(work->line)) return look_up_of(*work);
  ++totals_.nonsense;
  not_done(*work, Reason::failed, kNonsense, now);
  return std::nullopt;
}

void Core::found_received(WorkerId worker, const worker::Found& item, Time now) {
  if (const auto at = look_up_answered(worker, item.job, now)) {
    const std::size_t size = item.value.size();
    size > (*at)->second.room ? too_large(*at, size, now) : found(*at, item.value, now);
  }
  serve(now);
}

void Core::no_data_received(WorkerId worker, const worker::NoData& item, Time now) {
  const auto work = storages_.answered(worker, item.job, now);
  if (work && work->line == Line::keeps && !work->value) {
    effects_.push_back(report::Done{end_keep(work->ticket), 0});  // nothing was there to be removed
  } else if (work && looks_up(work->line)) {
    look_further(look_up_of(*work), now);
  } else if (work) {
    ++totals_.nonsense;
    not_done(*work, Reason::failed, kNonsense, now);
  }
  serve(now);
}

void Core::too_large_received(WorkerId worker, const worker::TooLarge& item, Time now) {
  if (const auto at = look_up_answered(worker, item.job, now)) {
    // An asker would come again with that much room, for ever.
    const bool sense = item.size > (*at)->second.room;
    totals_.nonsense += sense ? 0 : 1;
    (*at)->second.sure = false;
    sense ? too_large(*at, item.size, now) : look_further(*at, now);
  }
  serve(now);
}

void Core::done_received(WorkerId worker, const worker::Done& item, Time now) {
  const auto work = storages_.answered(worker, item.job, now);
  if (work && work->line == Line::keeps) {
    effects_.push_back(report::Done{end_keep(work->ticket), 1});
    if (work->value) appeared(work->key, now);
  } else if (work) {
    ++totals_.nonsense;
    not_done(*work, Reason::failed, kNonsense, now);
  }
  serve(now);
}

void Core::failed_received(WorkerId worker, const worker::Failed& item, Time now) {
  const auto work = storages_.answered(worker, item.job, now);
  if (work) not_done(*work, Reason::failed, item.detail, now);
  serve(now);
}

void Core::not_done(const Work& work, Reason reason, std::string detail, Time now) {
  if (looks_up(work.line)) {
    const auto at = look_up_of(work);
    at->second.sure = false;
    return look_further(at, now);
  }
  CallId call;
  if (work.line == Line::keeps) {
    call = end_keep(work.ticket);
  } else {
    const auto list = lists_.extract(work.ticket);
    QUARRY_CHECK(!list.empty());
    call = list.mapped().call;
  }
  effects_.push_back(report::Failed{call, reason, std::move(detail)});
}

void Core::have_received(WorkerId worker, const worker::Have& have, Time now) {
  if (!storages_.is_for(worker, have.key)) return;
  ++totals_.haves;
  appeared(have.key, now);
}

void Core::nonsense_received(WorkerId worker, JobId job, Time now) {
  ++totals_.nonsense;
  failed_received(worker, {job, kNonsense}, now);
}

void Core::pong_received(WorkerId worker, const worker::Pong& pong, Time now) {
  storages_.pong_received(worker, pong.nonce, now);
}

void Core::bye_received(WorkerId worker, Time now) {
  if (storages_.attached(worker)) orphaned(storages_.said_bye(worker, now), now);
}

void Core::unfit_received(WorkerId worker, const Unfit& unfit, Time now) {
  ++totals_.unfit_stored;
  orphaned(storages_.gone(worker, now), now);
  effects_.push_back(workers::Refuse{worker, unfit.reason, unfit.detail});
  effects_.push_back(Forget{worker});
}

void Core::worker_gone(WorkerId worker, Time now) {
  orphaned(storages_.gone(worker, now), now);
  effects_.push_back(Forget{worker});
}

void Core::orphaned(std::vector<Work> orphans, Time now) {
  for (const Work& work : orphans) {
    not_done(work, Reason::unavailable,
             work.line == Line::keeps ? "the storage is gone, and may have kept it or not"
                                      : "the storage is gone",
             now);
  }
  if (storages_.arrived()) askers_.forget_all();
  serve(now);
}

void Core::engine_attached(Time now) {
  take_back<link::ProducerToEngine>(effects_);
  for (auto at = look_ups_.begin(); at != look_ups_.end();) {
    const auto next = std::next(at);
    if (at->second.engine) {
      storages_.forget(at->second.job);
      end(at);
    }
    at = next;
  }
  for (const auto& [ticket, keep] : keeps_) storages_.forget(keep.job);
  keeps_.clear();
  keep_bytes_ = 0;
  for (const auto& [ticket, list] : lists_) storages_.forget(list.job);
  lists_.clear();
  storages_.say_attached();
  serve(now);
}

void Core::look_up_received(const link::LookUp& item, Time now) {
  if (engine_look_ups_ >= kEngineLookUps) {
    effects_.push_back(link::NoData{item.look_up, false});
    return;
  }
  ++engine_look_ups_;
  const auto at = look_ups_.emplace_hint(
      look_ups_.end(), next_ticket_++,
      LookUp{item.key, item.room, now + config_.look_up_within, item.look_up, {}, {}, {}});
  look_further(at, now);
}

void Core::survey_received(const link::Survey& survey, Time now) {
  for (report::WorkerInfo& info : storages_.describe(survey.call, now)) {
    effects_.push_back(std::move(info));
  }
  const Askers::Totals& asks = askers_.totals();
  const std::pair<const char*, std::uint64_t> counters[] = {
      {"serves_asked_total", asks.asks},
      {"serves_value_total", asks.found},
      {"serves_no_data_total", asks.no_data},
      {"serves_too_large_total", asks.too_large},
      {"serves_overloaded_total", asks.overloaded},
      {"serves_refused_total", asks.refused + totals_.unfit_asked},
      {"serves_dropped_total", asks.dropped},
      {"serves_shared_total", totals_.shared},
      {"serves_in_progress", askers_.in_progress()},
      {"serves_waiting", askers_.waiting()},
      {"served_bytes_total", asks.bytes},
      {"asks_remembered", askers_.remembered()},
      {"asks_remembered_total", asks.remembered},
      {"asks_not_remembered_total", asks.not_remembered},
      {"haves_told_total", asks.told},
      {"storages_haves_total", totals_.haves},
      {"peers_admitted", askers_.admitted()},
      {"look_ups_timed_out_total", totals_.timed_out},
      {"serves_impatient_total", totals_.impatient},
      {"keeps_in_progress", keeps_.size()},
      {"lists_in_progress", lists_.size()},
      {"storage_jobs", storages_.jobs()},
      {"storages_unmatched_total", storages_.unmatched()},
      {"storages_nonsense_total", totals_.nonsense},
      {"storages_refused_total", storages_.refused() + totals_.unfit_stored},
      {"storages_duplicates_total", storages_.duplicates()},
  };
  for (const auto& [name, value] : counters) {
    effects_.push_back(report::Counter{survey.call, name, value});
  }
  askers_.times().tell("serve", [&](std::string name, std::uint64_t value) {
    effects_.push_back(report::Counter{survey.call, std::move(name), value});
  });
  effects_.push_back(report::Done{survey.call, 0});
}

void Core::selector_attached() {
  take_back<ToSelector>(effects_);
  askers_.selector_attached();
}

void Core::admission_received(const link::Admission& admission) {
  askers_.admission_received(admission);
}

void Core::sync_received(const link::Sync& sync) { effects_.push_back(ToSelector{{sync.call, 0}}); }

Time Core::next_deadline() const {
  const Time look_up = look_ups_.empty() ? kNever : look_ups_.begin()->second.until;
  const Time keep = keeps_.empty() ? kNever : keeps_.begin()->second.until;
  const Time list = lists_.empty() ? kNever : lists_.begin()->second.until;
  return std::min(
      {look_up, keep, list, impatient_at_, storages_.next_deadline(), askers_.next_deadline()});
}

void Core::time_passed(Time now) {
  while (!look_ups_.empty() && look_ups_.begin()->second.until <= now) {
    const auto at = look_ups_.begin();
    ++totals_.timed_out;
    storages_.ran_out(at->second.job, now);
    at->second.sure = false;
    no_data(at, now);
  }
  if (impatient_at_ <= now) {
    answer_impatient(now);
    serve(now);
  }
  while (!keeps_.empty() && keeps_.begin()->second.until <= now) {
    const auto [ticket, keep] = *keeps_.begin();
    storages_.ran_out(keep.job, now);
    not_done({Line::keeps, ticket}, Reason::failed,
             "the storage took too long, and may have done it or not", now);
  }
  while (!lists_.empty() && lists_.begin()->second.until <= now) {
    const auto [ticket, list] = *lists_.begin();
    storages_.ran_out(list.job, now);
    not_done({Line::lists, ticket}, Reason::failed, "the storage took too long", now);
  }
  orphaned(storages_.time_passed(now), now);
  askers_.time_passed(now);
}

void Core::check_invariants() const {
  askers_.check_invariants();
  storages_.check_invariants();
  std::size_t engine = 0;
  Time until = Time::min();
  for (const auto& [ticket, look_up] : look_ups_) {
    QUARRY_CHECK(look_up.job && ticket < next_ticket_);
    QUARRY_CHECK(!look_up.engine || look_up.asks.empty());
    QUARRY_CHECK(look_up.engine || impatient_at_ != kNever);
    QUARRY_CHECK(until <= look_up.until);
    until = look_up.until;
    engine += look_up.engine ? 1 : 0;
  }
  QUARRY_CHECK(engine == engine_look_ups_ && engine <= kEngineLookUps);
  QUARRY_CHECK(look_ups_.size() - engine <= kPeerLookUps);
  for (const auto& [key, ticket] : shared_) {
    QUARRY_CHECK(look_ups_.at(ticket).key == key && !look_ups_.at(ticket).engine);
  }
  std::size_t bytes = 0;
  until = Time::min();
  for (const auto& [ticket, keep] : keeps_) {
    QUARRY_CHECK(ticket < next_ticket_ && until <= keep.until);
    until = keep.until;
    bytes += keep.bytes;
  }
  QUARRY_CHECK(bytes == keep_bytes_ && keeps_.size() <= kKeeps);
  until = Time::min();
  for (const auto& [ticket, list] : lists_) {
    QUARRY_CHECK(list.job && ticket < next_ticket_ && until <= list.until);
    QUARRY_CHECK(list.entries.size() <= limits::kMaxStored && report::ascending(list.entries));
    until = list.until;
  }
  QUARRY_CHECK(lists_.size() <= kLists);
}

}  // namespace quarry::producer_bridge
