#include "actors/peer_selector/core.hpp"

#include <algorithm>
#include <unordered_set>

#include "actors/peer_selector/limits.hpp"
#include "msg/take_back.hpp"

namespace quarry::peer_selector {
namespace {

// A blocked peer has no DEALER; it gets one this long before its block ends, so that it is
// connected, and eligible, when it does.
constexpr Duration kDialBeforeUnblock = std::chrono::seconds(3);
constexpr Duration kPoolEvery = std::chrono::seconds(1);

}  // namespace

Core::Core(Config config, Self self, std::uint64_t seed, Time now)
    : config_(std::move(config)),
      self_(std::move(self)),
      random_(seed),
      choice_(random_.next(), config_.tuning),
      peers_(self_.key, config_, random_.next()),
      pool_refreshed_(now),
      expected_(self_.network.max_value),
      retries_(config_.retries_per_second, now),
      requests_(random_.next()),
      hedging_(config_),
      set_number_(config_.peers_number),
      now_(now) {
  hash_.salt = random_.next();
  for (const Remembered& known : std::exchange(config_.remembered, {})) recall(known, now);
  for (const report::PeerEntry& entry : config_.peers) put_into_set(entry, now);
}

// As if it had been in the set and left: it may return.
void Core::recall(const Remembered& known, Time now) {
  if (known.peer == self_.key) return;
  Peer& peer = peers_.intern(known.peer);
  if (peer.member) return;
  peers_.enter(peer, {known.peer, "", PeerRole::serve_only, ""});
  peer.member->score.recall(known.score, now);
  peer.member->block.recall(known.block, now);
  peers_.leave(peer);
}

std::vector<Remembered> Core::remembered(Time now) const {
  std::vector<Remembered> all;
  const auto add = [&](const Peer* peer) {
    const Remembered known{peer->key, peer->member->score.kept(now), peer->member->block.kept(now)};
    if (known.score != Score::Kept{} || known.block != Block::Kept{}) all.push_back(known);
  };
  std::ranges::for_each(peers_.set(), add);
  std::ranges::for_each(peers_.left(), add);
  return all;
}

// --- The peer set -----------------------------------------------------------------------------

bool Core::put_into_set(const report::PeerEntry& entry, Time now) {
  if (entry.peer == self_.key) return false;  // R34
  Peer& peer = peers_.intern(entry.peer);
  const bool was_in = peer.member && peer.member->in_set;
  const std::string endpoint = was_in ? peer.member->entry.endpoint : entry.endpoint;
  if (!peers_.enter(peer, entry)) return false;
  if (was_in && endpoint != entry.endpoint && peer.member->connection.hung_up()) {
    close_dealer(peer, now);
  }
  attend(peer, now);
  return true;
}

void Core::drop_from_set(Peer& peer, Time now) {
  peers_.leave(peer);
  attend(peer, now);
  peers_.forget_oldest(now);
}

void Core::peer_set_came(const report::PeerSet& set, Time now) {
  now_ = now;
  if (set.number <= set_number_) return answer_when_applied(set.call, 0, now);  // R32
  set_number_ = set.number;
  std::unordered_set<PeerKey, SaltedHash> named(16, SaltedHash{random_.next()});
  for (const report::PeerEntry& entry : set.peers) named.insert(entry.peer);
  std::uint64_t changed = 0;
  const std::vector<Peer*> before = peers_.set();
  for (Peer* peer : before) {
    if (named.contains(peer->key)) continue;
    drop_from_set(*peer, now);
    ++changed;
  }
  for (const report::PeerEntry& entry : set.peers) changed += put_into_set(entry, now);
  answer_when_applied(set.call, changed, now);
}

void Core::peer_added(const report::PeerAdd& add, Time now) {
  now_ = now;
  if (peers_.in_set(add.peer.peer) == nullptr && peers_.set().size() >= limits::kMaxPeers) {
    return fail(add.call, Reason::full,
                "the peer set is full at " + std::to_string(limits::kMaxPeers));
  }
  answer_when_applied(add.call, put_into_set(add.peer, now), now);
}

void Core::peer_removed(const report::PeerRemove& remove, Time now) {
  now_ = now;
  Peer* peer = peers_.in_set(remove.peer);
  if (peer == nullptr) return fail_unknown(remove.call, remove.peer);
  drop_from_set(*peer, now);
  answer_when_applied(remove.call, 1, now);
}

void Core::block_ordered(const report::PeerBlock& block, Time now) {
  now_ = now;
  Peer* peer = peers_.in_set(block.peer);
  if (peer == nullptr) return fail_unknown(block.call, block.peer);
  Block& of_peer = peer->member->block;
  // Beyond what the clock can count is for ever.
  constexpr std::uint64_t kForever = 1'000'000'000'000;
  const Duration duration = block.duration_ms == 0
                                ? of_peer.sentence(now, config_.block, config_.block_cap)
                                : Duration(std::chrono::milliseconds(static_cast<std::int64_t>(
                                      std::min(block.duration_ms, kForever))));
  of_peer.ordered(duration, now);
  ++blocks_changed_;
  attend(*peer, now);
  answer_when_applied(block.call, 1, now);
}

void Core::unblock_ordered(const report::PeerUnblock& unblock, Time now) {
  now_ = now;
  Peer* peer = peers_.in_set(unblock.peer);
  if (peer == nullptr) return fail_unknown(unblock.call, unblock.peer);
  const bool held = peer->member->block.holds(now);
  peer->member->block.lifted();
  ++blocks_changed_;
  attend(*peer, now);
  answer_when_applied(unblock.call, held, now);
}

void Core::block_for_invalid(Peer& peer, const Request& request, Time now) {
  if (!peer.member) return;
  Member& member = *peer.member;
  ++member.count.invalid;
  const Block before = member.block;
  ++blocks_changed_;
  if (!member.block.offended(request.sent, now, config_.block, config_.block_cap)) return;
  breaker_.found(peer.index, before, now);
  if (breaker_.open(now)) {
    member.block = before;
    return set_back(peer, now);
  }
  if (breaker_.incredible(asked_since(now - Breaker::kWindow))) return trip_breaker(now);
  effects_.push_back(Alarm{"peer " + shown(peer) + " (" + to_z85(peer.key) +
                           ") answered with an invalid value and is blocked"});
  attend(peer, now);
}

// It cannot be that so many lie: the verifier is broken (N5).
void Core::trip_breaker(Time now) {
  ++count_.breaker;
  effects_.push_back(
      Alarm{"a third of the peers asked answered with invalid values at once: the "
            "verifier is broken, and nobody is blocked until it has been right for a "
            "minute"});
  for (const Breaker::Liar& liar : breaker_.trip(now)) {
    Peer* peer = peers_.at(liar.peer);
    if (peer == nullptr || !peer->member) continue;
    peer->member->block = liar.before;
    set_back(*peer, now);
    attend(*peer, now);
  }
}

// --- Their connections ------------------------------------------------------------------------

// Brings all about a peer in line with its state: its DEALER, its place among those to be asked,
// what ProducerBridge knows, its timer.
void Core::attend(Peer& peer, Time now) {
  Member& member = *peer.member;
  const bool blocked = member.block.holds(now);
  const bool soon_unblocked = blocked && member.block.until() - now <= kDialBeforeUnblock;
  // R33: a peer that left keeps its DEALER while a request is out.
  const bool finishing = !blocked && member.connection.open() && !member.out.empty();
  const bool wanted = peers_.askable(member) && (!blocked || soon_unblocked);
  if (wanted || finishing) {
    member.connection.dialled(now);
  } else if (member.connection.hung_up()) {
    close_dealer(peer, now);
  }
  if (blocked) abandon_requests(peer, kNever, now);
  const Connection::Step step =
      member.connection.time_passed(now, !member.out.empty(), config_, random_);
  if (step.close) close_dealer(peer, now);
  if (step.open && !wanted) {
    member.connection.hung_up();  // it was only to finish
  } else if (step.open) {
    effects_.push_back(
        Open{peer.index, peer.key, member.entry.endpoint, member.connection.by_ipv6()});
    tell(peer, peer::Hello{self_.instance, self_.network.key_length, self_.network.max_value,
                           self_.agent});
  }
  if (step.ping && member.connection.open()) tell(peer, peer::Ping{*step.ping});
  refresh(peer, now);
  tell_admission(peer, now);
  Time due = member.connection.next_deadline(config_);
  if (blocked) {
    const Time until = member.block.until();
    due = std::min(due, soon_unblocked ? until : until - kDialBeforeUnblock);
  }
  if (const Time free = peers_.free_at(member, now); free > now) due = std::min(due, free);
  peers_.retime(peer, due);
}

void Core::tell(const Peer& peer, peer::FromAsker item) {
  ToPeer to{peer.index, {}};
  to.item = std::move(item);
  effects_.emplace_back(std::move(to));
}

void Core::refresh(Peer& peer, Time now) {
  const Peers::Change change = peers_.refresh(peer, now);
  if (change.became_candidate) reconnected(*peer.member, now);
  if (change.candidate_lost) readmit(now);
  if (peer.waiters.empty() || (!change.became_available && !change.candidate_lost)) return;
  if (change.candidate_lost) peer.recheck = peer.waiters.size();
  if (std::exchange(peer.waking, true)) return;
  waking_.push_back(peer.index);
}

// Its answers can no longer come: the requests are as good as never sent.
void Core::close_dealer(Peer& peer, Time now) {
  effects_.push_back(Close{peer.index});
  abandon_requests(peer, kNever, now);
}

void Core::abandon_requests(Peer& peer, Time sent_before, Time now) {
  Request* next = nullptr;
  for (Request* request = peer.member->out.front(); request != nullptr; request = next) {
    next = List<Request>::after(*request);
    if (request->sent >= sent_before) continue;
    ++count_.abandoned;
    journal_.ended(request->id, AskResult::abandoned, now);
    Fetch* fetch = find(request->fetch);
    if (fetch != nullptr) untry(*fetch, peer);
    no_longer_out(*request, now);
    forget(*request);
    if (fetch != nullptr) ask_again(*fetch, now);
  }
}

void Core::give_up_connection(Peer& peer, std::string detail, Time now) {
  Connection& connection = peer.member->connection;
  if (connection.refused(std::move(detail), now, config_, random_)) close_dealer(peer, now);
  attend(peer, now);
}

void Core::hello_received(PeerIndex index, const peer::Hello& hello, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  if (hello.key_length != self_.network.key_length) {
    return give_up_connection(*peer,
                              "its keys have " + std::to_string(hello.key_length) +
                                  " bytes, ours " + std::to_string(self_.network.key_length),
                              now);
  }
  peer->member->connection.heard();
}

void Core::pong_received(PeerIndex index, const peer::Pong& pong, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  Connection& connection = peer->member->connection;
  connection.heard();
  const Connection::Pong result = connection.pong_received(pong.nonce, pong.instance, now);
  if (result.new_life) {
    abandon_requests(*peer, *result.new_life, now);
    if (!standing_.empty()) peers_.begin_anew(*peer->member);  // it remembers nothing
  }
  attend(*peer, now);
}

void Core::nonsense_received(PeerIndex index, const std::string& detail, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  ++count_.violations;
  peer->member->score.refused();
  give_up_connection(*peer, "it broke the protocol: " + detail, now);
}

void Core::open_failed(PeerIndex index, const std::string& detail, Time now) {
  now_ = now;
  Peer* peer = peers_.at(index);
  if (peer == nullptr || !peer->member) return;
  peer->member->connection.refused(detail, now, config_, random_);
  abandon_requests(*peer, kNever, now);
  attend(*peer, now);
}

void Core::refresh_pool(Time now) {
  if (now - pool_refreshed_ < kPoolEvery) return;
  pool_refreshed_ = now;
  std::vector<double> latencies, rates;
  for (const Peer* peer : peers_.candidates()) {
    const Score& score = peer->member->score;
    if (score.measured()) latencies.push_back(score.measured_latency_us());
    if (score.measured_bytes_per_us() > 0) rates.push_back(score.measured_bytes_per_us());
  }
  const auto median = [](std::vector<double>& of, double otherwise) {
    if (of.empty()) return otherwise;
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
  };
  pool_ = {median(latencies, pool_.latency_us), median(rates, pool_.bytes_per_us),
           static_cast<double>(answers_.quantile(0.95) / std::chrono::microseconds(1))};
}

// --- ProducerBridge, and commands that wait for it ----------------------------------------------

void Core::tell_admission(Peer& peer, Time now) {
  Member& member = *peer.member;
  const bool blocked = member.block.holds(now);
  if (member.admitted == member.in_set && member.told_blocked == blocked) return;
  member.admitted = member.in_set;
  member.told_blocked = blocked;
  effects_.push_back(ToProducer{link::Admission{peer.key, member.admitted, blocked}});
}

void Core::producer_attached() {
  take_back<ToProducer>(effects_);
  producer_attached_ = true;
  for (const Peer* peer : peers_.set()) {
    effects_.push_back(ToProducer{link::Admission{peer->key, true, peer->member->told_blocked}});
  }
  if (!syncs_.empty()) effects_.push_back(ToProducer{link::Sync{syncs_.back().sync}});
}

void Core::answer_when_applied(CallId call, std::uint64_t count, Time now) {
  const report::Done done{call, count};
  if (!producer_attached_) {
    effects_.push_back(ToEngine{done});
    return;
  }
  if (syncs_.size() >= limits::kMaxSyncs) {
    return fail(call, Reason::full, "applied, but too many commands wait for ProducerBridge");
  }
  syncs_.push_back({CallId{++last_sync_}, done, now + config_.sync_within});
  effects_.push_back(ToProducer{link::Sync{syncs_.back().sync}});
}

void Core::synced(CallId call) {
  // A later Done speaks for the earlier ones: they are applied in order.
  while (call.value <= last_sync_ && !syncs_.empty() && syncs_.front().sync <= call) {
    effects_.push_back(ToEngine{syncs_.front().done});
    syncs_.pop_front();
  }
}

void Core::fail(CallId call, Reason reason, std::string detail) {
  effects_.push_back(ToEngine{report::Failed{call, reason, std::move(detail)}});
}

void Core::fail_unknown(CallId call, const PeerKey& key) {
  fail(call, Reason::unknown, "no peer " + to_z85(key) + " in the set");
}

// --- Time ---------------------------------------------------------------------------------------

void Core::time_passed(Time now) {
  now_ = now;
  const Duration lateness =
      now < requests_.next_deadline() ? Duration::zero() : now - requests_.next_deadline();
  const Duration grace =
      lateness < limits::kLate ? Duration::zero() : std::min(lateness, limits::kMostGrace);
  if (grace > Duration::zero()) {
    ++count_.late_turns;
    backed_up_until_ = now + limits::kBackedUpFor;
  }
  while (requests_.next_deadline() <= now) request_due(*requests_.first_due(), grace, now);
  while (peers_.next_deadline() <= now) attend(*peers_.first_due(), now);
  while (!syncs_.empty() && syncs_.front().until <= now) {
    fail(syncs_.front().done.call, Reason::unavailable,
         "applied to asking; ProducerBridge has not said that it applied it to serving");
    syncs_.pop_front();
  }
}

void Core::request_due(Request& request, Duration grace, Time now) {
  if (request.state == Request::State::out && !request.extended && grace > Duration::zero()) {
    // Its answer may lie before us unread (N2).
    request.extended = true;
    request.timeout_at = std::max(request.timeout_at, now) + grace;
    return requests_.moved(request, request.timeout_at);
  }
  if (request.state == Request::State::out && now < request.timeout_at) {
    return hedge_due(request, now);
  }
  timed_out(request, now);
}

Time Core::next_deadline() const {
  Time due = std::min(requests_.next_deadline(), peers_.next_deadline());
  if (!syncs_.empty()) due = std::min(due, syncs_.front().until);
  if (more_) return std::min(due, now_);
  if (peers_.available().empty()) return due;
  if (const Fetch* next = queues_.next()) return next->id == starved_ ? due : std::min(due, now_);
  if (!waking_.empty()) return std::min(due, now_);
  if (const Fetch* first = queues_.first_due()) {
    due = std::min(due, std::max(first->due, retries_.next()));
    const bool news = queues_.first_begun()->generation < peers_.generation();
    if (news) due = std::min(due, retries_.next());
  }
  return due;
}

}  // namespace quarry::peer_selector
