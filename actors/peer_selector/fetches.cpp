// The part of the core that follows fetches and their requests from Want to End.
#include <algorithm>

#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {

Fetch* Core::find(FetchId id) {
  const auto it = fetches_.find(id);
  return it == fetches_.end() ? nullptr : &it->second;
}

// --- From the Engine ----------------------------------------------------------------------------

void Core::engine_attached(Time now) {
  now_ = now;
  for (auto& [id, fetch] : fetches_) {
    unqueue(fetch);
    drop_targets(fetch);
  }
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
  starved_ = false;
}

void Core::wanted(const link::Want& want, Time now) {
  now_ = now;
  const auto [it, is_new] = fetches_.try_emplace(want.fetch);
  if (!is_new) return;
  Fetch& fetch = it->second;
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
  room_.granted(room.slots, room.bytes);
  starved_ = false;
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
  forget(*request);
  if (fetch == nullptr) return;
  if (!judged.again) return end(*fetch);
  if (!use_spare(*fetch, now)) ask_again(*fetch, now);
}

void Core::score(const Request& request, Outcome outcome, Time now) {
  Peer& peer = *request.peer;
  switch (outcome) {
    case Outcome::complete:
    case Outcome::partial:
      ++count_.accepted;
      expected_.accepted(request.size);
      if (!peer.member) return;
      ++peer.member->count.accepted;
      peer.member->overloads = 0;
      peer.member->score.accepted(request.elapsed, request.size, now);
      return;
    case Outcome::unresolved:
      ++count_.unresolved;
      expected_.accepted(request.size);
      if (peer.member) peer.member->score.unresolved(request.elapsed, now);
      return;
    case Outcome::invalid:
      ++count_.invalid;
      block_for_invalid(peer, request, now);
      return;
    case Outcome::lost:
      ++count_.lost;
      effects_.push_back(Alarm{"a value from peer " + shown(peer) +
                               " lost its verdicts; peer and key are set aside together"});
      return;
    case Outcome::ignored:
    case Outcome::withheld:
      ++count_.unscored;
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
  starved_ = false;
  if (Fetch* fetch = find(request.fetch)) --fetch->progress->out;
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

void Core::score_timeout(Request& request, Duration elapsed, Time now) {
  ++request.peer->member->count.timeouts;
  request.peer->member->score.timed_out(elapsed, now);
}

void Core::timed_out(Request& request, Time now) {
  Fetch* fetch = find(request.fetch);
  if (request.state == Request::State::late || fetch == nullptr) {
    // R22: nobody waits for it, and nobody is charged.
    if (fetch != nullptr) std::erase(fetch->progress->late, request.id);
    request_over(request, now);
    if (fetch != nullptr) shrink(*fetch);
    return;
  }
  ++count_.timed_out;
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

// --- Answers of peers ---------------------------------------------------------------------------

void Core::value_received(PeerIndex index, RequestId id, Payload value, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  if (fetch == nullptr) return request_over(*request, now);  // R22
  if (value.size() > request->room) {
    // More than it was given room for: no better than silence.
    ++count_.violations;
    score_timeout(*request, std::max(now - request->sent, config_.max_timeout), now);
    std::erase(fetch->progress->late, id);
    request_over(*request, now);
    return ask_again(*fetch, now);
  }
  request->elapsed = now - request->sent;
  request->size = static_cast<std::uint32_t>(value.size());
  const bool late = request->state == Request::State::late;
  const bool unwanted = fetch->validating() && fetch->progress->spare;
  if (late) std::erase(fetch->progress->late, id);
  if (unwanted || (late && !room_.fits(value.size()))) return request_over(*request, now);
  count_.late += late;
  if (!late) no_longer_out(*request, now);
  room_.take(value.size());
  Peer& peer = *request->peer;
  if (fetch->validating()) {
    keep_spare(*fetch, *request, std::move(value));
  } else {
    deliver(*fetch, *request, std::move(value));
  }
  attend_if_finished(peer, now);
}

void Core::deliver(Fetch& fetch, Request& request, Payload value) {
  unqueue(fetch);
  requests_.answered(request, Request::State::judging);
  fetch.progress->judging = request.id;
  ++validating_;
  effects_.push_back(
      ToEngine{link::Answer{fetch.id, request.id, request.peer->key, std::move(value)}});
}

void Core::keep_spare(Fetch& fetch, Request& request, Payload value) {
  requests_.answered(request, Request::State::spare);
  fetch.progress->spare = request.id;
  fetch.progress->spare_value = value.kept();
}

void Core::drop_spare(Fetch& fetch) {
  if (!fetch.progress->spare) return;
  Request* request = requests_.find(std::exchange(fetch.progress->spare, {}));
  QUARRY_CHECK(request != nullptr);
  room_.give_back(request->size);
  starved_ = false;
  fetch.progress->spare_value = {};
  forget(*request);
}

// A second answer that waited for the verdict of the first comes next, unless its peer was
// blocked meanwhile.
bool Core::use_spare(Fetch& fetch, Time now) {
  if (!fetch.progress || !fetch.progress->spare) return false;
  Request* request = requests_.find(fetch.progress->spare);
  const Peer& peer = *request->peer;
  if (peer.member && peer.member->block.holds(now)) {
    drop_spare(fetch);
    return false;
  }
  fetch.progress->spare = {};
  deliver(fetch, *request, std::exchange(fetch.progress->spare_value, {}));
  return true;
}

void Core::no_data_received(PeerIndex index, RequestId id, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  Member& member = *request->peer->member;
  if (fetch != nullptr) {
    ++count_.no_data;
    ++member.count.no_data;
    member.overloads = 0;
    std::erase(fetch->progress->late, id);
    if (request->state == Request::State::out) member.score.no_data(now - request->sent, now);
  }
  request_over(*request, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

void Core::overloaded_received(PeerIndex index, RequestId id, Duration retry_after, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  ++count_.overloaded;
  Fetch* fetch = find(request->fetch);
  Peer& peer = *request->peer;
  Member& member = *peer.member;
  if (now >= member.cool_until) {
    // A peer that names no time, again and again, is given more and more of it.
    const Duration least = config_.min_cool * (1 << member.overloads);
    const Duration cool =
        std::clamp(std::max(retry_after, least), config_.min_cool, config_.max_cool);
    member.overloads = std::min(member.overloads + 1, 9);
    member.cool_until = now + cool;
  }
  if (fetch != nullptr) {
    std::erase(fetch->progress->late, id);
    untry(*fetch, peer);
  }
  request_over(*request, now);
  attend(peer, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

void Core::too_large_received(PeerIndex index, RequestId id, std::uint64_t size, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  ++count_.too_large;
  Fetch* fetch = find(request->fetch);
  if (fetch != nullptr) {
    std::erase(fetch->progress->late, id);
    Progress& progress = *fetch->progress;
    const bool first = std::ranges::find(progress.enlarged, index) == progress.enlarged.end();
    if (first && size <= self_.network.max_value && size > request->room) {
      progress.enlarged.push_back(index);
      progress.room = std::max(progress.room, static_cast<std::uint32_t>(size));
      progress.prefer = index;
      untry(*fetch, *request->peer);
    } else {
      request->peer->member->score.refused();
    }
  }
  request_over(*request, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

void Core::refused_received(PeerIndex index, const peer::Refused& refused, Time now) {
  if (!refused.request) {
    now_ = now;
    Peer* peer = peers_.at(index);
    if (peer == nullptr || !peer->member) return;
    std::string detail(name(refused.reason));
    if (!refused.detail.empty()) detail += ": " + refused.detail;
    return give_up_connection(*peer, std::move(detail), now);
  }
  Request* request = match(index, refused.request, now);
  if (request == nullptr) return;
  ++count_.refused;
  Fetch* fetch = find(request->fetch);
  if (fetch != nullptr) {
    std::erase(fetch->progress->late, refused.request);
    request->peer->member->score.refused();
  }
  request_over(*request, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

void Core::send_failed(PeerIndex index, RequestId id, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  Request* request = requests_.find(id);
  if (request == nullptr || request->peer != peer || request->state != Request::State::out) return;
  ++count_.send_failed;
  Fetch* fetch = find(request->fetch);
  Member& member = *peer->member;
  member.cool_until = std::max(member.cool_until, now + config_.full_pipe);
  request_over(*request, now);
  attend(*peer, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

}  // namespace quarry::peer_selector
