#include "actors/producer_bridge/storages.hpp"

#include <algorithm>

namespace quarry::producer_bridge {
namespace {

std::uint8_t ability(Line line) {
  return line == Line::keeps   ? worker::kKeeps
         : line == Line::lists ? worker::kLists
                               : worker::kLooksUp;
}

// How many jobs for peers a storage of this credit may hold.
std::uint32_t peer_part(std::uint32_t credit) {
  const std::uint32_t left = std::max<std::uint32_t>(credit / kEnginePart, 1);
  return credit > left ? credit - left : credit;
}

}  // namespace

Storages::Storages(std::string built_in, std::string keep_in, std::uint64_t seed, Effects& effects)
    : built_in_(std::move(built_in)),
      keep_in_(std::move(keep_in)),
      workers_({.role = WorkerRole::storage}),
      next_job_(seed >> 2 | 1),
      effects_(effects) {}

std::optional<JobId> Storages::look_up(const Work& work, std::optional<Place>& last, Time now,
                                       bool& all, bool& tell) {
  auto at = last ? storages_.upper_bound(*last) : storages_.begin();
  for (; at != storages_.end(); ++at) {
    if (at->second.looking_credit == 0 || !contains(at->second.keys, work.key)) continue;
    const auto job = enter(work, at, now);
    all = all && job;
    tell = tell && at->second.tells;
    if (!job) continue;
    last = at->first;
    return job;
  }
  return std::nullopt;
}

tl::expected<JobId, std::string> Storages::keep(const Work& work, Time now) {
  const std::string called = "storage called " + keep_in_;
  std::string why = "no " + called + " is attached";
  for (auto at = storages_.begin(); at != storages_.end(); ++at) {
    const Storage& storage = at->second;
    if (storage.name != keep_in_) continue;
    if (storage.keepers == 0) {
      why = "the " + called + " keeps nothing";
    } else if (!contains(storage.keys, work.key)) {
      why = "the " + called + " is not for this key";
    } else {
      return *enter(work, at, now);
    }
  }
  return tl::unexpected(std::move(why));
}

std::optional<JobId> Storages::list(const Work& work, std::optional<Place>& last, Time now) {
  auto at = last ? storages_.upper_bound(*last) : storages_.begin();
  for (; at != storages_.end(); ++at) {
    if (at->second.name != keep_in_ || !at->second.staffed(Line::lists)) continue;
    last = at->first;
    return enter(work, at, now);
  }
  return std::nullopt;
}

bool Storages::keeper_attached() const {
  return std::any_of(storages_.begin(), storages_.end(),
                     [&](const auto& storage) { return storage.second.name == keep_in_; });
}

bool Storages::Storage::staffed(Line of) const {
  return of == Line::keeps ? keepers > 0 : of == Line::lists ? listers > 0 : looking_credit > 0;
}

std::optional<JobId> Storages::enter(const Work& work, Table::iterator at, Time now) {
  auto& [place, storage] = *at;
  const JobId id{next_job_++};
  const auto job = jobs_.emplace_hint(jobs_.end(), id, Job{work, place, {}, {}, false});
  std::set<JobId>& line = storage.line(work.line);
  if (line.empty() && give(id, job->second, storage, now)) return id;
  if (storage.silent && looks_up(work.line)) {
    jobs_.erase(job);
    return std::nullopt;
  }
  line.insert(line.end(), id);
  return id;
}

bool Storages::give(JobId id, Job& job, Storage& storage, Time now) {
  const bool for_peers = job.work.line == Line::peers;
  if (for_peers && storage.peer_jobs >= peer_part(storage.looking_credit)) return false;
  const auto worker = workers_.pick({.abilities = ability(job.work.line),
                                     .name = storage.name,
                                     .scopes = workers_.scopes().exactly(storage.keys)});
  if (!worker) return false;
  workers_.job_given(*worker, id, now);
  storage.peer_jobs += for_peers ? 1 : 0;
  job.worker = *worker;
  job.given = now;
  send(*worker, id, job.work);
  return true;
}

void Storages::send(WorkerId worker, JobId id, const Work& work) {
  if (looks_up(work.line)) {
    effects_.push_back(ToWorker<worker::LookUp>{worker, {id, work.key, work.room}});
  } else if (work.line == Line::lists) {
    effects_.push_back(ToWorker<worker::List>{worker, {id, work.after, work.room}});
  } else if (work.value) {
    effects_.push_back(ToWorker<worker::Keep>{worker, {id, work.key, *work.value}});
  } else {
    effects_.push_back(ToWorker<worker::Remove>{worker, {id, work.key}});
  }
}

void Storages::fill(Storage& storage, Time now) {
  for (std::set<JobId>& line : storage.lines) {
    while (!line.empty() && give(*line.begin(), jobs_.at(*line.begin()), storage, now)) {
      line.erase(line.begin());
    }
  }
}

void Storages::end(JobId id, std::vector<Work>* orphans) {
  const auto at = jobs_.find(id);
  QUARRY_CHECK(at != jobs_.end());
  Job& job = at->second;
  Storage& storage = storages_.at(job.place);
  const Line line = job.work.line;
  if (!job.worker) {
    storage.line(line).erase(id);
  } else if (line == Line::peers) {
    --storage.peer_jobs;
  }
  if (job.forgotten) {
    forgotten_.erase({job.given, id});
  } else if (orphans != nullptr) {
    orphans->push_back(std::move(job.work));
  }
  jobs_.erase(at);
}

void Storages::forget(JobId id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end() || at->second.forgotten) return;
  Job& job = at->second;
  if (!job.worker) return end(id, nullptr);
  // It may still be worked on, and takes credit until that is known to be over.
  job.work.value.reset();
  job.forgotten = true;
  forgotten_.emplace(job.given, id);
}

void Storages::ran_out(JobId id, Time now) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  const Job& job = at->second;
  const auto known = known_.find(job.worker);
  // One that answers others is slow, not stuck.
  if (known != known_.end() && known->second.answered <= job.given) {
    workers_.stalled(job.worker, now);
    storages_.at(job.place).silent = true;
  }
  forget(id);
}

void Storages::hello_received(WorkerId worker, const worker::Hello& hello, Time now) {
  const bool useful = (hello.abilities & (worker::kLooksUp | worker::kKeeps)) != 0;
  if (!useful && hello.role == WorkerRole::storage && !workers_.attached(worker)) {
    ++refused_;
    effects_.push_back(
        workers::Refuse{worker, Reason::unsupported, "a storage looks up, or keeps, or both"});
    effects_.push_back(Forget{worker});
    return;
  }
  workers_.hello_received(worker, hello, now);
  std::vector<Work> orphans;
  settle(now, orphans);
  QUARRY_CHECK(orphans.empty());
}

void Storages::pong_received(WorkerId worker, std::uint64_t nonce, Time now) {
  if (!attached(worker)) return;
  workers_.pong_received(worker, nonce, now);
  absorb();
}

bool Storages::attached(WorkerId worker) {
  if (workers_.attached(worker)) return true;
  workers_.refuse_unknown(worker);
  absorb();
  return false;
}

bool Storages::is_for(WorkerId worker, const Key& key) {
  return attached(worker) && contains(storages_.at(known_.at(worker).place).keys, key);
}

std::optional<Work> Storages::answered(WorkerId worker, JobId id, Time now) {
  if (!attached(worker)) return std::nullopt;
  Known& known = known_.at(worker);
  known.answered = now;
  Storage& storage = storages_.at(known.place);
  storage.silent = false;
  std::vector<Work> done;
  if (workers_.job_answered(worker, id, now)) {
    end(id, &done);
  } else {
    ++unmatched_;
  }
  fill(storage, now);
  if (done.empty()) return std::nullopt;
  return std::move(done.front());
}

std::vector<Work> Storages::said_bye(WorkerId worker, Time now) {
  std::vector<Work> orphans;
  for (const JobId id : workers_.said_bye(worker, now)) end(id, &orphans);
  known_.erase(worker);
  settle(now, orphans);
  effects_.push_back(Forget{worker});
  return orphans;
}

std::vector<Work> Storages::gone(WorkerId worker, Time now) {
  std::vector<Work> orphans;
  const auto departure = workers_.gone(worker, now);
  const auto before = known_.find(worker);
  if (before == known_.end()) return orphans;  // a claimant, or nobody
  const Known old = before->second;
  known_.erase(before);
  absorb();
  for (const JobId id : departure.jobs) {
    if (!departure.successor) {
      end(id, &orphans);
      continue;
    }
    // It comes back as it was, or with other things to do.
    Job& job = jobs_.at(id);
    const Known& now_known = known_.at(*departure.successor);
    const bool same = now_known.place == old.place && now_known.abilities == old.abilities;
    if (same && !job.forgotten) {
      job.worker = *departure.successor;
      job.given = now;
      send(job.worker, id, job.work);
    } else {
      workers_.job_lost(*departure.successor, id);
      end(id, &orphans);
    }
  }
  settle(now, orphans);
  return orphans;
}

void Storages::settle(Time now, std::vector<Work>& orphans) {
  absorb();
  recount(orphans);
  for (auto& [place, storage] : storages_) fill(storage, now);
}

void Storages::absorb() {
  for (workers::Effect& effect : workers_.take_effects()) {
    std::visit([&](auto& item) { effects_.push_back(item); }, effect);
    if (const auto* refuse = std::get_if<workers::Refuse>(&effect)) {
      effects_.push_back(Forget{refuse->worker});
    }
    const auto* welcome = std::get_if<workers::Welcome>(&effect);
    if (welcome == nullptr || !workers_.attached(welcome->worker)) continue;
    if (known_.contains(welcome->worker)) continue;
    const worker::Hello& hello = workers_.hello(welcome->worker);
    known_[welcome->worker] = {place_of(hello), hello.abilities, hello.credit, Time::min()};
  }
}

Storages::Place Storages::place_of(const worker::Hello& hello) {
  const auto known = std::find_if(storages_.begin(), storages_.end(), [&](const auto& storage) {
    return storage.second.name == hello.name && storage.second.keys == hello.keys;
  });
  if (known != storages_.end()) return known->first;
  const bool built_in = hello.name == built_in_ && hello.keys.empty();
  const Place place = built_in ? kBuiltIn : ++last_place_;
  Storage& storage = storages_[place];
  storage.name = hello.name;
  storage.keys = hello.keys;
  return place;
}

void Storages::recount(std::vector<Work>& orphans) {
  std::map<Place, bool> before;  // of those that looked up: whether they tell
  for (auto& [place, storage] : storages_) {
    if (storage.looking_credit > 0) before[place] = storage.tells;
    storage.looking_credit = storage.keepers = storage.listers = 0;
    storage.tells = true;
  }
  for (const auto& [id, known] : known_) {
    Storage& storage = storages_.at(known.place);
    if ((known.abilities & worker::kKeeps) != 0) ++storage.keepers;
    if ((known.abilities & worker::kLists) != 0) ++storage.listers;
    if ((known.abilities & worker::kLooksUp) == 0) continue;
    storage.looking_credit += known.credit;
    storage.tells = storage.tells && (known.abilities & worker::kTells) != 0;
  }
  for (auto at = storages_.begin(); at != storages_.end();) {
    Storage& storage = at->second;
    if (storage.looking_credit > 0) {
      const auto known = before.find(at->first);
      arrived_ = arrived_ || known == before.end() || (known->second && !storage.tells);
    }
    for (const Line line : {Line::keeps, Line::lists, Line::engine, Line::peers}) {
      if (storage.staffed(line)) continue;
      while (!storage.line(line).empty()) end(*storage.line(line).begin(), &orphans);
    }
    const bool staffed = storage.staffed(Line::keeps) || storage.staffed(Line::engine);
    at = staffed ? std::next(at) : storages_.erase(at);
  }
  link::Attached attached{WorkerRole::storage, static_cast<std::uint32_t>(known_.size()),
                          workers_.scopes().keys()};
  if (attached == said_) return;
  said_ = std::move(attached);
  say_attached();
}

void Storages::say_attached() { effects_.push_back(said_); }

Time Storages::next_deadline() const {
  const Time lost = forgotten_.empty() ? kNever : forgotten_.begin()->first + kForgottenWithin;
  return std::min(lost, workers_.next_deadline());
}

std::vector<Work> Storages::time_passed(Time now) {
  std::vector<Work> orphans;
  while (!forgotten_.empty() && forgotten_.begin()->first + kForgottenWithin <= now) {
    const JobId id = forgotten_.begin()->second;
    workers_.job_lost(jobs_.at(id).worker, id);
    end(id, nullptr);
  }
  for (const WorkerId silent : workers_.time_passed(now)) {
    std::vector<Work> lost = gone(silent, now);
    std::move(lost.begin(), lost.end(), std::back_inserter(orphans));
  }
  settle(now, orphans);
  return orphans;
}

void Storages::check_invariants() const {
  workers_.check_invariants();
  QUARRY_CHECK(known_.size() == workers_.size());
  std::size_t held = 0;
  for (const auto& [id, known] : known_) {
    QUARRY_CHECK(workers_.attached(id) && storages_.contains(known.place));
    for (const JobId job : workers_.jobs(id)) QUARRY_CHECK(jobs_.at(job).worker == id);
    held += workers_.jobs(id).size();
  }
  std::size_t waiting = 0;
  std::size_t forgotten = 0;
  std::map<Place, std::uint32_t> peer_jobs;
  for (const auto& [id, job] : jobs_) {
    const auto line = static_cast<std::size_t>(job.work.line);
    QUARRY_CHECK(storages_.at(job.place).lines[line].contains(id) == !job.worker);
    QUARRY_CHECK(!job.forgotten || forgotten_.contains({job.given, id}));
    waiting += job.worker ? 0 : 1;
    forgotten += job.forgotten ? 1 : 0;
    if (job.worker && job.work.line == Line::peers) ++peer_jobs[job.place];
  }
  QUARRY_CHECK(held + waiting == jobs_.size());
  QUARRY_CHECK(forgotten == forgotten_.size());
  std::size_t lined_up = 0;
  for (const auto& [place, storage] : storages_) {
    for (const std::set<JobId>& line : storage.lines) lined_up += line.size();
    QUARRY_CHECK(storage.peer_jobs == peer_jobs[place]);
    QUARRY_CHECK(storage.looking_credit > 0 || storage.keepers > 0);
  }
  QUARRY_CHECK(lined_up == waiting);
}

}  // namespace quarry::producer_bridge
