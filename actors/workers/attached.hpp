// The workers attached at one door: who they are, what they can do, which jobs they hold, and when
// each is pinged next. Part of both bridges' cores. It knows jobs only by id and never decides what
// becomes of one; it never sends, and never gives a worker more jobs than its credit.
//
// A worker is known by the id that the shell gives to its connection, and by the instance that it
// claims. One instance is attached once: who claims an instance that is attached already waits
// while the old connection is probed. When that is gone the claimant takes over its place and its
// jobs; when it answers, or nothing proves it gone within kClaimWithin, the claimant is refused.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/workers/limits.hpp"
#include "actors/workers/scopes.hpp"
#include "msg/pooled.hpp"
#include "msg/report.hpp"
#include "msg/time.hpp"
#include "msg/worker.hpp"

namespace quarry::workers {

// One connection of a worker to a door; given by the shell, never reused.
using WorkerId = Id<struct WorkerIdKind>;

struct Welcome {
  WorkerId worker;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Ping {
  WorkerId worker;
  std::uint64_t nonce = 0;
  friend bool operator==(const Ping&, const Ping&) = default;
};
// Tell it why. Its connection can be forgotten, unless it is attached or waits again by the time
// this is carried out: a hello may follow in the same turn.
struct Refuse {
  WorkerId worker;
  Reason reason = Reason::malformed;
  std::string detail;
  friend bool operator==(const Refuse&, const Refuse&) = default;
};
using Effect = std::variant<Welcome, Ping, Refuse>;

class Attached {
 public:
  struct Config {
    WorkerRole role = WorkerRole::verifier;
    std::size_t max_workers = kMaxWorkers;
    // A worker that answers no ping for this long counts as gone. Zero: never, as over ipc, where
    // sends tell and a busy worker may be silent for long.
    Duration silent_after{0};
  };
  explicit Attached(Config config) : config_(config) {}

  // Events. What a worker that is not attached says (but Hello) is to be answered by
  // refuse_unknown.

  // True when this attached it. A repeated Hello is welcomed again and changes nothing; one of
  // another instance on the same connection is ignored and counted.
  bool hello_received(WorkerId worker, const worker::Hello& hello, Time now);
  void pong_received(WorkerId worker, std::uint64_t nonce, Time now);
  // Its connection is no more, or it is given up. The jobs it held are the successor's, to be given
  // to it once more under the same ids, or, without one, nobody's.
  struct Departure {
    std::optional<WorkerId> successor;
    std::vector<JobId> jobs;
  };
  Departure gone(WorkerId worker, Time now);
  // It left in good order: a claimant attaches afresh, and the jobs are nobody's.
  std::vector<JobId> said_bye(WorkerId worker, Time now);
  // Says so to a worker that is not attached; it may say Hello again. A claimant is left waiting.
  void refuse_unknown(WorkerId worker);

  // Jobs.

  struct Wish {
    std::uint8_t abilities = 0;                 // all of these
    std::optional<std::string_view> name = {};  // of this name
    Scopes scopes = ~Scopes{0};                 // for the keys of one of these
    std::span<const Instance> rather_not = {};  // these only when all others are stalled
    bool alone = false;                         // only who holds no job
  };
  // Which workers are for a key, for Wish::scopes.
  const ScopeTable& scopes() const { return scopes_; }
  Scopes scope(WorkerId worker) const;  // requires attached
  // Who has the most free credit; among equals, who was given a job least lately.
  std::optional<WorkerId> pick(const Wish& wish) const;
  struct Load {
    std::size_t bytes = 0;  // of the value that goes with the job
    bool alone = false;     // it is given no other job meanwhile
  };
  // Requires that pick() could have named it.
  void job_given(WorkerId worker, JobId job, Time now, Load load);
  void job_given(WorkerId worker, JobId job, Time now) { job_given(worker, job, now, Load{}); }
  // False when this worker does not hold this job. Any answer ends a stall.
  bool job_answered(WorkerId worker, JobId job, Time now);
  // The job is taken from it without an answer that counts. False when it does not hold it.
  bool job_lost(WorkerId worker, JobId job);
  // A job of its ran out: no more jobs for it until it answers one; one as a trial after a while.
  void stalled(WorkerId worker, Time now);

  // Time.

  Time next_deadline() const;
  // Says pings and late refusals as effects; returns the silent ones, to be given up by gone().
  std::vector<WorkerId> time_passed(Time now);

  // What is there.

  bool attached(WorkerId worker) const { return find(worker) != nullptr; }
  bool has(Instance instance) const;
  bool waits(WorkerId worker) const;
  // Changes whenever who is attached does, or for which keys.
  std::uint64_t version() const { return version_; }
  std::size_t size() const { return workers_.size(); }
  const worker::Hello& hello(WorkerId worker) const;  // requires attached
  std::vector<JobId> jobs(WorkerId worker) const;
  std::vector<report::WorkerInfo> describe(CallId call, Time now) const;
  std::uint64_t refused_total() const { return refused_total_; }
  // Of those, who claimed an instance that another connection has.
  std::uint64_t duplicates_total() const { return duplicates_total_; }

  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  void check_invariants() const;

 private:
  struct Claim {
    WorkerId worker;
    worker::Hello hello;
    Time until;
    std::uint64_t probe = 0;  // nonce of the ping that tests the old connection
  };
  struct Held {
    Time since;
    std::size_t bytes = 0;
  };
  struct Worker {
    WorkerId id;
    worker::Hello hello;  // credit as clamped
    Scopes scope = 0;
    Time since;
    PooledHashMap<JobId, Held> jobs;
    std::size_t bytes = 0;  // of all its jobs
    bool alone = false;     // its one job is to be its only one
    std::uint64_t done = 0;
    std::uint64_t lost = 0;
    Duration job_time{0};              // smoothed
    std::uint64_t used = 0;            // when it was last given a job, as a count
    std::uint64_t pinged = 0;          // nonce of the last ping
    std::optional<Time> silent_since;  // the first ping that is unanswered
    Time next_ping;
    std::uint32_t stalls = 0;  // in a row
    Time trial_at;             // while stalls > 0: when one job is given as a trial
    bool trial = false;        // that time has come
    std::optional<Claim> claim;
  };

  const Worker* find(WorkerId id) const;
  Worker* find(WorkerId id);
  Worker* claimed_by(WorkerId id);
  std::uint32_t free_credit(const Worker& worker) const;
  void attach(WorkerId id, const worker::Hello& hello, Time now);
  void refuse(WorkerId id, Reason reason, std::string detail);
  void refuse_claim(Worker& worker);
  static bool drop_job(Worker& worker, JobId job);
  std::vector<JobId> remove(Worker& worker);

  Config config_;
  std::vector<Worker> workers_;  // in the order they attached
  ScopeTable scopes_;
  std::uint64_t version_ = 0;
  std::uint64_t uses_ = 0;
  std::uint64_t nonces_ = 0;
  std::uint64_t refused_total_ = 0;
  std::uint64_t duplicates_total_ = 0;
  std::vector<Effect> effects_;
};

}  // namespace quarry::workers
