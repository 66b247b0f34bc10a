// The part of the core that sends: whose turn it is, whom to ask, and where a fetch waits that
// cannot go on.
#include <algorithm>

#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {
namespace {
constexpr double kJitter = 0.25;
constexpr std::uint8_t kMaxRounds = 16;

std::uint32_t in_ms(Duration duration) {
  return static_cast<std::uint32_t>(duration / std::chrono::milliseconds(1));
}

}  // namespace

void Core::dispatch(Time now) {
  now_ = now;
  more_ = false;
  refresh_pool(now);
  ask_who_has_it(now);
  wake_parked(now);
  release_backed_off(now);
  hasten_backed_off(now);
  for (int i = 0; i < limits::kDispatchSlice; ++i) {
    Fetch* fetch = peers_.available().empty() ? nullptr : queues_.next();
    if (fetch == nullptr || fetch->id == starved_ || !try_one(*fetch, now)) return;
  }
  more_ = true;
}

// Beside others that are asked already; not from the event, for a later one of its turn may end the
// fetch (R22).
void Core::ask_who_has_it(Time now) {
  for (const FetchId id : somebody_has_) {
    Fetch* fetch = find(id);
    const bool is_active = fetch != nullptr && fetch->out() > 0 && !fetch->validating();
    if (!is_active || fetch->out() == limits::kMaxOut || !fetch->progress->has_it) continue;
    const std::uint32_t room = room_for(*fetch);
    if (room == 0 || !room_.fits(room)) continue;
    mark_tried(*fetch, now);
    choice_.forget();
    Peer* peer = preferred(*fetch);
    const bool may = peer != nullptr && !is_asked(*fetch, *peer);
    if (may) send(*fetch, *peer, room, expected_bytes(*fetch), Why::have, now);
  }
  somebody_has_.clear();
}

bool Core::is_asked(const Fetch& fetch, const Peer& peer) {
  return std::ranges::any_of(fetch.progress->outs, [&](RequestId id) {
    const Request* request = id ? requests_.find(id) : nullptr;
    return request != nullptr && request->peer == &peer;
  });
}

// Fetches whose target is available again, as many as it can take.
void Core::wake_parked(Time now) {
  for (int i = 0; i < limits::kWakeSlice && !waking_.empty(); ++i) {
    Peer* peer = peers_.at(waking_.front());
    const bool available =
        peer != nullptr && peer->member && peer->member->available_at != kNotListed;
    const bool due = peer != nullptr && !peer->waiters.empty() && (available || peer->recheck > 0);
    if (!due) {
      if (peer != nullptr) peer->waking = false, peer->recheck = 0;
      waking_.pop_front();
      continue;
    }
    if (peer->recheck > 0) --peer->recheck;
    ++looked_at_;
    Fetch& fetch = *peer->waiters.front()->fetch;
    unpark(fetch);
    queues_.again(fetch, now);
  }
  more_ = more_ || !waking_.empty();
}

// Another round for those whose time has come, as many as the node's retry rate allows (N16).
void Core::release_backed_off(Time now) {
  if (peers_.available().empty()) return;
  for (int i = 0; i < limits::kWakeSlice; ++i) {
    Fetch* fetch = queues_.first_due();
    if (fetch == nullptr || fetch->due > now || !retries_.ready(now)) return;
    retries_.take(now);
    ++looked_at_;
    queues_.remove(*fetch);
    fetch->hastened = false;
    forget_told_if_over(*fetch, now);
    queues_.again(*fetch, now);
  }
  more_ = true;
}

// A peer has become a candidate since they began to wait: they may ask it before their time.
void Core::hasten_backed_off(Time now) {
  if (peers_.available().empty()) return;
  for (int i = 0; i < limits::kWakeSlice; ++i) {
    Fetch* fetch = queues_.first_begun();
    if (fetch == nullptr || fetch->generation >= peers_.generation()) return;
    ++looked_at_;
    if (!news_for(*fetch)) {
      queues_.begin_anew(*fetch, peers_.generation());
      continue;
    }
    if (!retries_.ready(now)) return;
    retries_.take(now);
    queues_.remove(*fetch);
    fetch->hastened = true;
    queues_.again(*fetch, now);
  }
  more_ = true;
}

bool Core::news_for(const Fetch& fetch) const {
  if (!fetch.restricted) return true;
  return std::ranges::any_of(fetch.progress->targets, [&](const Peer* peer) {
    return peer->member && peer->member->candidate_at != kNotListed &&
           peer->member->generation > fetch.generation;
  });
}

// Sends for the fetch whose turn it is, or puts it where it waits. False: nothing can be sent now.
bool Core::try_one(Fetch& fetch, Time now) {
  const std::uint32_t room = room_for(fetch);
  if (room == 0 || !room_.fits(room)) {
    starved_ = fetch.id;
    return false;
  }
  ++looked_at_;
  const std::uint64_t bytes = expected_bytes(fetch);
  Why why = Why::preferred;
  Peer* peer = choose(fetch, bytes, why, now);
  if (peer == nullptr && fetch.hastened && own_time_has_come(fetch, now)) {
    peer = choose(fetch, bytes, why, now);
  }
  if (peer != nullptr) {
    send(fetch, *peer, room, bytes, why, now);
  } else {
    queues_.remove(fetch);
    settle(fetch, now);
  }
  return true;
}

std::uint64_t Core::expected_bytes(const Fetch& fetch) const {
  return fetch.progress && fetch.progress->room > 0 ? fetch.progress->room : expected_.typical();
}

std::uint32_t Core::room_for(const Fetch& fetch) const {
  const std::uint32_t needed =
      std::max(expected_.room(), fetch.progress ? fetch.progress->room : 0);
  // With all the room in hand and still too little, more will never come: ask with what there is.
  if (room_.whole() && room_.bytes() < needed) return static_cast<std::uint32_t>(room_.bytes());
  return needed;
}

void Core::mark_tried(const Fetch& fetch, Time now) {
  ++mark_;
  if (!fetch.progress) return;
  for (const Progress::Tried& tried : fetch.progress->tried) {
    Peer* peer = peers_.at(tried.peer);
    if (peer != nullptr && peer->member && peer->member->generation == tried.generation) {
      peer->mark = mark_;
    }
  }
  for (const std::uint32_t index : fetch.progress->untold) {
    if (Peer* peer = peers_.at(index)) peer->untold = mark_;
  }
  std::erase_if(fetch.progress->set_aside, [&](const auto& aside) { return aside.until <= now; });
  for (const auto& aside : fetch.progress->set_aside) {
    if (Peer* peer = peers_.at(aside.peer)) peer->mark = mark_;
  }
}

// Requires mark_tried(). Who `has_it` need be no newcomer.
bool Core::may_ask(const Fetch& fetch, const Peer& peer, bool has_it) const {
  return peer.mark != mark_ && peer.member && !told(fetch, peer) &&
         (has_it || !fetch.hastened || peer.member->generation > fetch.generation);
}

// Whom it would ask before all others, if that one may be asked now. Requires mark_tried().
Peer* Core::preferred(const Fetch& fetch) {
  if (!fetch.progress || fetch.progress->prefer == kNoPeer) return nullptr;
  Peer* peer = peers_.at(fetch.progress->prefer);
  const bool may = peer != nullptr && may_ask(fetch, *peer, fetch.progress->has_it) &&
                   peer->member->available_at != kNotListed &&
                   (!fetch.restricted || std::ranges::count(fetch.progress->targets, peer) > 0);
  return may ? peer : nullptr;
}

Peer* Core::choose(Fetch& fetch, std::uint64_t bytes, Why& why, Time now) {
  mark_tried(fetch, now);
  choice_.forget();
  if (Peer* peer = preferred(fetch)) {
    why = fetch.progress->has_it ? Why::have : Why::preferred;
    return peer;
  }
  const std::vector<Peer*>& from = fetch.restricted ? fetch.progress->targets : peers_.available();
  const auto pick = [&](bool left_alone) {
    return choice_.pick(from.size(), bytes, pool_, [&](std::size_t i) {
      const Peer& peer = *from[i];
      const bool may = may_ask(fetch, peer) && peer.member->available_at != kNotListed &&
                       (peer.member->aside_until > now) == left_alone;
      if (!may) return Candidate{};
      return Candidate{i, peer.member->in_flight, &peer.member->score, peer.index};
    });
  };
  // Those left alone are better than nobody: one of them may be the only one that has the value.
  // But where others remember, they can wait.
  auto picked = pick(false);
  if (!picked && fetch.told == 0) picked = pick(true);
  if (!picked) return nullptr;
  why = picked->why;
  return from[picked->index];
}

Request& Core::send(Fetch& fetch, Peer& peer, std::uint32_t room, std::uint64_t bytes, Why why,
                    Time now) {
  Member& member = *peer.member;
  const Duration timeout = timeout_of(member, bytes);
  const Duration hedge = hedging_.after(fetch.priority, timeout, config_);
  Request& request = requests_.make(fetch.id, peer, room, now, now + std::min(timeout, hedge));
  request.timeout_at = now + timeout;
  note_ask(fetch, request, why, now);
  ++peer.refs;
  room_.take(room);
  member.pace.take(now);
  member.last_asked = now;
  Progress& progress = fetch.more();
  request.has_it = progress.has_it && progress.prefer == peer.index;
  prefer_nobody(fetch);
  if (why != Why::hedge) {
    queues_.sent(fetch);
    queues_.remove(fetch);
    hedging_.asked(config_);
    if (progress.tried.empty()) progress.asked_at = now;
  }
  progress.outs[progress.out++] = request.id;
  progress.tried.push_back({peer.index, member.generation});
  ++fetch.requests;
  ++count_.sent;
  ++member.count.asked;
  ++member.in_flight;
  member.out.push_back(request);
  if (member.in_flight == 1) {
    member.connection.became_busy(now, config_);
    peers_.retime(peer, std::min(peer.due, member.connection.next_deadline(config_)));
  }
  refresh(peer, now);
  if (const Time free = peers_.free_at(member, now); free > now) {
    peers_.retime(peer, std::min(peer.due, free));
  }
  tell(peer, peer::Ask{request.id, fetch.key, room, in_ms(timeout), in_ms(remember(fetch))});
  return request;
}

void Core::prefer_nobody(Fetch& fetch) {
  if (!fetch.progress) return;
  fetch.progress->prefer = kNoPeer;
  fetch.progress->has_it = false;
}

Duration Core::timeout_of(const Member& member, std::uint64_t bytes) const {
  const Duration first =
      pool_.p95_us > 0
          ? std::min(config_.max_timeout, Duration(static_cast<std::int64_t>(2000 * pool_.p95_us)))
          : config_.first_timeout;
  const Duration timeout =
      member.score.timeout(bytes, {first, config_.min_timeout, config_.max_timeout});
  return Duration(
      static_cast<std::int64_t>(static_cast<double>(timeout.count()) * ourselves_.factor()));
}

// All newcomers have been asked. False: the fetch waits on, until the time it had or, if all
// remember now, until that is over.
bool Core::own_time_has_come(Fetch& fetch, Time now) {
  if (!fetch.held) {
    note_told(fetch);
    if (fetch.told > 0) {
      fetch.due = std::min(all_remember(fetch) ? kNever : fetch.due, next_round(fetch, now));
    }
    if (fetch.progress) fetch.progress->tried = {};
    shrink(fetch);
  }
  if (fetch.due > now) return false;
  fetch.hastened = false;
  forget_told_if_over(fetch, now);
  return true;
}

// Nobody can be asked for this fetch now although somebody is available: decides what it waits for.
// Requires mark_tried().
void Core::settle(Fetch& fetch, Time now) {
  prefer_nobody(fetch);
  if (fetch.hastened) return queues_.back_off(fetch, fetch.due, peers_.generation());
  if (fetch.restricted) return settle_restricted(fetch, now);
  // Some candidates may be busy or cooling: they are waited for, once, before the round is over.
  Time free = kNever;
  for (const Peer* peer : peers_.candidates()) {
    if (!may_ask(fetch, *peer) || can_wait(fetch, *peer, now)) continue;
    const Time at = peers_.free_at(*peer->member, now);
    free = std::min(free, at > now ? at : now + config_.retry_delay);
  }
  if (free == kNever || fetch.held) return round_over(fetch, now);
  fetch.held = true;
  queues_.back_off(fetch, std::min(free, now + config_.retry_delay), peers_.generation());
}

void Core::settle_restricted(Fetch& fetch, Time now) {
  std::vector<Peer*> untried;
  bool candidate = false;
  for (Peer* peer : fetch.progress->targets) {
    if (peer->mark == mark_ || (peer->member && told(fetch, *peer))) continue;
    if (peer->member && can_wait(fetch, *peer, now)) continue;
    untried.push_back(peer);
    candidate = candidate || (peer->member && peer->member->candidate_at != kNotListed);
  }
  const bool asked = !fetch.progress->tried.empty() || fetch.told > 0;
  const auto& aside = fetch.progress->set_aside;
  if (!candidate && !asked && !aside.empty()) {
    // Nobody becomes available when the time of who is set aside is over: wait for that.
    const auto first = std::ranges::min_element(aside, {}, &Progress::SetAside::until);
    return queues_.back_off(fetch, first->until, peers_.generation());
  }
  if (candidate || (!asked && !untried.empty())) return park(fetch, untried);
  round_over(fetch, now);
}

void Core::park(Fetch& fetch, const std::vector<Peer*>& under) {
  std::vector<Waiter>& waiters = fetch.progress->waiters;
  // Sized before any is linked: a list holds their addresses.
  waiters.resize(under.size());
  for (std::size_t i = 0; i < under.size(); ++i) {
    waiters[i].fetch = &fetch;
    waiters[i].peer = under[i];
    under[i]->waiters.push_back(waiters[i]);
  }
  fetch.place = Place::parked;
  ++parked_;
}

void Core::round_over(Fetch& fetch, Time now) {
  note_told(fetch);
  const Time due = next_round(fetch, now);
  fetch.rounds = std::min<std::uint8_t>(fetch.rounds + 1, kMaxRounds);
  fetch.hastened = false;
  fetch.held = false;
  if (fetch.progress) {
    fetch.progress->tried = {};
    fetch.progress->enlarged = {};
  }
  shrink(fetch);
  queues_.back_off(fetch, due, peers_.generation());
}

// Whoever remembers says when it has it, and need not be asked again before the time is over. Who
// does not may be left alone still, and be back at any time.
Time Core::next_round(const Fetch& fetch, Time now) {
  const Duration exact =
      std::min(Duration(config_.retry_delay * (1LL << fetch.rounds)), config_.retry_delay_cap);
  const Time again = now + Duration(static_cast<std::int64_t>(static_cast<double>(exact.count()) *
                                                              random_.around_one(kJitter)));
  if (fetch.told == 0) return again;
  const bool some_do_not =
      fetch.progress && std::ranges::any_of(fetch.progress->untold, [&](std::uint32_t index) {
        const Peer* peer = peers_.at(index);
        return peer != nullptr && peer->member;
      });
  return some_do_not ? again : std::max(told_until(fetch), again);
}

}  // namespace quarry::peer_selector
