#include "actors/workers/attached.hpp"

#include <algorithm>
#include <unordered_set>

namespace quarry::workers {

bool Attached::hello_received(WorkerId id, const worker::Hello& hello, Time now) {
  QUARRY_CHECK(hello.sound());
  if (const Worker* known = find(id)) {
    if (known->hello.instance == hello.instance) {
      effects_.push_back(Welcome{id});
      return false;
    }
    ++refused_total_;
    return false;
  }
  if (claimed_by(id) != nullptr) return false;
  if (hello.role != config_.role) {
    refuse(id, Reason::unsupported,
           "this door is for workers of the role " + std::string(name(config_.role)));
    return false;
  }
  const auto twin = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
    return worker.hello.instance == hello.instance;
  });
  if (twin != workers_.end()) {
    // The latest claimant stands: an earlier one is most likely an older connection of the same.
    if (twin->claim) refuse_claim(*twin);
    twin->claim = Claim{id, hello, now + kClaimWithin};
    twin->next_ping = now;
    return false;
  }
  if (workers_.size() >= config_.max_workers) {
    refuse(id, Reason::full,
           "at most " + std::to_string(config_.max_workers) + " workers attach at this door");
    return false;
  }
  attach(id, hello, now);
  return true;
}

void Attached::attach(WorkerId id, const worker::Hello& hello, Time now) {
  Worker& worker = workers_.emplace_back();
  worker.id = id;
  worker.hello = hello;
  worker.hello.credit = std::min(hello.credit, kMaxCredit);
  worker.scope = scopes_.enter(hello.keys);
  worker.since = now;
  worker.next_ping = now + kPingIdleEvery;
  ++version_;
  effects_.push_back(Welcome{id});
}

void Attached::pong_received(WorkerId id, std::uint64_t nonce, Time) {
  Worker* worker = find(id);
  if (worker == nullptr || nonce == 0 || nonce > worker->pinged) return;
  worker->silent_since.reset();
  const bool proves = worker->claim && worker->claim->probe != 0 && nonce >= worker->claim->probe;
  if (proves) refuse_claim(*worker);
}

Attached::Departure Attached::gone(WorkerId id, Time now) {
  if (Worker* twin = claimed_by(id)) {
    twin->claim.reset();
    return {};
  }
  Worker* worker = find(id);
  if (worker == nullptr) return {};
  if (!worker->claim) return {std::nullopt, remove(*worker)};
  worker->id = worker->claim->worker;
  if (worker->claim->hello.keys != worker->hello.keys) {
    scopes_.leave(worker->scope);
    worker->scope = scopes_.enter(worker->claim->hello.keys);
    ++version_;
  }
  worker->hello = std::move(worker->claim->hello);
  worker->hello.credit = std::min(worker->hello.credit, kMaxCredit);
  worker->claim.reset();
  worker->silent_since.reset();
  worker->stalls = 0;
  worker->next_ping = now + kPingEvery;
  effects_.push_back(Welcome{worker->id});
  return {worker->id, jobs(worker->id)};
}

std::vector<JobId> Attached::said_bye(WorkerId id, Time now) {
  if (Worker* twin = claimed_by(id)) {
    twin->claim.reset();
    return {};
  }
  Worker* worker = find(id);
  if (worker == nullptr) return {};
  const std::optional<Claim> claim = std::move(worker->claim);
  std::vector<JobId> jobs = remove(*worker);
  if (claim) attach(claim->worker, claim->hello, now);
  return jobs;
}

void Attached::refuse_unknown(WorkerId id) {
  QUARRY_CHECK(!attached(id));
  if (waits(id)) return;
  refuse(id, Reason::unknown, "not attached at this door: say hello first");
}

std::optional<WorkerId> Attached::pick(const Wish& wish) const {
  const Worker* best = nullptr;
  bool best_unwanted = false;
  bool others = false;  // worth waiting for
  for (const Worker& worker : workers_) {
    if ((worker.scope & wish.scopes) == 0) continue;
    if ((worker.hello.abilities & wish.abilities) != wish.abilities) continue;
    if (wish.name && worker.hello.name != *wish.name) continue;
    const bool unwanted = std::find(wish.rather_not.begin(), wish.rather_not.end(),
                                    worker.hello.instance) != wish.rather_not.end();
    others |= !unwanted && worker.stalls == 0;
    const std::uint32_t free = free_credit(worker);
    if (free == 0 || (wish.alone && !worker.jobs.empty())) continue;
    const bool better =
        best == nullptr || std::tuple(unwanted, ~free, worker.used) <
                               std::tuple(best_unwanted, ~free_credit(*best), best->used);
    if (!better) continue;
    best = &worker;
    best_unwanted = unwanted;
  }
  if (best == nullptr || (best_unwanted && others)) return std::nullopt;
  return best->id;
}

void Attached::job_given(WorkerId id, JobId job, Time now, Load load) {
  Worker* worker = find(id);
  QUARRY_CHECK(worker != nullptr && free_credit(*worker) > 0);
  QUARRY_CHECK(!load.alone || worker->jobs.empty());
  QUARRY_CHECK(worker->jobs.emplace(job, Held{now, load.bytes}).second);
  worker->bytes += load.bytes;
  worker->alone = load.alone;
  worker->used = ++uses_;
  worker->next_ping = std::min(worker->next_ping, now + kPingEvery);
}

bool Attached::job_answered(WorkerId id, JobId job, Time now) {
  Worker* worker = find(id);
  if (worker == nullptr) return false;
  worker->stalls = 0;
  worker->trial = false;
  const auto held = worker->jobs.find(job);
  if (held == worker->jobs.end()) return false;
  const Duration took = now - held->second.since;
  worker->job_time += worker->done == 0 ? took : (took - worker->job_time) / 8;
  ++worker->done;
  return drop_job(*worker, job);
}

bool Attached::job_lost(WorkerId id, JobId job) {
  Worker* worker = find(id);
  if (worker == nullptr || !drop_job(*worker, job)) return false;
  ++worker->lost;
  return true;
}

void Attached::stalled(WorkerId id, Time now) {
  Worker* worker = find(id);
  if (worker == nullptr) return;
  // Jobs given together run out together: that is one stall.
  if (worker->stalls > 0 && !worker->trial) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(worker->stalls, 16);
  worker->trial_at = now + std::min<Duration>(kTrialAfter * (1U << doublings), kTrialAfterMost);
  worker->trial = false;
  ++worker->stalls;
}

Time Attached::next_deadline() const {
  Time next = kNever;
  for (const Worker& worker : workers_) {
    next = std::min(next, worker.next_ping);
    if (worker.stalls > 0 && !worker.trial) next = std::min(next, worker.trial_at);
    if (worker.claim) next = std::min(next, worker.claim->until);
  }
  return next;
}

std::vector<WorkerId> Attached::time_passed(Time now) {
  std::vector<WorkerId> silent;
  for (Worker& worker : workers_) {
    if (worker.stalls > 0 && worker.trial_at <= now) worker.trial = true;
    if (worker.claim && worker.claim->until <= now) refuse_claim(worker);
    if (worker.next_ping > now) continue;
    if (config_.silent_after > Duration::zero() && worker.silent_since &&
        now - *worker.silent_since >= config_.silent_after) {
      silent.push_back(worker.id);
    }
    if (!worker.silent_since) worker.silent_since = now;
    worker.pinged = ++nonces_;
    if (worker.claim && worker.claim->probe == 0) worker.claim->probe = worker.pinged;
    worker.next_ping = now + (worker.jobs.empty() && !worker.claim ? kPingIdleEvery : kPingEvery);
    effects_.push_back(Ping{worker.id, worker.pinged});
  }
  return silent;
}

bool Attached::has(Instance instance) const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [&](const Worker& worker) { return worker.hello.instance == instance; });
}

bool Attached::waits(WorkerId id) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const Worker& worker) {
    return worker.claim && worker.claim->worker == id;
  });
}

const worker::Hello& Attached::hello(WorkerId id) const {
  const Worker* worker = find(id);
  QUARRY_CHECK(worker != nullptr);
  return worker->hello;
}

std::vector<JobId> Attached::jobs(WorkerId id) const {
  std::vector<JobId> jobs;
  if (const Worker* worker = find(id)) {
    for (const auto& [job, held] : worker->jobs) jobs.push_back(job);
  }
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

Scopes Attached::scope(WorkerId id) const {
  const Worker* worker = find(id);
  QUARRY_CHECK(worker != nullptr);
  return worker->scope;
}

std::vector<report::WorkerInfo> Attached::describe(CallId call, Time now) const {
  std::vector<report::WorkerInfo> infos;
  for (const Worker& worker : workers_) {
    using std::chrono::duration_cast;
    report::WorkerInfo& info = infos.emplace_back();
    info.call = call;
    info.role = worker.hello.role;
    info.name = worker.hello.name;
    info.instance = worker.hello.instance;
    info.attached_ms = static_cast<std::uint64_t>(
        duration_cast<std::chrono::milliseconds>(now - worker.since).count());
    info.credit = worker.hello.credit;
    info.jobs = static_cast<std::uint32_t>(worker.jobs.size());
    info.done = worker.done;
    info.lost = worker.lost;
    info.job_us = static_cast<std::uint32_t>(std::min<std::int64_t>(
        duration_cast<std::chrono::microseconds>(worker.job_time).count(), UINT32_MAX));
    info.stalled = worker.stalls > 0;
    info.abilities = worker.hello.abilities;
    info.agent = worker.hello.agent;
    info.keys = worker.hello.keys;
  }
  return infos;
}

const Attached::Worker* Attached::find(WorkerId id) const {
  const auto at = std::find_if(workers_.begin(), workers_.end(),
                               [&](const Worker& worker) { return worker.id == id; });
  return at == workers_.end() ? nullptr : &*at;
}

Attached::Worker* Attached::find(WorkerId id) {
  return const_cast<Worker*>(std::as_const(*this).find(id));
}

Attached::Worker* Attached::claimed_by(WorkerId id) {
  const auto at = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
    return worker.claim && worker.claim->worker == id;
  });
  return at == workers_.end() ? nullptr : &*at;
}

std::uint32_t Attached::free_credit(const Worker& worker) const {
  std::uint32_t credit = worker.hello.credit;
  if (worker.stalls > 0) credit = worker.trial ? 1 : 0;
  if (worker.alone && !worker.jobs.empty()) credit = 1;
  if (worker.bytes >= kMaxBytesHeld) return 0;
  const auto held = static_cast<std::uint32_t>(worker.jobs.size());
  return credit > held ? credit - held : 0;
}

void Attached::refuse(WorkerId id, Reason reason, std::string detail) {
  ++refused_total_;
  effects_.push_back(Refuse{id, reason, std::move(detail)});
}

void Attached::refuse_claim(Worker& worker) {
  const WorkerId claimant = worker.claim->worker;
  worker.claim.reset();
  ++duplicates_total_;
  refuse(claimant, Reason::duplicate, "this instance is attached already");
}

bool Attached::drop_job(Worker& worker, JobId job) {
  const auto held = worker.jobs.find(job);
  if (held == worker.jobs.end()) return false;
  worker.bytes -= held->second.bytes;
  worker.jobs.erase(held);
  return true;
}

std::vector<JobId> Attached::remove(Worker& worker) {
  std::vector<JobId> held = jobs(worker.id);
  scopes_.leave(worker.scope);
  ++version_;
  workers_.erase(workers_.begin() + (&worker - workers_.data()));
  return held;
}

void Attached::check_invariants() const {
  QUARRY_CHECK(workers_.size() <= config_.max_workers);
  scopes_.check_invariants();
  std::unordered_set<WorkerId> ids;
  std::unordered_set<Instance> instances;
  std::unordered_set<JobId> jobs;
  for (const Worker& worker : workers_) {
    QUARRY_CHECK(ids.insert(worker.id).second);
    QUARRY_CHECK(instances.insert(worker.hello.instance).second);
    QUARRY_CHECK(worker.hello.role == config_.role);
    QUARRY_CHECK(worker.hello.credit >= 1 && worker.hello.credit <= kMaxCredit);
    std::size_t bytes = 0;
    for (const auto& [job, held] : worker.jobs) {
      QUARRY_CHECK(jobs.insert(job).second);
      bytes += held.bytes;
    }
    QUARRY_CHECK(bytes == worker.bytes);
    if (worker.claim) {
      QUARRY_CHECK(ids.insert(worker.claim->worker).second);
      QUARRY_CHECK(worker.claim->hello.instance == worker.hello.instance);
    }
  }
}

}  // namespace quarry::workers
