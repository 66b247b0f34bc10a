// The part of the core that hears what peers answer: each answer ends its request.
#include <algorithm>

#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {

void Core::value_received(PeerIndex index, RequestId id, Payload value, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  request->size = static_cast<std::uint32_t>(value.size());
  if (fetch == nullptr) {  // R22
    if (request->overtaken) was_overtaken(*request, now);
    if (!request->overtaken) journal_.ended(id, AskResult::unscored, now);
    return request_over(*request, now);
  }
  if (value.size() > request->room) {
    // More than it was given room for: no better than silence.
    ++count_.violations;
    journal_.ended(id, AskResult::refused, now);
    score_timeout(*request, std::max(now - request->sent, config_.max_timeout), now);
    std::erase(fetch->progress->late, id);
    request_over(*request, now);
    return ask_again(*fetch, now);
  }
  request->elapsed = now - request->sent;
  journal_.ended(id, AskResult::judging, now);
  const bool late = request->state == Request::State::late;
  const bool unwanted = fetch->validating() && fetch->progress->spare;
  if (fetch->validating()) was_overtaken(*request, now);
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
  starved_ = {};
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

void Core::no_data_received(PeerIndex index, RequestId id, Duration remembered, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  Member& member = *request->peer->member;
  if (fetch != nullptr) {
    ++count_.no_data;
    ++member.count.no_data;
    const bool remembers = remembered >= limits::kLeastRemembered;
    journal_.ended(id, remembers ? AskResult::remembered : AskResult::no_data, now);
    if (remembers) was_remembered(*fetch, *request->peer, remembered, now);
    if (request->has_it) {
      ++count_.haves_untrue;
      member.untrue.take(now);
    }
    std::erase(fetch->progress->late, id);
    succeeded(*request->peer, request->state == Request::State::out);
    if (request->state == Request::State::out) {
      member.score.no_data(now - request->sent, now);
      member.answers.add(now - request->sent);
    }
  }
  request_over(*request, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

void Core::overloaded_received(PeerIndex index, RequestId id, Duration retry_after, Time now) {
  Request* request = match(index, id, now);
  if (request == nullptr) return;
  ++count_.overloaded;
  journal_.ended(id, AskResult::overloaded, now);
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
  journal_.ended(id, AskResult::too_large, now);
  Fetch* fetch = find(request->fetch);
  if (fetch != nullptr) {
    std::erase(fetch->progress->late, id);
    Progress& progress = *fetch->progress;
    const bool first = std::ranges::find(progress.enlarged, index) == progress.enlarged.end();
    if (first && size <= self_.network.max_value && size > request->room) {
      progress.enlarged.push_back(index);
      progress.room = std::max(progress.room, static_cast<std::uint32_t>(size));
      progress.prefer = index;
      progress.has_it = false;
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
  journal_.ended(refused.request, AskResult::refused, now);
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
  journal_.ended(id, AskResult::send_failed, now);
  backed_up_until_ = now + limits::kBackedUpFor;
  Fetch* fetch = find(request->fetch);
  Member& member = *peer->member;
  member.cool_until = std::max(member.cool_until, now + config_.full_pipe);
  request_over(*request, now);
  attend(*peer, now);
  if (fetch != nullptr) ask_again(*fetch, now);
}

}  // namespace quarry::peer_selector
