// The part of the core that follows fetches and their requests from Want to End.
#include <algorithm>

#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/limits.hpp"
#include "msg/take_back.hpp"

namespace quarry::peer_selector {
Fetch* Core::find(FetchId id) {
  const auto it = fetches_.find(id);
  return it == fetches_.end() ? nullptr : &it->second;
}

// --- From the Engine ----------------------------------------------------------------------------

void Core::engine_attached(Time now) {
  now_ = now;
  take_back<ToEngine>(effects_);
  for (auto& [id, fetch] : fetches_) {
    unqueue(fetch);
    drop_targets(fetch);
  }
  standing_.clear();
  fetches_.clear();
  validating_ = 0;
  while (requests_.size() > 0) {
    Request& request = *requests_.find(requests_.all().begin()->first);
    Peer& peer = *request.peer;
    if (request.state != Request::State::out) {
      forget(request);
      continue;
    }
    peer.member->out.remove(request);
    --peer.member->in_flight;
    forget(request);
    attend(peer, now);
  }
  room_ = {};
  starved_ = {};
}

void Core::wanted(const link::Want& want, Time now) {
  now_ = now;
  const auto [it, is_new] = fetches_.try_emplace(want.fetch);
  Fetch& fetch = it->second;
  if (!is_new) return queues_.reclass(fetch, want.priority);
  fetch.id = want.fetch;
  fetch.key = want.key;
  fetch.priority = want.priority;
  fetch.restricted = !want.targets.empty();
  add_targets(fetch, want.targets);
  queues_.fresh(fetch);
}

void Core::targets_added(const link::AddTargets& added, Time now) {
  now_ = now;
  Fetch* fetch = find(added.fetch);
  if (fetch == nullptr || !fetch->restricted) return;  // R14
  std::vector<Progress::Tried> asked;
  for (const Peer* peer : fetch->more().targets) {
    if (peer->member) asked.push_back({peer->index, peer->member->generation});
  }
  add_targets(*fetch, added.targets);
  not_told_of(*fetch, asked);
  go_on_with_new_targets(*fetch, std::move(asked), now);
}

void Core::targets_cleared(const link::ClearTargets& cleared, Time now) {
  now_ = now;
  Fetch* fetch = find(cleared.fetch);
  if (fetch == nullptr || !fetch->restricted) return;
  std::vector<Progress::Tried> asked;
  for (const Peer* peer : fetch->more().targets) {
    if (peer->member) asked.push_back({peer->index, peer->member->generation});
  }
  if (fetch->place == Place::parked) unpark(*fetch), queues_.again(*fetch, now);
  fetch->restricted = false;
  not_told_of(*fetch, asked);
  go_on_with_new_targets(*fetch, std::move(asked), now);
  drop_targets(*fetch);
}

// A fetch that backs off has a reason to go on before its time: it asks those it could not ask
// before, and keeps its due time for the others.
void Core::go_on_with_new_targets(Fetch& fetch, std::vector<Progress::Tried> asked, Time now) {
  if (fetch.place == Place::parked) {
    unpark(fetch);
    queues_.again(fetch, now);
  } else if (fetch.place == Place::back_off) {
    queues_.remove(fetch);
    fetch.more().tried = std::move(asked);
    fetch.hastened = true;
    fetch.generation = 0;
    queues_.again(fetch, now);
  }
}

void Core::ended(const link::End& end_item, Time now) {
  now_ = now;
  if (Fetch* fetch = find(end_item.fetch)) end(*fetch);
}

void Core::room_granted(const link::Room& room) {
  room_.granted(room);
  starved_ = {};
}

void Core::judged(const link::Judged& judged, Time now) {
  now_ = now;
  Request* request = requests_.find(judged.request);
  if (request == nullptr || request->state != Request::State::judging ||
      request->fetch != judged.fetch) {
    ++count_.unmatched;
    return;
  }
  Fetch* fetch = find(judged.fetch);
  if (fetch != nullptr) {
    fetch->progress->judging = {};
    --validating_;
    if (judged.outcome == Outcome::lost) set_aside(*fetch, *request->peer, now);
  }
  // Scores and blocks before anything is asked again (R29).
  score(*request, judged.outcome, now);
  const bool accepted = judged.outcome == Outcome::complete || judged.outcome == Outcome::partial;
  if (accepted && fetch != nullptr) {
    hedging_.answered(fetch->priority, request->sent + request->elapsed - fetch->progress->asked_at,
                      config_);
    count_.hedges_won += request->hedge;
    if (request->hedge) hedging_.ended(true);
    overtake(*fetch, now);
  }
  forget(*request);
  if (fetch == nullptr) return;
  if (!judged.again) return end(*fetch);
  if (!use_spare(*fetch, now)) ask_again(*fetch, now);
}

void Core::score(const Request& request, Outcome outcome, Time now) {
  Peer& peer = *request.peer;
  const auto came_to = [&](AskResult result) {
    journal_.ended(request.id, result, request.sent + request.elapsed);
  };
  switch (outcome) {
    case Outcome::complete:
    case Outcome::partial:
      ++count_.accepted;
      came_to(AskResult::accepted);
      expected_.accepted(request.size);
      if (!peer.member) return;
      ++peer.member->count.accepted;
      succeeded(peer, request.in_time);
      peer.member->answers.add(request.elapsed);
      answers_.add(request.elapsed);
      peer.member->score.accepted(request.elapsed, request.size, now);
      return;
    case Outcome::unresolved:
      ++count_.unresolved;
      came_to(AskResult::unresolved);
      expected_.accepted(request.size);
      if (!peer.member) return;
      succeeded(peer, request.in_time);
      peer.member->answers.add(request.elapsed);
      peer.member->score.unresolved(request.elapsed, now);
      return;
    case Outcome::invalid:
      ++count_.invalid;
      came_to(AskResult::invalid);
      block_for_invalid(peer, request, now);
      return;
    case Outcome::lost:
      ++count_.lost;
      came_to(AskResult::lost);
      effects_.push_back(Alarm{"a value from peer " + shown(peer) +
                               " lost its verdicts; peer and key are set aside together"});
      return;
    case Outcome::ignored:
    case Outcome::withheld:
      ++count_.unscored;
      came_to(AskResult::unscored);
      return;
  }
}

void Core::set_aside(Fetch& fetch, const Peer& peer, Time now) {
  auto& list = fetch.more().set_aside;
  if (list.size() >= limits::kMaxSetAside) list.erase(list.begin());
  list.push_back({peer.index, now + config_.set_aside});
}

// --- One fetch ----------------------------------------------------------------------------------

void Core::add_targets(Fetch& fetch, const std::vector<PeerKey>& targets) {
  if (targets.empty()) return;
  auto& list = fetch.more().targets;
  for (const PeerKey& key : targets) {
    Peer& peer = peers_.intern(key);
    if (list.size() < quarry::limits::kMaxTargets && std::ranges::find(list, &peer) == list.end()) {
      list.push_back(&peer);
      ++peer.refs;
    }
    peers_.release(peer);
  }
}

void Core::drop_targets(Fetch& fetch) {
  if (!fetch.progress) return;
  for (Peer* peer : std::exchange(fetch.progress->targets, {})) {
    --peer->refs;
    peers_.release(*peer);
  }
}

void Core::unpark(Fetch& fetch) {
  QUARRY_CHECK(fetch.place == Place::parked);
  for (Waiter& waiter : fetch.progress->waiters) waiter.peer->waiters.remove(waiter);
  fetch.progress->waiters.clear();
  fetch.place = Place::nowhere;
  --parked_;
}

void Core::unqueue(Fetch& fetch) {
  if (fetch.place == Place::parked) {
    unpark(fetch);
  } else {
    queues_.remove(fetch);
  }
}

// Back to pending, unless another request is out, or an answer is being judged (R31).
void Core::ask_again(Fetch& fetch, Time now) {
  if (fetch.place != Place::nowhere || fetch.out() > 0 || fetch.validating()) return;
  shrink(fetch);
  queues_.again(fetch, now);
}

void Core::shrink(Fetch& fetch) {
  if (fetch.progress && fetch.progress->empty()) fetch.progress.reset();
}

void Core::end(Fetch& fetch) {
  unqueue(fetch);
  need_not_be_remembered(fetch);
  no_longer_standing(fetch);
  if (fetch.progress) {
    if (fetch.validating()) --validating_;
    drop_spare(fetch);
    for (const RequestId id : fetch.progress->late) {
      Request* request = requests_.find(id);
      if (request != nullptr && request->state == Request::State::late) forget(*request);
    }
    drop_targets(fetch);
  }
  fetches_.erase(FetchId(fetch.id));
}

void Core::untry(Fetch& fetch, const Peer& peer) {
  if (fetch.progress)
    std::erase_if(fetch.progress->tried, [&](const auto& it) { return it.peer == peer.index; });
}

// --- One request --------------------------------------------------------------------------------

// The request that an answer of this peer names (R6); null where there is none.
Request* Core::match(PeerIndex index, RequestId id, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return nullptr;
  peer->member->connection.heard();
  Request* request = requests_.find(id);
  const bool awaited =
      request != nullptr && request->peer == peer &&
      (request->state == Request::State::out || request->state == Request::State::late);
  if (!awaited) ++count_.unmatched;
  return awaited ? request : nullptr;
}

// Ends what a request out counts for, but not yet its record.
void Core::no_longer_out(Request& request, Time now) {
  QUARRY_CHECK(request.state == Request::State::out);
  Peer& peer = *request.peer;
  peer.member->out.remove(request);
  --peer.member->in_flight;
  room_.give_back(request.room);
  starved_ = {};
  if (Fetch* fetch = find(request.fetch)) {
    auto& outs = fetch->progress->outs;
    const auto at = std::ranges::find(outs, request.id);
    QUARRY_CHECK(at != outs.end());
    std::swap(*at, outs[--fetch->progress->out]);
    outs[fetch->progress->out] = {};
  }
  refresh(peer, now);
}

void Core::forget(Request& request) {
  Peer& peer = *request.peer;
  requests_.erase(request);
  --peer.refs;
  peers_.release(peer);
}

// The request is over without an answer to judge. Its peer may have left, and waited for this.
void Core::request_over(Request& request, Time now) {
  Peer& peer = *request.peer;
  // A late one counts for nothing any more; its peer may even be forgotten with it.
  if (request.state != Request::State::out) return forget(request);
  no_longer_out(request, now);
  forget(request);
  attend_if_finished(peer, now);
}

void Core::attend_if_finished(Peer& peer, Time now) {
  if (peer.member->out.empty() && !peers_.askable(*peer.member)) attend(peer, now);
}

void Core::timed_out(Request& request, Time now) {
  Fetch* fetch = find(request.fetch);
  if (fetch == nullptr && request.overtaken) was_overtaken(request, now);
  if (request.state == Request::State::late || fetch == nullptr) {
    // R22: nobody waits for it, and nobody is charged.
    if (fetch != nullptr) std::erase(fetch->progress->late, request.id);
    request_over(request, now);
    if (fetch != nullptr) shrink(*fetch);
    return;
  }
  ++count_.timed_out;
  journal_.ended(request.id, AskResult::timed_out, now);
  Peer& peer = *request.peer;
  score_timeout(request, now - request.sent, now);
  auto& late = fetch->progress->late;
  if (late.size() < limits::kMaxLatePerFetch && requests_.late() < limits::kMaxLate) {
    no_longer_out(request, now);
    requests_.became_late(request, now + config_.late_for);
    late.push_back(request.id);
    attend_if_finished(peer, now);
  } else {
    request_over(request, now);
  }
  ask_again(*fetch, now);
}

}  // namespace quarry::peer_selector
