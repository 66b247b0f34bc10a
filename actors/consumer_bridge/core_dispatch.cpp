// The ConsumerBridge's core: what waits, and who gets it next.
#include <algorithm>

#include "actors/consumer_bridge/core.hpp"

namespace quarry::consumer_bridge {

std::size_t Core::waiting() const {
  std::size_t waiting = 0;
  for (const Lines* lines : {&waiting_, &last_tries_}) {
    for (const auto& [scopes, line] : *lines) waiting += line.queue.size();
  }
  return waiting;
}

bool Core::is_last_try(const Delivery& delivery) const {
  return delivery.losers.size() + 1 == kLossesOfPoison;
}

Core::Lines& Core::lines_of(const Delivery& delivery) {
  return is_last_try(delivery) ? last_tries_ : waiting_;
}

Core::Line::Of Core::line_of(const Delivery& delivery) const {
  const workers::Scopes scopes = verifiers_.scopes().of(delivery.judge.key);
  if (scopes == 0) return {};  // a line for all that nobody can take
  Line::Of of{scopes, delivery.losers};
  std::erase_if(of.second, [&](Instance loser) { return !verifiers_.has(loser); });
  return of;
}

void Core::enter(DeliveryId id, const Delivery& delivery) {
  regroup();
  Line& line = lines_of(delivery)[line_of(delivery)];
  const bool entered = line.queue.emplace(delivery.arrival, id).second;
  if (entered) line.bytes += delivery.judge.value.size();
}

void Core::leave(const Delivery& delivery) {
  regroup();
  Lines& lines = lines_of(delivery);
  const auto line = lines.find(line_of(delivery));
  QUARRY_CHECK(line->second.queue.erase(delivery.arrival) == 1);
  line->second.bytes -= delivery.judge.value.size();
  if (line->second.queue.empty()) lines.erase(line);
}

// The lines go by which verifiers there are.
void Core::regroup() {
  if (lines_version_ == verifiers_.version()) return;
  lines_version_ = verifiers_.version();
  waiting_.clear();
  last_tries_.clear();
  for (const auto& [id, delivery] : deliveries_) {
    if (!delivery.job) enter(id, delivery);
  }
}

void Core::dispatch(Time now) {
  regroup();
  give_others(~give_last_tries(now), now);
  drop_unclaimed();
}

// Gives the verifiers that get nothing else until one of them is idle, or last tries would wait for
// ever.
workers::Scopes Core::give_last_tries(Time now) {
  workers::Scopes held = 0;
  for (auto at = last_tries_.begin(); at != last_tries_.end();) {
    const workers::Scopes scopes = at->first.first;
    const auto worker =
        verifiers_.pick({.scopes = scopes, .rather_not = at->first.second, .alone = true});
    if (worker) {
      const auto next = std::next(at);
      const bool last = at->second.queue.size() == 1;
      give(at->second.queue.begin()->second, *worker, true, now);
      if (last) at = next;
      continue;
    }
    const bool tried = std::any_of(alone_.begin(), alone_.end(), [&](JobId job) {
      return (verifiers_.scope(jobs_.at(job).worker) & scopes) != 0;
    });
    if (!tried) held |= scopes;
    ++at;
  }
  return held;
}

// In order of arrival, whichever line it stands in.
void Core::give_others(workers::Scopes scopes, Time now) {
  for (auto& [of, line] : waiting_) line.stuck = false;
  for (;;) {
    auto first = waiting_.end();
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (at->second.stuck) continue;
      const bool earlier = first == waiting_.end() ||
                           at->second.queue.begin()->first < first->second.queue.begin()->first;
      if (earlier) first = at;
    }
    if (first == waiting_.end()) return;
    const auto& [of, losers] = first->first;
    const auto worker = verifiers_.pick({.scopes = of & scopes, .rather_not = losers});
    first->second.stuck = !worker;
    if (worker) give(first->second.queue.begin()->second, *worker, false, now);
  }
}

// So that keys nobody can judge do not use up the room for the others.
void Core::drop_unclaimed() {
  if (verifiers_.size() == 0) return;
  for (Lines* lines : {&waiting_, &last_tries_}) {
    const auto at = lines->find(Line::Of{});
    if (at == lines->end()) continue;
    const Line& line = at->second;
    while (line.queue.size() > 1 &&
           (line.queue.size() > kMaxUnclaimed || line.bytes > kMaxUnclaimedBytes)) {
      const DeliveryId id = line.queue.begin()->second;
      ++total_.unclaimed;
      leave(deliveries_.at(id));
      verdict(id, Outcome::lost, {});
    }
  }
}

void Core::give(DeliveryId id, WorkerId worker, bool alone, Time now) {
  Delivery& delivery = deliveries_.at(id);
  leave(delivery);
  hand(delivery, worker, alone, delivery.judge.value, now);
}

void Core::hand(Delivery& delivery, WorkerId worker, bool alone, const Payload& value, Time now) {
  const JobId job{next_job_++};
  delivery.job = job;
  jobs_.emplace_hint(jobs_.end(), job,
                     Job{worker, delivery.judge.delivery, now + config_.job_deadline, alone});
  if (alone) alone_.insert(job);
  verifiers_.job_given(worker, job, now, {delivery.judge.value.size(), alone});
  send(worker, delivery, value);
}

void Core::send(WorkerId worker, const Delivery& delivery, const Payload& value) {
  const link::Judge& judge = delivery.judge;
  effects_.push_back(ToWorker<worker::Judge>{
      worker, {delivery.job, judge.key, judge.peer, judge.subscribers, value}});
  if (delivery.aborted) effects_.push_back(ToWorker<worker::Abort>{worker, {delivery.job}});
}

}  // namespace quarry::consumer_bridge
