// The part of the core that explains itself: what a fetch waits for, how a peer stands, counters;
// and that checks itself.
#include <algorithm>

#include "actors/peer_selector/core.hpp"

namespace quarry::peer_selector {
namespace {

std::string counted(std::size_t number, std::string_view one, std::string_view many) {
  return std::to_string(number) + " " + std::string(number == 1 ? one : many);
}

std::uint64_t milliseconds(Duration duration) {
  return duration <= Duration::zero()
             ? 0
             : static_cast<std::uint64_t>(
                   std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

// "450 ms", "1.8 s", "59 min", "23 h"
std::string spoken(Duration duration) {
  const std::uint64_t ms = milliseconds(duration);
  if (ms < 1000) return std::to_string(ms) + " ms";
  if (ms < 120'000) return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
  if (ms < 7'200'000) return std::to_string(ms / 60'000) + " min";
  return std::to_string(ms / 3'600'000) + " h";
}

}  // namespace

void Core::described(const link::Describe& describe, Time now) {
  now_ = now;
  std::uint64_t count = 0;
  for (const FetchId id : describe.fetches) {
    const Fetch* fetch = find(id);
    if (fetch == nullptr) continue;
    link::Waits item = waits(*fetch, now);
    item.call = describe.call;
    effects_.push_back(ToEngine{std::move(item)});
    ++count;
  }
  add_counters(describe.call, now);
  effects_.push_back(ToEngine{report::Done{describe.call, count}});
}

link::Waits Core::waits(const Fetch& fetch, Time now) const {
  link::Waits waits;
  waits.fetch = fetch.id;
  waits.requests = fetch.requests;
  if (fetch.validating()) {
    waits.state = FetchState::validating;
    waits.waits_for = WaitsFor::verdict;
    const auto request = requests_.all().find(fetch.progress->judging);
    waits.detail = "the value from " + shown(*request->second.peer) + " is being judged";
  } else if (fetch.out() > 0) {
    waits.state = FetchState::active;
    waits.waits_for = WaitsFor::answer;
    const Peer* last =
        fetch.progress->tried.empty() ? nullptr : peers_.at(fetch.progress->tried.back().peer);
    waits.detail = counted(fetch.out(), "request is", "requests are") + " out" +
                   (last != nullptr ? ", the last one to " + shown(*last) : std::string());
  } else {
    waits.state = FetchState::pending;
    explain_pending(fetch, waits, now);
  }
  return waits;
}

void Core::explain_pending(const Fetch& fetch, link::Waits& waits, Time now) const {
  if (fetch.place == Place::parked) return explain_parked(fetch, waits, now);
  if (explain_nobody(waits, now)) return;
  if (fetch.place == Place::back_off) {
    waits.next_ms = milliseconds(fetch.due - now);
    waits.waits_for = WaitsFor::retry;
    waits.detail = (fetch.requests == 0
                        ? std::string("nobody may be asked for this key")
                        : "asked " + counted(fetch.requests, "time", "times") + ", nobody had it") +
                   (fetch.due > now ? "; next round in " + spoken(fetch.due - now)
                                    : "; next round as soon as the retry rate allows");
    if (fetch.due <= now) {
      waits.waits_for = WaitsFor::rate;
    } else if (all_remember(fetch)) {
      waits.waits_for = WaitsFor::have;
      waits.detail = "asked " + counted(fetch.requests, "time", "times") +
                     "; all who were asked remember, and say when they have it; next round in " +
                     spoken(fetch.due - now);
    }
    return;
  }
  if (!room_.fits(std::max(room_for(fetch), 1U))) {
    waits.waits_for = WaitsFor::room;
    waits.detail = "no room for another answer until some are judged";
    return;
  }
  const bool busy = peers_.available().empty();
  waits.waits_for = busy ? WaitsFor::rate : WaitsFor::retry;
  waits.detail = busy ? "every connected peer is busy" : "its turn is next";
  if (busy) {
    Time free = kNever;
    for (const Peer* peer : peers_.candidates()) {
      free = std::min(free, peers_.free_at(*peer->member, now));
    }
    if (free != kNever) waits.next_ms = milliseconds(free - now);
  }
}

// Where no fetch at all can go: for which reason.
bool Core::explain_nobody(link::Waits& waits, Time now) const {
  std::size_t askable = 0, blocked = 0;
  Time unblocked = kNever;
  if (!peers_.candidates().empty()) return false;
  for (const Peer* peer : peers_.set()) {
    if (!peers_.askable(*peer->member)) continue;
    ++askable;
    if (!peer->member->block.holds(now)) continue;
    ++blocked;
    unblocked = std::min(unblocked, peer->member->block.until());
  }
  if (askable == 0) {
    waits.waits_for = WaitsFor::peer_set;
    waits.detail = "no peer to ask in the set";
  } else if (blocked == askable) {
    waits.waits_for = WaitsFor::unblock;
    waits.next_ms = milliseconds(unblocked - now);
    waits.detail = counted(askable, "peer", "peers") + " in the set, all blocked; the first for " +
                   spoken(unblocked - now);
  } else {
    waits.waits_for = WaitsFor::connection;
    waits.detail = counted(askable, "peer", "peers") + " in the set, none connected";
  }
  return true;
}

void Core::explain_parked(const Fetch& fetch, link::Waits& waits, Time now) const {
  std::size_t in_set = 0, connected = 0, blocked = 0;
  Time unblocked = kNever;
  const std::size_t targets = fetch.progress->targets.size();
  for (const Peer* peer : fetch.progress->targets) {
    if (!peer->member || !peers_.askable(*peer->member)) continue;
    ++in_set;
    connected += peer->member->connection.connected();
    if (!peer->member->block.holds(now)) continue;
    ++blocked;
    unblocked = std::min(unblocked, peer->member->block.until());
  }
  waits.waits_for = blocked == targets ? WaitsFor::unblock : WaitsFor::target;
  const std::string subject =
      targets == 1 ? "its target is " : "of its " + std::to_string(targets) + " targets ";
  if (blocked == targets) {
    waits.next_ms = milliseconds(unblocked - now);
    waits.detail = (targets == 1 ? subject : "its targets are all ") + "blocked" +
                   (targets == 1 ? " for " : "; the first for ") + spoken(unblocked - now);
  } else if (targets == 1) {
    waits.detail = subject + (in_set == 0      ? "not in the peer set"
                              : connected == 0 ? "not connected"
                                               : "busy");
  } else {
    waits.detail = subject + std::to_string(in_set) + " in the peer set, " +
                   std::to_string(connected) + " connected, " + std::to_string(blocked) +
                   " blocked";
  }
}

report::PeerInfo Core::info(const Peer& peer, CallId call, Time now) const {
  const Member& member = *peer.member;
  report::PeerInfo info;
  info.call = call;
  info.peer = member.entry;
  const Connection& connection = member.connection;
  if (member.block.holds(now)) {
    info.state = PeerState::blocked;
    info.blocked_ms = milliseconds(member.block.until() - now);
    info.detail =
        member.block.remembered() ? "it answered with an invalid value" : "by an operator's word";
  } else if (!member.in_set) {
    info.state = PeerState::left;
  } else if (member.entry.role == PeerRole::serve_only) {
    info.state = PeerState::serve_only;
  } else if (connection.connected()) {
    info.state = PeerState::connected;
  } else if (!connection.refusal().empty()) {
    info.state = PeerState::refusing;
    info.detail = connection.refusal();
  }
  info.latency_us = static_cast<std::uint32_t>(std::min(member.score.measured_latency_us(), 4e9));
  const auto us = [](Duration duration) {
    return static_cast<std::uint32_t>(duration / std::chrono::microseconds(1));
  };
  info.median_us = us(member.answers.quantile(0.5));
  info.p95_us = us(member.answers.quantile(0.95));
  info.failing = static_cast<std::uint8_t>(100 * member.score.failure());
  info.left_alone_ms = milliseconds(std::max({now, member.aside_until, member.cool_until}) - now);
  info.bytes_per_s = static_cast<std::uint64_t>(member.score.measured_bytes_per_us() * 1e6);
  info.in_flight = member.in_flight;
  info.asked = member.count.asked;
  info.accepted = member.count.accepted;
  info.no_data = member.count.no_data;
  info.timed_out = member.count.timed_out;
  info.invalid = member.count.invalid;
  return info;
}

void Core::peers_listed(const report::PeerList& list, Time now) {
  now_ = now;
  std::uint64_t count = 0;
  for (const Peer* peer : peers_.set()) {
    effects_.push_back(ToEngine{info(*peer, list.call, now)});
    ++count;
  }
  for (const Peer* peer : peers_.left()) {
    if (peer->member->out.empty()) continue;
    effects_.push_back(ToEngine{info(*peer, list.call, now)});
    ++count;
  }
  effects_.push_back(ToEngine{report::Done{list.call, count}});
}

void Core::add_counters(CallId call, Time now) {
  const auto add = [&](std::string counter, std::uint64_t value) {
    effects_.push_back(ToEngine{report::Counter{call, std::move(counter), value}});
  };
  std::uint64_t blocked = 0, connected = 0;
  for (const Peer* peer : peers_.set()) {
    blocked += peer->member->block.holds(now);
    connected += peer->member->connection.connected();
  }
  add("peers", peers_.set().size());
  add("peers_connected", connected);
  add("peers_blocked", blocked);
  add("fetches_fresh", queues_.fresh_size());
  add("fetches_due", queues_.again_size());
  add("fetches_backing_off", queues_.back_off_size());
  add("fetches_parked", parked_);
  const std::size_t pending =
      queues_.fresh_size() + queues_.again_size() + queues_.back_off_size() + parked_;
  add("fetches_pending", pending);
  add("fetches_active", fetches_.size() - pending - validating_);
  add("fetches_standing", standing_.size());
  std::uint64_t out = 0;
  for (const Peer* peer : peers_.set()) out += peer->member->in_flight;
  add("requests_out", out);
  add("requests_late", requests_.late());
  add("room_slots", room_.slots());
  add("room_bytes", room_.bytes());
  add("requests_sent_total", count_.sent);
  add("requests_accepted_total", count_.accepted);
  add("requests_unresolved_total", count_.unresolved);
  add("requests_invalid_total", count_.invalid);
  add("requests_unscored_total", count_.unscored);
  add("requests_lost_total", count_.lost);
  add("requests_no_data_total", count_.no_data);
  add("requests_remembered_total", count_.remembered);
  add("requests_timed_out_total", count_.timed_out);
  add("requests_overloaded_total", count_.overloaded);
  add("requests_too_large_total", count_.too_large);
  add("requests_refused_total", count_.refused);
  add("requests_send_failed_total", count_.send_failed);
  add("requests_abandoned_total", count_.abandoned);
  add("answers_late_total", count_.late);
  add("answers_unmatched_total", count_.unmatched);
  add("hedges_total", count_.hedged);
  add("hedges_won_total", count_.hedges_won);
  add("haves_heard_total", count_.haves);
  add("haves_unwanted_total", count_.haves_unwanted);
  add("haves_untrue_total", count_.haves_untrue);
  add("forgotten_total", count_.forgotten);
  add("timeouts_uncharged_total", count_.acquitted);
  add("late_turns_total", count_.late_turns);
  add("breaker_trips_total", count_.breaker);
  add("protocol_violations_total", count_.violations);
}

void Core::check_invariants() const {
  std::size_t refs = requests_.size();
  for (const auto& [id, fetch] : fetches_)
    refs += fetch.progress ? fetch.progress->targets.size() : 0;
  peers_.check_invariants(refs, now_);
  requests_.check_invariants();
  queues_.check_invariants();
  std::size_t queued = 0, parked = 0, validating = 0;
  std::unordered_map<FetchId, std::uint32_t> out;
  std::uint64_t room = 0, slots = 0;
  for (const auto& [id, request] : requests_.all()) {
    QUARRY_CHECK(request.peer->refs > 0);
    const bool reserves = request.state == Request::State::out;
    if (reserves) ++out[request.fetch];
    const bool holds = reserves || request.state == Request::State::spare;
    slots += holds;
    room += reserves ? request.room : holds ? request.size : 0;
  }
  QUARRY_CHECK(room_.lent_slots() >= slots && room_.lent_bytes() >= room);
  for (const auto& [id, fetch] : fetches_) {
    QUARRY_CHECK(id == fetch.id);
    const auto found = out.find(id);
    QUARRY_CHECK(fetch.out() == (found == out.end() ? 0 : found->second));
    for (std::size_t i = 0; i < fetch.out(); ++i) {
      QUARRY_CHECK(requests_.all().at(fetch.progress->outs[i]).fetch == fetch.id);
    }
    const auto standing = standing_.find(hash_(fetch.key));
    QUARRY_CHECK(fetch.standing == (standing != standing_.end() && standing->second == &fetch));
    QUARRY_CHECK(fetch.standing || fetch.told == 0);
    parked += fetch.place == Place::parked;
    validating += fetch.validating();
    const bool pending = fetch.place != Place::nowhere;
    queued += pending && fetch.place != Place::parked;
    // R31, and nothing is ever lost: pending, or something is under way.
    QUARRY_CHECK(pending != (fetch.out() > 0 || fetch.validating()));
    QUARRY_CHECK((fetch.place == Place::back_off) == (fetch.heap_at != kNotInHeap));
    if (!fetch.progress) continue;
    QUARRY_CHECK(fetch.restricted || fetch.progress->targets.empty());
    QUARRY_CHECK((fetch.place == Place::parked) == !fetch.progress->waiters.empty());
    QUARRY_CHECK(!fetch.progress->spare || fetch.validating());
    for (const RequestId late : fetch.progress->late) {
      QUARRY_CHECK(requests_.all().contains(late));
    }
    if (fetch.validating()) {
      QUARRY_CHECK(requests_.all().at(fetch.progress->judging).state == Request::State::judging);
    }
  }
  QUARRY_CHECK(parked == parked_ && validating == validating_);
  QUARRY_CHECK(queued == queues_.fresh_size() + queues_.again_size() + queues_.back_off_size());
}

}  // namespace quarry::peer_selector
