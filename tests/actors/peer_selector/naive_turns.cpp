// The naive PeerSelector: peers, whom a fetch may ask, and where it waits.
#include <algorithm>

#include "msg/bytes.hpp"
#include "tests/actors/peer_selector/naive.hpp"

namespace quarry::peer_selector {

using namespace std::chrono_literals;

namespace {
std::string shown(const PeerKey& peer) { return to_hex(peer.view().first(2)); }
}  // namespace

// --- Peers ------------------------------------------------------------------------------------

Naive::Peer* Naive::in_set(const PeerKey& key) {
  const auto at = peers_.find(key);
  return at == peers_.end() || !at->second.in_set ? nullptr : &at->second;
}

void Naive::put_into_set(const report::PeerEntry& entry) {
  if (entry.peer == self_) return;  // R34
  peers_[entry.peer].known = peers_[entry.peer].in_set = true;
  peers_[entry.peer].serve_only = entry.role == PeerRole::serve_only;
}

void Naive::peer_added(const report::PeerEntry& entry) { put_into_set(entry); }

void Naive::peer_removed(const PeerKey& key) {
  if (Peer* peer = in_set(key)) peer->in_set = false;
}

void Naive::peer_set_came(std::uint64_t number, const std::vector<report::PeerEntry>& peers) {
  if (number <= set_number_) return;  // R32
  set_number_ = number;
  for (auto& [key, peer] : peers_) peer.in_set = false;
  for (const report::PeerEntry& entry : peers) put_into_set(entry);
}

int Naive::weight(const Block& block, Time now) const {
  int offences = block.offences;
  for (Time day = block.last + 24h; day <= now && offences > 0; day += 24h) offences /= 2;
  return offences;
}

Duration Naive::sentence(const Block& block, Time now) const {
  Duration duration = config_.block;
  for (int i = weight(block, now); i > 0; --i) duration = std::min(2 * duration, config_.block_cap);
  return duration;
}

void Naive::block_ordered(const PeerKey& key, Duration duration, Time now) {
  Peer* peer = in_set(key);
  if (peer == nullptr) return;
  peer->block.until = now + (duration > 0s ? duration : sentence(peer->block, now));
}

void Naive::unblock_ordered(const PeerKey& key) {
  if (Peer* peer = in_set(key)) peer->block = {};
}

void Naive::block_for_invalid(const PeerKey& key, Time sent, Time now) {
  Peer& peer = peers_[key];
  const Block before = peer.block;
  if (sent <= before.since) return;  // the same offence
  peer.block.until = std::max(before.until, now + sentence(before, now));
  peer.block.offences = std::min(weight(before, now) + 1, 16);
  peer.block.last = peer.block.since = now;
  std::erase_if(liars_, [&](const Liar& it) { return it.at + 60s < now; });
  const bool known = std::ranges::count(liars_, key, &Liar::peer) > 0;
  if (!known) liars_.push_back({key, now, before});
  if (now < breaker_open_until_) {
    breaker_open_until_ = now + 60s;
    peer.block = before;
    peer.failed = true;
    return;
  }
  std::size_t asked = 0;
  for (const auto& [other, its] : peers_) asked += its.in_set && its.last_asked >= now - 60s;
  if (liars_.size() < 3 || liars_.size() * 3 < asked) return;
  ++totals_["breaker_trips_total"];
  breaker_open_until_ = now + 60s;
  for (const Liar& liar : std::exchange(liars_, {})) {
    peers_[liar.peer].block = liar.before;
    peers_[liar.peer].failed = true;
  }
}

void Naive::pong_received(const PeerKey& key, std::uint64_t nonce, Instance instance) {
  Peer& peer = peers_[key];
  peer.quiet_since.reset();
  if (!peer.open || nonce != peer.nonce) return;
  const bool new_life = peer.instance && peer.instance != instance;
  peer.instance = instance;
  peer.connected = true;
  if (!new_life) return;
  abandon(key, peer.pinged_at);
  const auto stands = [](const auto& one) { return one.second.standing; };
  if (std::ranges::any_of(fetches_, stands)) begin_anew(peer);  // it remembers nothing
}

// As if it had become a candidate just now.
void Naive::begin_anew(Peer& peer) {
  if (peer.candidate) peer.generation = ++generation_;
}

void Naive::connection_refused(const PeerKey& key) {
  if (peers_.contains(key)) peers_[key].connected = false;
}

void Naive::opened(const PeerKey& key, Time now) {
  Peer& peer = peers_[key];
  if (peer.open) wrong(shown(key) + " is opened twice");
  if (!peer.in_set || key == self_) wrong(shown(key) + " is dialled and not in the set");
  peer.open = true;
  peer.connected = false;
  peer.quiet_since = now;
}

void Naive::closed(const PeerKey& key) {
  if (!peers_[key].open) wrong(shown(key) + " is closed and was not open");
  peers_[key].open = peers_[key].connected = false;
  abandon(key, kNever);
}

void Naive::pinged(const PeerKey& key, std::uint64_t nonce, Time now) {
  Peer& peer = peers_[key];
  peer.nonce = nonce;
  peer.pinged_at = now;
  if (!peer.quiet_since) peer.quiet_since = now;
}

void Naive::admitted(const link::Admission& admission) {
  peers_[admission.peer].told_admitted = admission.admitted;
  peers_[admission.peer].told_blocked = admission.blocked;
}

// --- Whom to ask ------------------------------------------------------------------------------

bool Naive::is_candidate(const Peer& peer, Time now) const {
  return peer.in_set && !peer.serve_only && peer.connected && peer.block.until <= now;
}

bool Naive::anybody_to_ask() const {
  return std::ranges::any_of(peers_, [](const auto& one) { return one.second.candidate; });
}

bool Naive::anybody_available() const {
  return std::ranges::any_of(peers_, [](const auto& one) { return one.second.available; });
}

// Asked in this round, or set aside for this key.
bool Naive::is_left_out(const Fetch& fetch, const PeerKey& key, Time now) const {
  const auto tried = fetch.tried.find(key);
  const auto known = peers_.find(key);
  if (tried != fetch.tried.end() && known != peers_.end() &&
      known->second.generation == tried->second) {
    return true;
  }
  return std::ranges::any_of(
      fetch.set_aside, [&](const auto& aside) { return aside.first == key && aside.second > now; });
}

bool Naive::may_ask(const Fetch& fetch, const PeerKey& key, Time now) const {
  const bool has_it = fetch.has_it && fetch.prefer == key;
  return !is_left_out(fetch, key, now) && !told(fetch, key) &&
         (has_it || !fetch.hastened || peers_.at(key).generation > fetch.generation);
}

bool Naive::is_permitted(const Fetch& fetch, const PeerKey& key, Time now) const {
  const auto at = peers_.find(key);
  if (at == peers_.end() || !is_free(at->second, now) || !may_ask(fetch, key, now)) return false;
  if (fetch.told > 0 && at->second.aside_until > now && fetch.prefer != key) return false;
  return !fetch.restricted || std::ranges::count(fetch.targets, key) > 0;
}

std::vector<PeerKey> Naive::permitted(const Fetch& fetch, Time now) const {
  std::vector<PeerKey> permitted;
  for (const auto& [key, peer] : peers_) {
    if (is_permitted(fetch, key, now)) permitted.push_back(key);
  }
  return permitted;
}

void Naive::asked(const PeerKey& key, const peer::Ask& ask, Time now) {
  Fetch* fetch = find(ask.key);
  if (fetch == nullptr) return wrong("an ask for a key that nobody wants");
  if (!ids_.insert(ask.request).second) wrong("a request has the id of another");
  if (!in_turn_ && !in_time_) return wrong(shown(key) + " is asked before all events are over");
  const bool hedge = fetch->place == Place::busy && in_time_;
  const bool at_once = in_turn_ && is_due_at_once(*fetch, now) && fetch->prefer == key;
  if (in_turn_ && !at_once) nobody_is_due_at_once(now);
  if (fetch->place != Place::queued && !at_once && !hedge) {
    return wrong(shown(key) + " is asked for a fetch that has not its turn");
  }
  if (hedge) hedged(*fetch, now);
  // No newcomer was left, and meanwhile its own time has come.
  if (!hedge && fetch->hastened && !is_permitted(*fetch, key, now)) its_time_has_come(*fetch, now);
  if (!is_permitted(*fetch, key, now)) return wrong(shown(key) + " is asked, which may not be");
  const bool preferred = fetch->prefer && is_permitted(*fetch, *fetch->prefer, now);
  if (preferred && key != *fetch->prefer) {
    wrong("who named a size, or has it, is not asked first");
  }
  if (ask.remember_ms != remember(*fetch) / 1ms) wrong("it should remember for another time");
  // What is over, perhaps, has perhaps given its room back.
  const bool room_known = perhaps_gone_.empty();
  if (room_known && !fits(ask.room)) wrong("more room is offered than there is");
  if (room_known && ask.room != room_for(*fetch)) wrong("other room is offered than should be");
  if (ask.wait_ms < 200 || ask.wait_ms > 8000) wrong("a time to answer beyond all bounds");
  const bool has_it = fetch->prefer == key && fetch->has_it;
  fetch->prefer.reset();
  fetch->at_once = false;
  fetch->has_it = false;
  fetch->place = Place::busy;
  fetch->out.insert(ask.request);
  fetch->tried[key] = peers_[key].generation;
  peers_[key].last_asked = now;
  // R35: with up to ten a second there is one token at a time; with many there are always some.
  if (config_.requests_per_second <= 10) {
    peers_[key].token_at =
        now + Duration(static_cast<std::int64_t>(1e9 / config_.requests_per_second));
  }
  peers_[key].available = is_free(peers_[key], now);
  ++totals_["requests_sent_total"];
  Request& request = requests_[ask.request];
  request.fetch = FetchId{};
  for (const auto& [id, one] : fetches_) {
    if (&one == fetch) request.fetch = id;
  }
  request.peer = key;
  request.room = ask.room;
  request.sent = now;
  request.wait = std::chrono::milliseconds(ask.wait_ms);
  request.has_it = has_it;
  request.priority = fetch->priority;
  request.hedge = hedge;
}

// --- Events and turns ---------------------------------------------------------------------------

void Naive::event_over(Time now) {
  in_time_ = false;
  for (auto& [key, peer] : peers_) {
    if (peer.block.until > now) abandon(key, kNever);  // R29
  }
  if (!to_be_passed_on_.empty()) wrong("an answer is not passed on");
  if (!to_forget_.empty()) wrong("a peer is not told that it may forget");
  for (auto& [key, peer] : peers_) {
    const bool candidate = is_candidate(peer, now);
    const bool available = is_free(peer, now);
    if (candidate && !peer.candidate) peer.generation = ++generation_;
    peer.left = peer.left || (peer.candidate && !candidate);
    peer.came = peer.came || (available && !peer.available);
    peer.candidate = candidate;
    peer.available = available;
    if (peer.told_admitted != peer.in_set || peer.told_blocked != (peer.block.until > now)) {
      wrong("whom to serve is not told of " + shown(key));
    }
  }
}

void Naive::turn_begins(Time now) {
  in_turn_ = true;
  std::set<PeerKey> woke;
  for (auto& [key, peer] : peers_) {
    if (peer.left || (peer.came && peer.available)) woke.insert(key);
    peer.left = peer.came = false;
  }
  for (auto& [id, its] : fetches_) {
    Fetch& fetch = its;
    const auto wakes = [&](const PeerKey& key) { return fetch.under.contains(key); };
    if (fetch.place == Place::parked && std::ranges::any_of(woke, wakes)) {
      fetch.place = Place::queued;
    }
    if (fetch.place != Place::resting || !anybody_available()) continue;
    if (fetch.latest <= now) {
      fetch.hastened = false;
      forget_told_if_over(fetch, now);
      fetch.place = Place::queued;
    } else if (fetch.generation < generation_) {
      // A newcomer ends the wait, for itself.
      const auto is_new = [&](const PeerKey& key) {
        return peers_[key].candidate && peers_[key].generation > fetch.generation;
      };
      if (!fetch.restricted || std::ranges::any_of(fetch.targets, is_new)) {
        fetch.hastened = true;
        fetch.place = Place::queued;
      } else {
        fetch.generation = generation_;
      }
    }
  }
}

std::vector<FetchId> Naive::queued() const {
  std::vector<FetchId> queued;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.place == Place::queued) queued.push_back(id);
  }
  return queued;
}

// Whoever could be asked has been; the others wait for something. Where nobody is left to be asked,
// or there is no room for one of them, they keep their place.
void Naive::turn_over(const std::set<FetchId>& left, Time now) {
  in_turn_ = false;
  nobody_is_due_at_once(now);
  const bool starved = !perhaps_gone_.empty() || std::ranges::any_of(left, [&](FetchId id) {
    return !fits(std::max<std::uint64_t>(room_for(fetches_.at(id)), 1));
  });
  const bool may_be_left = starved || !anybody_available();
  if (!left.empty() && !may_be_left) wrong("a fetch keeps its place, and could go on");
  for (auto& [id, fetch] : fetches_) {
    if (fetch.place != Place::queued || left.contains(id)) continue;
    if (fetch.prefer && is_permitted(fetch, *fetch.prefer, now)) {
      wrong("nobody is asked, and " + shown(*fetch.prefer) + " has it");
    }
    fetch.prefer.reset();
    fetch.has_it = false;
    settle(fetch, now);
  }
}

void Naive::settle(Fetch& fetch, Time now) {
  const std::vector<PeerKey> permitted = this->permitted(fetch, now);
  if (!permitted.empty()) {
    return wrong("nobody is asked, and " + shown(permitted.front()) + " may be");
  }
  if (fetch.hastened) {
    if (!its_time_has_come(fetch, now)) return rest(fetch, {fetch.earliest, fetch.latest});
    return settle(fetch, now);
  }
  if (fetch.restricted) return settle_restricted(fetch, now);
  Time free = kNever;
  for (const auto& [key, peer] : peers_) {
    if (!peer.candidate || !may_ask(fetch, key, now) || can_wait(fetch, key, now)) continue;
    const Time at = std::max(peer.cool_until, peer.token_at);
    free = std::min(free, at > now ? at : now + config_.retry_delay);
  }
  if (free == kNever || fetch.held) return round_over(fetch, now);
  fetch.held = true;
  free = std::min(free, now + config_.retry_delay);
  rest(fetch, {free, std::chrono::ceil<std::chrono::milliseconds>(free)});
}

// Newcomers have been asked. False: the fetch goes on waiting until the time it had, or, if all
// remember now, until that is over.
bool Naive::its_time_has_come(Fetch& fetch, Time now) {
  if (!fetch.held) {
    note_told(fetch);
    if (fetch.told > 0) {
      const Within next = next_round(fetch, now);
      const bool all = untold(fetch).empty();
      fetch.earliest = all ? next.earliest : std::min(fetch.earliest, next.earliest);
      fetch.latest = all ? next.latest : std::min(fetch.latest, next.latest);
    }
    fetch.tried.clear();
    fetch.remember.clear();
  }
  if (fetch.latest > now) return false;
  fetch.hastened = false;
  forget_told_if_over(fetch, now);
  return true;
}

void Naive::settle_restricted(Fetch& fetch, Time now) {
  std::set<PeerKey> untried;
  bool candidate = false;
  for (const PeerKey& key : fetch.targets) {
    if (is_left_out(fetch, key, now) || told(fetch, key) || can_wait(fetch, key, now)) continue;
    untried.insert(key);
    candidate = candidate || peers_[key].candidate;
  }
  std::erase_if(fetch.set_aside, [&](const auto& aside) { return aside.second <= now; });
  const bool asked = !fetch.tried.empty() || fetch.told > 0;
  if (!candidate && !asked && !fetch.set_aside.empty()) {
    Time first = kNever;
    for (const auto& [key, until] : fetch.set_aside) first = std::min(first, until);
    return rest(fetch, {first, first});
  }
  if (!candidate && (asked || untried.empty())) return round_over(fetch, now);
  fetch.place = Place::parked;
  fetch.under = untried;
}

void Naive::round_over(Fetch& fetch, Time now) {
  note_told(fetch);
  const Within next = next_round(fetch, now);
  ++fetch.rounds;
  fetch.hastened = fetch.held = false;
  fetch.tried.clear();
  fetch.remember.clear();
  fetch.enlarged.clear();
  rest(fetch, next);
}

// N16, and N15: who remembers need not be asked.
Naive::Within Naive::next_round(const Fetch& fetch, Time now) {
  Duration wait = config_.retry_delay;
  for (int i = 0; i < fetch.rounds; ++i) wait = std::min(2 * wait, config_.retry_delay_cap);
  const Within again{now + wait * 3 / 4, now + wait * 5 / 4 + 1ms};
  if (fetch.told == 0) return again;
  if (!untold(fetch).empty()) return again;
  return {std::max(fetch.told_until - 1ms, again.earliest),
          std::max(fetch.told_until, again.latest)};
}

void Naive::rest(Fetch& fetch, Within within) {
  fetch.place = Place::resting;
  fetch.generation = generation_;
  fetch.earliest = within.earliest;
  fetch.latest = within.latest;
  fetch.known = false;
}

std::vector<FetchId> Naive::resting_anew() const {
  std::vector<FetchId> anew;
  for (const auto& [id, fetch] : fetches_) {
    if (fetch.place == Place::resting && !fetch.known) anew.push_back(id);
  }
  return anew;
}

void Naive::rests(FetchId id, WaitsFor what, Duration left, Time now) {
  Fetch& fetch = fetches_.at(id);
  const Time until = now + left;
  if (until < fetch.earliest || until > fetch.latest) {
    wrong("a fetch waits for " + std::to_string(left / 1ms) + " ms, and should for " +
          std::to_string((fetch.earliest - now) / 1us) + " us to " +
          std::to_string((fetch.latest - now) / 1us));
  }
  const bool all_remember = fetch.told > 0 && untold(fetch).empty();
  if (!fetch.held && (what == WaitsFor::have) != all_remember) {
    wrong("a fetch waits for a word of who remembers, and should not, or should and does not");
  }
  fetch.earliest = fetch.latest = until;
  fetch.known = true;
}

}  // namespace quarry::peer_selector
