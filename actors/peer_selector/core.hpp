// Whom to ask, and asking until told to stop: the peer set, connections, scores and blocks, the
// fetches that the Engine wants, the requests out for them, timeouts and retries. Never judges a
// value, never looks at who subscribed, never opens a socket: events and the time come in, effects
// come out.
//
// A fetch is pending in one of the queues (fetch.hpp), parked under its targets, active while a
// request is out, or validating from its Answer to its Judged. No event walks the pending fetches:
// where nobody at all may be asked, they stay where they stand and dispatch() ends at the first.
#pragma once

#include <deque>
#include <string>
#include <variant>
#include <vector>

#include "actors/peer_selector/breaker.hpp"
#include "actors/peer_selector/choice.hpp"
#include "actors/peer_selector/config.hpp"
#include "actors/peer_selector/fetch.hpp"
#include "actors/peer_selector/hedging.hpp"
#include "actors/peer_selector/journal.hpp"
#include "actors/peer_selector/ourselves.hpp"
#include "actors/peer_selector/pace.hpp"
#include "actors/peer_selector/peers.hpp"
#include "actors/peer_selector/requests.hpp"
#include "actors/peer_selector/room.hpp"
#include "msg/link.hpp"
#include "msg/peer.hpp"
#include "msg/pooled.hpp"

namespace quarry::peer_selector {

// Peers are named to the shell by their index; an index is given to another peer only after Close.
using PeerIndex = std::uint32_t;

// Make a DEALER to this peer. Answered by open_failed() where it cannot be made.
struct Open {
  PeerIndex peer;
  PeerKey key;
  std::string endpoint;
  bool ipv6 = false;  // by the IPv6 address of a name
};
// Close it, and drop what waits in it.
struct Close {
  PeerIndex peer;
};
struct ToPeer {
  PeerIndex peer;
  peer::FromAsker item;
};
struct ToEngine {
  link::SelectorToEngine item;
};
struct ToProducer {
  link::SelectorToProducer item;
};
// For the operator.
struct Alarm {
  std::string text;
};
using Effect = std::variant<Open, Close, ToPeer, ToEngine, ToProducer, Alarm>;

class Core {
 public:
  struct Self {
    Network network;
    PeerKey key;
    Instance instance;
    std::string agent;
  };
  Core(Config config, Self self, std::uint64_t seed, Time now);

  // From the Engine. Its Hello means a new life: what an earlier one said is forgotten.
  void engine_attached(Time now);
  void wanted(const link::Want& want, Time now);
  void targets_added(const link::AddTargets& added, Time now);
  void targets_cleared(const link::ClearTargets& cleared, Time now);
  void ended(const link::End& end, Time now);
  void judged(const link::Judged& judged, Time now);
  void room_granted(const link::Room& room);
  void described(const link::Describe& describe, Time now);
  void explained(const link::Explain& explain, Time now);
  void peer_set_came(const report::PeerSet& set, Time now);
  void peer_added(const report::PeerAdd& add, Time now);
  void peer_removed(const report::PeerRemove& remove, Time now);
  void block_ordered(const report::PeerBlock& block, Time now);
  void unblock_ordered(const report::PeerUnblock& unblock, Time now);
  void peers_listed(const report::PeerList& list, Time now);

  // From the ProducerBridge.
  void producer_attached();
  void synced(CallId call);

  // From a peer, over the DEALER that is open to it.
  void hello_received(PeerIndex peer, const peer::Hello& hello, Time now);
  void pong_received(PeerIndex peer, const peer::Pong& pong, Time now);
  void value_received(PeerIndex peer, RequestId request, Payload value, Time now);
  void no_data_received(PeerIndex peer, RequestId request, Duration remembered, Time now);
  void have_received(PeerIndex peer, const Key& key, Time now);
  void forgotten_received(PeerIndex peer, Time now);
  void overloaded_received(PeerIndex peer, RequestId request, Duration retry_after, Time now);
  void too_large_received(PeerIndex peer, RequestId request, std::uint64_t size, Time now);
  void refused_received(PeerIndex peer, const peer::Refused& refused, Time now);
  // What came from it is not a message.
  void nonsense_received(PeerIndex peer, const std::string& detail, Time now);

  // From the shell: the pipe is full, or no DEALER can be made.
  void send_failed(PeerIndex peer, RequestId request, Time now);
  void open_failed(PeerIndex peer, const std::string& detail, Time now);

  // Sends what can be sent, in slices; once a turn, after all events.
  void dispatch(Time now);
  void time_passed(Time now);
  Time next_deadline() const;
  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }
  void check_invariants() const;

  // What a later life should know of peers, and how often that has changed: a block counts, what is
  // learnt from answers does not.
  std::vector<Remembered> remembered(Time now) const;
  std::uint64_t blocks_changed() const { return blocks_changed_; }
  std::uint64_t asked() const { return count_.sent; }

  // Fetches looked at so far: what tests hold the cost of events against.
  std::uint64_t looked_at() const { return looked_at_; }

 private:
  // peers: core.cpp
  void attend(Peer& peer, Time now);
  void tell(const Peer& peer, peer::FromAsker item);
  void refresh(Peer& peer, Time now);
  void close_dealer(Peer& peer, Time now);
  void abandon_requests(Peer& peer, Time sent_before, Time now);
  void give_up_connection(Peer& peer, std::string detail, Time now);
  void tell_admission(Peer& peer, Time now);
  void drop_from_set(Peer& peer, Time now);
  bool put_into_set(const report::PeerEntry& entry, Time now);
  void request_due(Request& request, Duration grace, Time now);
  void trip_breaker(Time now);
  void block_for_invalid(Peer& peer, const Request& request, Time now);
  void answer_when_applied(CallId call, std::uint64_t count, Time now);
  void fail(CallId call, Reason reason, std::string detail);
  void fail_unknown(CallId call, const PeerKey& key);
  void refresh_pool(Time now);

  // fetches and their requests: fetches.cpp
  Fetch* find(FetchId id);
  void add_targets(Fetch& fetch, const std::vector<PeerKey>& targets);
  void drop_targets(Fetch& fetch);
  void unqueue(Fetch& fetch);
  void unpark(Fetch& fetch);
  void ask_again(Fetch& fetch, Time now);
  void go_on_with_new_targets(Fetch& fetch, std::vector<Progress::Tried> asked, Time now);
  void end(Fetch& fetch);
  void shrink(Fetch& fetch);
  Request* match(PeerIndex peer, RequestId request, Time now);
  void no_longer_out(Request& request, Time now);
  void forget(Request& request);
  void request_over(Request& request, Time now);
  void attend_if_finished(Peer& peer, Time now);
  void untry(Fetch& fetch, const Peer& peer);
  // setbacks.cpp
  void score_timeout(Request& request, Duration elapsed, Time now);
  void acquit_all(Time now);
  void set_back(Peer& peer, Time now);
  void readmit(Time now);
  void reconnected(Member& member, Time now);
  void succeeded(Peer& peer, bool in_time);
  Duration together() const;
  std::size_t asked_since(Time since) const;

  // standing.cpp
  bool told(const Fetch& fetch, const Peer& peer) const;
  bool can_wait(const Fetch& fetch, const Peer& peer, Time now) const;
  void was_remembered(Fetch& fetch, const Peer& peer, Duration remembered, Time now);
  void note_told(Fetch& fetch);
  void not_told_of(Fetch& fetch, const std::vector<Progress::Tried>& but);
  void forget_told_if_over(Fetch& fetch, Time now);
  Time told_until(const Fetch& fetch) const;
  Duration remember(const Fetch& fetch) const;
  bool all_remember(const Fetch& fetch) const;
  void go_on_with_who_has_it(Fetch& fetch, Peer& peer, Time now);
  void no_longer_standing(Fetch& fetch);
  void need_not_be_remembered(const Fetch& fetch);
  bool remembers(const Fetch& fetch, const Peer& peer) const;

  // hedges.cpp
  void hedge_due(Request& request, Time now);
  void overtake(Fetch& fetch, Time now);
  void was_overtaken(Request& request, Time now);
  bool backed_up(Time now) const;
  bool all_slow_since(const Request& request, Time now);

  void deliver(Fetch& fetch, Request& request, Payload value);
  void keep_spare(Fetch& fetch, Request& request, Payload value);
  void drop_spare(Fetch& fetch);
  bool use_spare(Fetch& fetch, Time now);
  void timed_out(Request& request, Time now);
  void score(const Request& request, Outcome outcome, Time now);
  void set_aside(Fetch& fetch, const Peer& peer, Time now);

  // dispatch.cpp
  void ask_who_has_it(Time now);
  bool is_asked(const Fetch& fetch, const Peer& peer);
  void wake_parked(Time now);
  void release_backed_off(Time now);
  void hasten_backed_off(Time now);
  bool news_for(const Fetch& fetch) const;
  bool try_one(Fetch& fetch, Time now);
  bool own_time_has_come(Fetch& fetch, Time now);
  Peer* preferred(const Fetch& fetch);
  void prefer_nobody(Fetch& fetch);
  Peer* choose(Fetch& fetch, std::uint64_t bytes, Why& why, Time now);
  bool may_ask(const Fetch& fetch, const Peer& peer, bool has_it = false) const;
  void mark_tried(const Fetch& fetch, Time now);
  Request& send(Fetch& fetch, Peer& peer, std::uint32_t room, std::uint64_t bytes, Why why,
                Time now);
  Duration timeout_of(const Member& member, std::uint64_t bytes) const;
  void settle(Fetch& fetch, Time now);
  void settle_restricted(Fetch& fetch, Time now);
  void park(Fetch& fetch, const std::vector<Peer*>& under);
  void round_over(Fetch& fetch, Time now);
  Time next_round(const Fetch& fetch, Time now);
  std::uint32_t room_for(const Fetch& fetch) const;
  std::uint64_t expected_bytes(const Fetch& fetch) const;

  void recall(const Remembered& known, Time now);

  // explain.cpp
  void note_ask(const Fetch& fetch, const Request& request, Why why, Time now);
  Standing standing(const Fetch& fetch, const Peer& peer, Time now) const;

  // describe.cpp
  link::Waits waits(const Fetch& fetch, Time now) const;
  void explain_pending(const Fetch& fetch, link::Waits& waits, Time now) const;
  void explain_parked(const Fetch& fetch, link::Waits& waits, Time now) const;
  bool explain_nobody(link::Waits& waits, Time now) const;
  report::PeerInfo info(const Peer& peer, CallId call, Time now) const;
  void add_counters(CallId call, Time now);

  Config config_;
  Self self_;
  Random random_;
  Choice choice_;
  Peers peers_;
  Pool pool_;
  Time pool_refreshed_;
  Room room_;
  ExpectedSize expected_;
  Pace retries_;
  Requests requests_;
  Hedging hedging_;
  Journal journal_;
  Recent<256> answers_;  // of all peers
  Ourselves ourselves_;
  Breaker breaker_;
  Time backed_up_until_{Time::min()};
  PooledHashMap<FetchId, Fetch, BySlot> fetches_;
  // Those that are standing, by the hash of their keys.
  PooledHashMap<std::uint64_t, Fetch*> standing_;
  SaltedHash hash_;
  Queues queues_;
  std::size_t parked_ = 0;
  std::size_t validating_ = 0;
  std::deque<PeerIndex> waking_;
  std::vector<FetchId> somebody_has_;  // heard in this turn, of fetches that are active
  std::uint64_t set_number_ = 0;
  bool more_ = false;  // dispatch ended with its slice, not with its work
  FetchId starved_;    // needs more room than there is; none since room came back
  Time now_;           // of the last event that had one
  std::uint64_t mark_ = 0;

  bool producer_attached_ = false;
  struct Sync {
    CallId sync;
    report::Done done;
    Time until;
  };
  std::deque<Sync> syncs_;
  std::uint64_t last_sync_ = 0;

  std::vector<Effect> effects_;
  std::uint64_t looked_at_ = 0;
  std::uint64_t blocks_changed_ = 0;
  struct {
    std::uint64_t sent = 0, accepted = 0, unresolved = 0, invalid = 0, unscored = 0, lost = 0;
    std::uint64_t no_data = 0, timed_out = 0, overloaded = 0, too_large = 0, refused = 0;
    std::uint64_t send_failed = 0, abandoned = 0, late = 0, unmatched = 0, violations = 0;
    std::uint64_t hedged = 0, hedges_won = 0, acquitted = 0, breaker = 0;
    std::uint64_t late_turns = 0;
    std::uint64_t remembered = 0, haves = 0, haves_unwanted = 0, haves_untrue = 0, forgotten = 0;
  } count_;
};

}  // namespace quarry::peer_selector
