// The naive PeerSelector: fetches, requests and what peers answer.
#include "tests/actors/peer_selector/naive.hpp"

#include <algorithm>

#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {

using namespace std::chrono_literals;

Naive::Naive(const Config& config, PeerKey self, std::uint32_t max_value)
    : config_(config), self_(self), max_value_(max_value) {
  for (const char* name : {"requests_sent_total",
                           "requests_accepted_total",
                           "requests_unresolved_total",
                           "requests_invalid_total",
                           "requests_unscored_total",
                           "requests_lost_total",
                           "requests_no_data_total",
                           "requests_timed_out_total",
                           "requests_overloaded_total",
                           "requests_too_large_total",
                           "requests_refused_total",
                           "requests_send_failed_total",
                           "requests_abandoned_total",
                           "requests_remembered_total",
                           "answers_late_total",
                           "answers_unmatched_total",
                           "hedges_total",
                           "hedges_won_total",
                           "haves_heard_total",
                           "haves_unwanted_total",
                           "haves_untrue_total",
                           "forgotten_total",
                           "breaker_trips_total",
                           "protocol_violations_total",
                           "late_turns_total"}) {
    totals_[name] = 0;
  }
}

Naive::Fetch* Naive::find(FetchId id) {
  const auto at = fetches_.find(id);
  return at == fetches_.end() ? nullptr : &at->second;
}

Naive::Fetch* Naive::find(const Key& key) {
  for (auto& [id, fetch] : fetches_) {
    if (fetch.key == key) return &fetch;
  }
  return nullptr;
}

// --- From the Engine --------------------------------------------------------------------------

void Naive::engine_attached(const link::Room& room) {
  room_ = {room.slots, room.bytes};
  fetches_.clear();
  requests_.clear();
  to_be_passed_on_.clear();
}

void Naive::wanted(const link::Want& want) {
  const bool is_new = !fetches_.contains(want.fetch);
  Fetch& fetch = fetches_[want.fetch];
  fetch.priority = want.priority;
  if (!is_new) return;
  fetch.key = want.key;
  fetch.restricted = !want.targets.empty();
  for (const PeerKey& peer : want.targets) {
    if (std::ranges::count(fetch.targets, peer) == 0) fetch.targets.push_back(peer);
  }
}

void Naive::targets_added(const link::AddTargets& added) {
  Fetch* fetch = find(added.fetch);
  if (fetch == nullptr || !fetch->restricted) return;  // R14
  std::map<PeerKey, std::uint32_t> asked = generations_of(fetch->targets);
  for (const PeerKey& peer : added.targets) {
    if (std::ranges::count(fetch->targets, peer) == 0) fetch->targets.push_back(peer);
  }
  go_on_with_new_targets(*fetch, std::move(asked));
}

void Naive::targets_cleared(const link::ClearTargets& cleared) {
  Fetch* fetch = find(cleared.fetch);
  if (fetch == nullptr || !fetch->restricted) return;
  std::map<PeerKey, std::uint32_t> asked = generations_of(fetch->targets);
  fetch->restricted = false;
  go_on_with_new_targets(*fetch, std::move(asked));
  fetch->targets.clear();
}

std::map<PeerKey, std::uint32_t> Naive::generations_of(const std::vector<PeerKey>& peers) const {
  std::map<PeerKey, std::uint32_t> generations;
  for (const PeerKey& key : peers) {
    const auto known = peers_.find(key);
    if (known != peers_.end() && known->second.known) generations[key] = known->second.generation;
  }
  return generations;
}

// Those that could not be asked before are asked at once.
void Naive::go_on_with_new_targets(Fetch& fetch, std::map<PeerKey, std::uint32_t> asked) {
  if (fetch.place == Place::resting) {
    fetch.tried = std::move(asked);
    fetch.remember.clear();
    fetch.hastened = true;
    fetch.generation = 0;
    fetch.place = Place::queued;
  } else if (fetch.place == Place::parked) {
    fetch.place = Place::queued;
  }
}

void Naive::ended(const link::End& item, Time now) {
  if (find(item.fetch) != nullptr) end(item.fetch, now);
}

void Naive::end(FetchId id, Time now) {
  const Fetch fetch = fetches_.at(id);
  need_not_be_remembered(fetch, now);
  fetches_.erase(id);
  for (const RequestId late : fetch.late) requests_.erase(late);
  if (fetch.spare) requests_.erase(*fetch.spare);
}

void Naive::judged(const link::Judged& judged, Time now) {
  const auto at = requests_.find(judged.request);
  if (at == requests_.end() || at->second.state != Request::State::judging ||
      at->second.fetch != judged.fetch) {
    return void(++totals_["answers_unmatched_total"]);
  }
  const Request request = at->second;
  requests_.erase(at);
  if (Fetch* fetch = find(judged.fetch)) {
    fetch->judging.reset();
    if (judged.outcome == Outcome::lost) {
      if (fetch->set_aside.size() == limits::kMaxSetAside) {
        fetch->set_aside.erase(fetch->set_aside.begin());
      }
      fetch->set_aside.emplace_back(request.peer, now + config_.set_aside);
    }
  }
  switch (judged.outcome) {
    case Outcome::complete:
    case Outcome::partial:
      ++totals_["requests_accepted_total"];
      succeeded(request.peer);
      sizes_.push_back(request.size);
      if (const Fetch* fetch = find(judged.fetch)) {
        ++accepted_[fetch->priority];
        totals_["hedges_won_total"] += request.hedge;
      }
      break;
    case Outcome::unresolved:
      ++totals_["requests_unresolved_total"];
      succeeded(request.peer);
      sizes_.push_back(request.size);
      break;
    case Outcome::invalid:
      ++totals_["requests_invalid_total"];
      block_for_invalid(request.peer, request.sent, now);
      break;
    case Outcome::lost:
      ++totals_["requests_lost_total"];
      break;
    case Outcome::ignored:
    case Outcome::withheld:
      ++totals_["requests_unscored_total"];
      break;
  }
  Fetch* fetch = find(judged.fetch);
  if (fetch == nullptr) return;
  if (!judged.again) return end(judged.fetch, now);
  if (!fetch->spare) return ask_again(*fetch);
  const RequestId spare = *std::exchange(fetch->spare, std::nullopt);
  if (peers_[requests_.at(spare).peer].block.until > now) {
    requests_.erase(spare);
    return ask_again(*fetch);
  }
  deliver(*fetch, spare);
}

void Naive::deliver(Fetch& fetch, RequestId id) {
  Request& request = requests_.at(id);
  request.state = Request::State::judging;
  fetch.judging = id;
  fetch.place = Place::busy;
  to_be_passed_on_.push_back(
      {request.fetch, id, request.peer, Payload::of(std::string(request.size, 'v'))});
}

void Naive::answered(const link::Answer& answer) {
  if (to_be_passed_on_.empty() || to_be_passed_on_.front() != answer) {
    return wrong("an answer is passed on that is none to be passed on now");
  }
  to_be_passed_on_.pop_front();
}

// --- Requests -----------------------------------------------------------------------------------

// R6.
Naive::Request* Naive::match(const PeerKey& peer, RequestId id) {
  peers_[peer].quiet_since.reset();
  const auto at = requests_.find(id);
  const bool awaited =
      at != requests_.end() && at->second.peer == peer &&
      (at->second.state == Request::State::out || at->second.state == Request::State::late);
  if (!awaited) ++totals_["answers_unmatched_total"];
  return awaited ? &at->second : nullptr;
}

void Naive::no_longer_out(RequestId id) {
  const Request& request = requests_.at(id);
  if (Fetch* fetch = find(request.fetch)) {
    fetch->out.erase(id);
    std::erase(fetch->late, id);
  }
}

void Naive::request_over(RequestId id) {
  no_longer_out(id);
  requests_.erase(id);
}

void Naive::ask_again(Fetch& fetch) {
  if (fetch.place == Place::busy && fetch.out.empty() && !fetch.judging) {
    fetch.place = Place::queued;
  }
}

// As good as never sent.
void Naive::abandon(const PeerKey& peer, Time sent_before) {
  for (const auto& [id, request] : std::map(requests_)) {
    const bool out = request.state == Request::State::out;
    if (request.peer != peer || !out || request.sent >= sent_before) continue;
    // It may have timed out a moment before.
    if (perhaps_gone_.contains(id)) unsure_ = true;
    ++totals_["requests_abandoned_total"];
    request_over(id);
    if (Fetch* fetch = find(request.fetch)) {
      untry(*fetch, peer);
      ask_again(*fetch);
    }
  }
}

void Naive::untry(Fetch& fetch, const PeerKey& peer) {
  fetch.tried.erase(peer);
  fetch.remember.erase(peer);
}

void Naive::value_received(const PeerKey& peer, RequestId id, std::size_t size) {
  Request* request = match(peer, id);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  if (fetch == nullptr) return request_over(id);  // R22
  if (size > request->room) {
    ++totals_["protocol_violations_total"];
    peers_[peer].failed = true;
    request_over(id);
    return ask_again(*fetch);
  }
  const bool late = request->state == Request::State::late;
  if ((fetch->judging && fetch->spare) || (late && !fits(size))) return request_over(id);
  totals_["answers_late_total"] += late;
  no_longer_out(id);
  request->size = size;
  if (!fetch->judging) return deliver(*fetch, id);
  request->state = Request::State::spare;
  fetch->spare = id;
}

void Naive::no_data_received(const PeerKey& peer, RequestId id, Duration remembered, Time now) {
  Request* request = match(peer, id);
  if (request == nullptr) return;
  Fetch* fetch = find(request->fetch);
  const bool had_it = request->has_it;
  request_over(id);
  if (fetch == nullptr) return;
  ++totals_["requests_no_data_total"];
  if (remembered >= limits::kLeastRemembered) was_remembered(*fetch, peer, remembered, now);
  if (had_it) {
    ++totals_["haves_untrue_total"];
    peers_[peer].untrue.take(now);
  }
  succeeded(peer);
  ask_again(*fetch);
}

void Naive::overloaded_received(const PeerKey& peer, RequestId id, Duration retry_after, Time now) {
  Request* request = match(peer, id);
  if (request == nullptr) return;
  ++totals_["requests_overloaded_total"];
  Peer& its = peers_[peer];
  if (now >= its.cool_until) {
    Duration cool = std::max(retry_after, config_.min_cool * (1 << its.overloads));
    cool = std::min(std::max(cool, config_.min_cool), config_.max_cool);
    its.overloads = std::min(its.overloads + 1, 9);
    its.cool_until = now + cool;
  }
  Fetch* fetch = find(request->fetch);
  request_over(id);
  if (fetch == nullptr) return;
  untry(*fetch, peer);
  ask_again(*fetch);
}

void Naive::too_large_received(const PeerKey& peer, RequestId id, std::uint64_t size) {
  Request* request = match(peer, id);
  if (request == nullptr) return;
  ++totals_["requests_too_large_total"];
  Fetch* fetch = find(request->fetch);
  const std::uint32_t room = request->room;
  request_over(id);
  if (fetch == nullptr) return;
  if (size > room && size <= max_value_ && fetch->enlarged.insert(peer).second) {
    fetch->room = std::max(fetch->room, static_cast<std::uint32_t>(size));
    fetch->prefer = peer;
    fetch->has_it = false;
    untry(*fetch, peer);
  }
  ask_again(*fetch);
}

void Naive::refused_received(const PeerKey& peer, RequestId id) {
  Request* request = match(peer, id);
  if (request == nullptr) return;
  ++totals_["requests_refused_total"];
  Fetch* fetch = find(request->fetch);
  request_over(id);
  if (fetch != nullptr) ask_again(*fetch);
}

void Naive::send_failed(const PeerKey& peer, RequestId id, Time now) {
  const auto at = requests_.find(id);
  if (at == requests_.end() || at->second.peer != peer) return;
  if (at->second.state != Request::State::out) return;
  ++totals_["requests_send_failed_total"];
  Peer& its = peers_[peer];
  its.cool_until = std::max(its.cool_until, now + config_.full_pipe);
  backed_up_until_ = now + limits::kBackedUpFor;
  Fetch* fetch = find(at->second.fetch);
  request_over(id);
  if (fetch != nullptr) ask_again(*fetch);
}

void Naive::time_passed(std::uint64_t timed_out, Time now) {
  in_time_ = true;
  // What an ask says of its time is cut to milliseconds: some may have timed out in this one.
  std::vector<RequestId> over, perhaps;
  std::map<FetchId, std::size_t> forgotten;
  for (const auto& [id, request] : std::map(requests_)) {
    if (request.state == Request::State::late && request.until <= now) {
      ++forgotten[request.fetch];
      request_over(id);
    }
    if (request.state != Request::State::out || request.sent + request.wait > now) continue;
    const bool surely = request.sent + request.wait + 1ms <= now;
    if (find(request.fetch) != nullptr) {
      (surely ? over : perhaps).push_back(id);
    } else if (surely) {
      request_over(id);  // R22
    } else {
      perhaps_gone_.insert(id);
    }
  }
  const std::uint64_t happened = timed_out - totals_["requests_timed_out_total"];
  if (happened == over.size() + perhaps.size()) {
    over.insert(over.end(), perhaps.begin(), perhaps.end());
  } else if (happened != over.size()) {
    unsure_ = true;
  }
  for (const RequestId id : over) {
    ++totals_["requests_timed_out_total"];
    Request& request = requests_.at(id);
    peers_[request.peer].failed = true;
    Fetch& fetch = *find(request.fetch);
    // Whether there was a place for it before others were forgotten in this millisecond.
    const std::size_t late = fetch.late.size();
    const std::size_t most = limits::kMaxLatePerFetch;
    if (late < most && late + forgotten[request.fetch] >= most) unsure_ = true;
    if (late < most) {
      no_longer_out(id);
      request.state = Request::State::late;
      request.until = now + config_.late_for;
      fetch.late.push_back(id);
    } else {
      request_over(id);
    }
    ask_again(fetch);
  }
  for (auto& [key, peer] : peers_) {
    const bool silent = peer.quiet_since && now - *peer.quiet_since >= config_.silence;
    if (peer.open && silent) peer.connected = false;
  }
}

std::map<std::string, std::uint64_t> Naive::counters(std::uint64_t slots_left, Time now) {
  const std::uint64_t held = room_.slots - slots_left;
  std::uint64_t ours = 0;
  for (const auto& [id, request] : requests_) ours += request.state != Request::State::late;
  const std::set<RequestId> perhaps = std::exchange(perhaps_gone_, {});
  if (ours != held && ours == held + perhaps.size()) {
    for (const RequestId id : perhaps) requests_.erase(id);
  } else if (ours != held && !perhaps.empty()) {
    unsure_ = true;
  }

  std::map<std::string, std::uint64_t> counters = totals_;
  const auto count = [&](const char* name, bool one) { counters[name] += one; };
  for (const auto& [key, peer] : peers_) {
    count("peers", peer.in_set);
    count("peers_connected", peer.in_set && peer.connected);
    count("peers_blocked", peer.in_set && peer.block.until > now);
  }
  for (const auto& [id, fetch] : fetches_) {
    count("fetches_backing_off", fetch.place == Place::resting);
    count("fetches_parked", fetch.place == Place::parked);
    count("fetches_queued", fetch.place == Place::queued);
    count("fetches_active", fetch.place == Place::busy && !fetch.judging);
    count("fetches_standing", fetch.standing);
  }
  counters["room_slots"] = room_left().slots;
  counters["room_bytes"] = room_left().bytes;
  for (const auto& [id, request] : requests_) {
    const bool is_out = request.state == Request::State::out;
    count("requests_out", is_out && peers_[request.peer].in_set);
    count("requests_late", request.state == Request::State::late);
  }
  return counters;
}

}  // namespace quarry::peer_selector
