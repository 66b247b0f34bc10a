#include "actors/consumer_bridge/core.hpp"

#include <algorithm>

#include "msg/take_back.hpp"

namespace quarry::consumer_bridge {
namespace {

// Whether a verifier may say this of a delivery to so many subscribers.
bool sensible(const worker::Verdict& verdict, std::size_t subscribers) {
  return verdict.sound() && (verdict.satisfied.empty() || verdict.satisfied.back() < subscribers);
}

}  // namespace

Core::Core(Config config, std::uint64_t seed)
    : config_(config), verifiers_({.role = WorkerRole::verifier}), next_job_(seed >> 2 | 1) {}

void Core::engine_attached() {
  take_back<link::ConsumerToEngine>(effects_);
  for (auto& [id, job] : jobs_) {
    if (!job.delivery) continue;
    // The verifier still works at it: the job keeps its place in the verifier's credit.
    effects_.push_back(ToWorker<worker::Abort>{job.worker, {id}});
    job.delivery = {};
  }
  deliveries_.clear();
  waiting_.clear();
  last_tries_.clear();
  effects_.push_back(said_);
}

void Core::judge_received(link::Judge judge, Time now) {
  if (deliveries_.contains(judge.delivery)) {
    ++total_.unmatched;
    return;
  }
  ++total_.judge_jobs;
  if (deliveries_.size() >= kMaxDeliveries) {
    ++total_.refused;
    effects_.push_back(link::Verdict{judge.delivery, Outcome::lost, {}});
    return;
  }
  Delivery& delivery = deliveries_[judge.delivery];
  delivery.judge = std::move(judge);
  const Payload as_it_came = std::exchange(delivery.judge.value, delivery.judge.value.kept());
  delivery.arrival = ++arrivals_;
  if (waiting_.empty() && last_tries_.empty()) {
    regroup();
    const auto worker = verifiers_.pick({.scopes = verifiers_.scopes().of(delivery.judge.key)});
    // Values that came in one frame go on in one, uncopied.
    if (worker) return hand(delivery, *worker, false, as_it_came, now);
  }
  enter(delivery.judge.delivery, delivery);
  dispatch(now);
}

void Core::abort_received(const link::Abort& abort) {
  const auto at = deliveries_.find(abort.delivery);
  if (at == deliveries_.end() || at->second.aborted) return;
  Delivery& delivery = at->second;
  delivery.aborted = true;
  if (delivery.job) {
    effects_.push_back(ToWorker<worker::Abort>{jobs_.at(delivery.job).worker, {delivery.job}});
    return;
  }
  leave(delivery);
  verdict(abort.delivery, Outcome::lost, {});
}

void Core::survey_received(const link::Survey& survey, Time now) {
  for (auto& info : verifiers_.describe(survey.call, now)) effects_.push_back(std::move(info));
  const auto counter = [&](std::string name, std::uint64_t value) {
    effects_.push_back(report::Counter{survey.call, std::move(name), value});
  };
  counter("judge_jobs_total", total_.judge_jobs);
  for (std::size_t i = 0; i < total_.verdicts.size(); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    if (!known<Outcome>(i) || outcome == Outcome::lost) continue;
    counter("verdicts_" + std::string(name(outcome)) + "_total", total_.verdicts[i]);
  }
  counter("verdicts_lost_total", total_.losses);
  counter("poison_total", total_.poison);
  counter("verifiers_nonsense_total", total_.nonsense);
  counter("verdicts_unmatched_total", total_.unmatched);
  counter("judge_jobs_unclaimed_total", total_.unclaimed);
  counter("judge_jobs_refused_total", total_.refused);
  counter("verifiers_refused_total", verifiers_.refused_total() + total_.unfit);
  counter("verifiers_duplicates_total", verifiers_.duplicates_total());
  counter("judge_jobs_waiting", waiting());
  counter("judge_jobs_out", out());
  effects_.push_back(report::Done{survey.call, verifiers_.size()});
}

void Core::hello_received(WorkerId worker, const worker::Hello& hello, Time now) {
  verifiers_.hello_received(worker, hello, now);
  absorb();
  dispatch(now);
}

void Core::verdict_received(WorkerId worker, const worker::Verdict& verdict, Time now) {
  if (refused(worker)) return;
  const auto id = taken_from(worker, verdict.job);
  if (!id || !*id) {
    verifiers_.job_answered(worker, verdict.job, now);
  } else if (sensible(verdict, deliveries_.at(*id).judge.subscribers.size())) {
    verifiers_.job_answered(worker, verdict.job, now);
    this->verdict(*id, verdict.outcome, verdict.satisfied);
  } else {
    ++total_.nonsense;
    verifiers_.job_lost(worker, verdict.job);
    lost(*id, verifiers_.hello(worker).instance, "the verifier gave a verdict that makes no sense");
  }
  dispatch(now);
}

void Core::failed_received(WorkerId worker, const worker::Failed& failed, Time now) {
  if (refused(worker)) return;
  const auto id = taken_from(worker, failed.job);
  if (!id) {
    verifiers_.job_answered(worker, failed.job, now);
  } else {
    verifiers_.job_lost(worker, failed.job);
    if (*id) lost(*id, verifiers_.hello(worker).instance, "the verifier failed: " + failed.detail);
  }
  dispatch(now);
}

void Core::nonsense_received(WorkerId worker, JobId job, Time now) {
  if (refused(worker)) return;
  ++total_.nonsense;
  if (const auto id = taken_from(worker, job)) {
    verifiers_.job_lost(worker, job);
    if (*id) lost(*id, verifiers_.hello(worker).instance, "the verifier answered like a storage");
  }
  dispatch(now);
}

void Core::pong_received(WorkerId worker, const worker::Pong& pong, Time now) {
  if (refused(worker)) return;
  verifiers_.pong_received(worker, pong.nonce, now);
  absorb();
}

void Core::bye_received(WorkerId worker, Time now) {
  effects_.push_back(Forget{worker});
  // Its work goes to others without a loss: whoever leaves in good order was not broken by a value.
  for (const JobId id : verifiers_.said_bye(worker, now)) {
    const DeliveryId delivery = *taken_from(worker, id);
    if (!delivery) continue;
    if (deliveries_.at(delivery).aborted) {
      verdict(delivery, Outcome::lost, {});
    } else {
      enter(delivery, deliveries_.at(delivery));
    }
  }
  absorb();
  dispatch(now);
}

void Core::unfit_received(WorkerId worker, const Unfit& unfit, Time now) {
  if (verifiers_.attached(worker)) {
    const Instance instance = verifiers_.hello(worker).instance;
    ++total_.nonsense;
    lost_of(instance, verifiers_.said_bye(worker, now), "the verifier sent " + unfit.detail);
  } else {
    verifiers_.said_bye(worker, now);
  }
  ++total_.unfit;
  effects_.push_back(workers::Refuse{worker, unfit.reason, unfit.detail});
  absorb();
  dispatch(now);
}

void Core::worker_gone(WorkerId worker, Time now) {
  if (!verifiers_.attached(worker)) {
    verifiers_.gone(worker, now);
    return;
  }
  const Instance instance = verifiers_.hello(worker).instance;
  const workers::Attached::Departure departure = verifiers_.gone(worker, now);
  absorb();
  if (!departure.successor) {
    lost_of(instance, departure.jobs, "the verifier is gone");
  } else {
    // What was on its way to the old connection is lost: all is said again.
    const worker::Hello& hello = verifiers_.hello(*departure.successor);
    for (const JobId id : departure.jobs) {
      Job& job = jobs_.at(id);
      job.worker = *departure.successor;
      if (job.delivery && contains(hello.keys, deliveries_.at(job.delivery).judge.key)) {
        const Delivery& delivery = deliveries_.at(job.delivery);
        send(job.worker, delivery, delivery.judge.value);
        continue;
      }
      verifiers_.job_lost(job.worker, id);
      const DeliveryId delivery = *taken_from(job.worker, id);
      if (delivery) lost(delivery, instance, "the verifier came back for other keys");
    }
  }
  dispatch(now);
}

Time Core::next_deadline() const {
  const Time stall = jobs_.empty() ? kNever : jobs_.begin()->second.deadline;
  return std::min(stall, verifiers_.next_deadline());
}

void Core::time_passed(Time now) {
  while (!jobs_.empty() && jobs_.begin()->second.deadline <= now) {
    const JobId id = jobs_.begin()->first;
    const WorkerId worker = jobs_.begin()->second.worker;
    const DeliveryId delivery = *taken_from(worker, id);
    verifiers_.stalled(worker, now);
    verifiers_.job_lost(worker, id);
    if (delivery) lost(delivery, verifiers_.hello(worker).instance, "the verifier stalled");
  }
  for (const WorkerId worker : verifiers_.time_passed(now)) {
    effects_.push_back(Forget{worker});
    worker_gone(worker, now);
  }
  absorb();
  dispatch(now);
}

// Whether this worker has no say here; it is told so.
bool Core::refused(WorkerId worker) {
  if (verifiers_.attached(worker)) return false;
  verifiers_.refuse_unknown(worker);
  absorb();
  return true;
}

// Takes the job out of the hands of the worker that holds it: the delivery that is back, which is
// none when the Engine has forgotten it. Nullopt when this worker does not hold this job.
std::optional<DeliveryId> Core::taken_from(WorkerId worker, JobId id) {
  const auto job = jobs_.find(id);
  if (job == jobs_.end() || job->second.worker != worker) {
    ++total_.unmatched;
    return std::nullopt;
  }
  const DeliveryId delivery = job->second.delivery;
  if (delivery) deliveries_.at(delivery).job = {};
  forget_job(id);
  return delivery;
}

void Core::forget_job(JobId id) {
  alone_.erase(id);
  jobs_.erase(id);
}

void Core::lost(DeliveryId id, Instance loser, const std::string& how) {
  Delivery& delivery = deliveries_.at(id);
  ++total_.losses;
  if (delivery.aborted) {
    verdict(id, Outcome::lost, {});
    return;
  }
  delivery.losers.push_back(loser);
  if (delivery.losers.size() < kLossesOfPoison) {
    enter(id, delivery);
    return;
  }
  ++total_.poison;
  effects_.push_back(Alarm{delivery.judge.key, delivery.judge.peer, how});
  verdict(id, Outcome::lost, {});
}

void Core::lost_of(Instance loser, const std::vector<JobId>& jobs, const std::string& how) {
  for (const JobId id : jobs) {
    const DeliveryId delivery = *taken_from(jobs_.at(id).worker, id);
    if (delivery) lost(delivery, loser, how);
  }
}

void Core::verdict(DeliveryId id, Outcome outcome, std::vector<std::uint16_t> satisfied) {
  ++total_.verdicts[static_cast<std::size_t>(outcome)];
  deliveries_.erase(id);
  effects_.push_back(link::Verdict{id, outcome, std::move(satisfied)});
}

// Passes on what the table of verifiers says, and how many there are when that has changed.
void Core::absorb() {
  for (auto& effect : verifiers_.take_effects()) {
    std::visit([&](auto& said) { effects_.push_back(std::move(said)); }, effect);
  }
  link::Attached attached{WorkerRole::verifier, static_cast<std::uint32_t>(verifiers_.size()),
                          verifiers_.scopes().keys()};
  if (attached == said_) return;
  said_ = std::move(attached);
  effects_.push_back(said_);
}

void Core::check_invariants() const {
  verifiers_.check_invariants();
  QUARRY_CHECK(deliveries_.size() <= kMaxDeliveries);
  QUARRY_CHECK(lines_version_ == verifiers_.version());
  std::size_t delivered = 0;
  std::size_t alone = 0;
  Time deadline = Time::min();
  for (const auto& [id, job] : jobs_) {
    QUARRY_CHECK(verifiers_.attached(job.worker));
    const auto held = verifiers_.jobs(job.worker);
    QUARRY_CHECK(std::binary_search(held.begin(), held.end(), id));
    QUARRY_CHECK(!job.alone || held.size() == 1);
    QUARRY_CHECK(deadline <= job.deadline);
    deadline = job.deadline;
    alone += job.alone ? 1 : 0;
    if (!job.delivery) continue;
    QUARRY_CHECK(deliveries_.at(job.delivery).job == id);
    ++delivered;
  }
  QUARRY_CHECK(alone == alone_.size());
  QUARRY_CHECK(delivered + waiting() == deliveries_.size());
  std::map<const Line*, std::size_t> bytes;
  for (const auto& [id, delivery] : deliveries_) {
    QUARRY_CHECK(delivery.losers.size() < kLossesOfPoison);
    if (delivery.job) continue;
    QUARRY_CHECK(!delivery.aborted);
    const Lines& lines = is_last_try(delivery) ? last_tries_ : waiting_;
    const Line& line = lines.at(line_of(delivery));
    QUARRY_CHECK(line.queue.at(delivery.arrival) == id);
    bytes[&line] += delivery.judge.value.size();
  }
  for (const Lines* lines : {&waiting_, &last_tries_}) {
    for (const auto& [of, line] : *lines) {
      QUARRY_CHECK(!line.queue.empty());
      QUARRY_CHECK(line.bytes == bytes[&line]);
    }
  }
}

}  // namespace quarry::consumer_bridge
