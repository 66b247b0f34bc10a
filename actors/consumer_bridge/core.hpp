// Values out for judgement: which verifier judges which, what a verdict must be to count, and what
// happens when one is lost (N6). It remembers no fetch and knows no keys' meaning; it never blames
// a peer, and each Judge of the Engine gets exactly one Verdict.
//
// A delivery is `waiting` (no verifier that is for its key has free credit) or `out` (one verifier
// holds it, as a job). A lost verdict brings it back to waiting, at the place that its age gives
// it; the third loss makes it poison. Its last try it has alone: the verifier gets no other job
// meanwhile, so that a value which kills verifiers does not make poison of all that were judged
// beside it.
//
// What waits stands in lines, one for each set of verifiers that keys may have, so that a key whose
// verifiers are busy or missing holds up no other.
#pragma once

#include <map>
#include <set>
#include <variant>
#include <vector>

#include "actors/consumer_bridge/config.hpp"
#include "actors/consumer_bridge/limits.hpp"
#include "actors/workers/attached.hpp"
#include "msg/link.hpp"
#include "msg/pooled.hpp"
#include "msg/worker.hpp"

namespace quarry::consumer_bridge {

using workers::WorkerId;

template <class Item>
struct ToWorker {
  WorkerId worker;
  Item item;
  friend bool operator==(const ToWorker&, const ToWorker&) = default;
};
// Nothing more is said to this worker's connection, unless the core knows it again by now.
struct Forget {
  WorkerId worker;
  friend bool operator==(const Forget&, const Forget&) = default;
};
// A value is poison: for a person to look at.
struct Alarm {
  Key key;
  PeerKey peer;
  std::string detail;  // how the last verdict was lost
  friend bool operator==(const Alarm&, const Alarm&) = default;
};
using Effect = std::variant<link::Verdict, link::Attached, report::WorkerInfo, report::Counter,
                            report::Done, ToWorker<worker::Judge>, ToWorker<worker::Abort>,
                            workers::Welcome, workers::Ping, workers::Refuse, Forget, Alarm>;

class Core {
 public:
  // The seed gives the first job id: a verdict of an earlier life of the node must not fit.
  Core(Config config, std::uint64_t seed);

  // Events of the Engine's link.

  // A Hello. The Engine knows nothing of earlier deliveries or sends them again: all are dropped.
  void engine_attached();
  void judge_received(link::Judge judge, Time now);
  void abort_received(const link::Abort& abort);
  void survey_received(const link::Survey& survey, Time now);

  // Events of the verifiers' door. Whoever is not attached is told to say hello.

  void hello_received(WorkerId worker, const worker::Hello& hello, Time now);
  void verdict_received(WorkerId worker, const worker::Verdict& verdict, Time now);
  void failed_received(WorkerId worker, const worker::Failed& failed, Time now);
  // An answer that only a storage gives.
  void nonsense_received(WorkerId worker, JobId job, Time now);
  void pong_received(WorkerId worker, const worker::Pong& pong, Time now);
  void bye_received(WorkerId worker, Time now);
  // Its message was none: nothing that it says is trusted any more until it says hello again.
  void unfit_received(WorkerId worker, const Unfit& unfit, Time now);
  // Its connection is gone, or it does not read.
  void worker_gone(WorkerId worker, Time now);

  Time next_deadline() const;
  void time_passed(Time now);

  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  // Whether it is attached, or waits to be.
  bool knows(WorkerId worker) const {
    return verifiers_.attached(worker) || verifiers_.waits(worker);
  }
  std::size_t waiting() const;
  std::size_t out() const { return jobs_.size(); }
  void check_invariants() const;

 private:
  struct Delivery {
    link::Judge judge;
    std::uint64_t arrival = 0;  // its place among those that wait
    JobId job;                  // none: waiting
    bool aborted = false;
    std::vector<Instance> losers;  // one for each verdict lost
  };
  struct Job {
    WorkerId worker;
    DeliveryId delivery;  // none: the Engine has forgotten it
    Time deadline;
    bool alone = false;
  };
  // Those of which the same is true: who is for the key, and who of them lost its verdict already.
  struct Line {
    using Of = std::pair<workers::Scopes, std::vector<Instance>>;
    std::map<std::uint64_t, DeliveryId> queue;  // by arrival
    std::size_t bytes = 0;
    bool stuck = false;  // nobody can take its first, in this dispatch
  };
  using Lines = std::map<Line::Of, Line>;  // none empty

  bool is_last_try(const Delivery& delivery) const;
  Lines& lines_of(const Delivery& delivery);
  Line::Of line_of(const Delivery& delivery) const;
  void enter(DeliveryId id, const Delivery& delivery);
  void leave(const Delivery& delivery);
  void regroup();
  void dispatch(Time now);
  workers::Scopes give_last_tries(Time now);
  void give_others(workers::Scopes scopes, Time now);
  void drop_unclaimed();
  void give(DeliveryId id, WorkerId worker, bool alone, Time now);
  void hand(Delivery& delivery, WorkerId worker, bool alone, const Payload& value, Time now);
  void send(WorkerId worker, const Delivery& delivery, const Payload& value);
  bool refused(WorkerId worker);
  std::optional<DeliveryId> taken_from(WorkerId worker, JobId job);
  void forget_job(JobId job);
  void lost(DeliveryId id, Instance loser, const std::string& how);
  void lost_of(Instance loser, const std::vector<JobId>& jobs, const std::string& how);
  void verdict(DeliveryId id, Outcome outcome, std::vector<std::uint16_t> satisfied);
  void absorb();

  Config config_;
  workers::Attached verifiers_;
  PooledHashMap<DeliveryId, Delivery> deliveries_;
  Lines waiting_;
  Lines last_tries_;
  std::uint64_t lines_version_ = 0;  // of the verifiers, when the lines were made
  // Ids rise with time and all have the same time: the first is the next to run out.
  PooledMap<JobId, Job> jobs_;
  std::set<JobId> alone_;   // jobs that are out alone
  std::uint64_t next_job_;  // from a start that leaves ids enough to rise for ever
  std::uint64_t arrivals_ = 0;
  link::Attached said_;
  struct {
    std::uint64_t judge_jobs = 0;
    std::array<std::uint64_t, Names<Outcome>::list.size()> verdicts{};
    std::uint64_t losses = 0;
    std::uint64_t nonsense = 0;
    std::uint64_t unmatched = 0;
    std::uint64_t poison = 0;
    std::uint64_t unclaimed = 0;
    std::uint64_t refused = 0;
    std::uint64_t unfit = 0;  // messages
  } total_;
  std::vector<Effect> effects_;
};

}  // namespace quarry::consumer_bridge
