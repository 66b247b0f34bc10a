// What the PeerSelector may and must do, from maps and loops alone. Chance decides whom it asks,
// and how long exactly it waits; so this says who may be asked, that somebody must be where
// somebody may, and between which times a wait ends. All else it says exactly: answers passed on,
// blocks, who is served, what became of each request, who remembers an ask, and where each fetch
// stands.
//
// It is told each event, what the core said to it, who is left alone now (chance decides that,
// too), and that it is over; after one or several, that a dispatch comes, and what it said. Times
// are whole milliseconds. Hedges are chance as well: it says where one may be. Whose turn it is it
// does not know: where room or tokens end before all have had theirs, it believes who had none.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/peer_selector/config.hpp"
#include "actors/peer_selector/limits.hpp"
#include "actors/peer_selector/pace.hpp"
#include "msg/link.hpp"
#include "msg/peer.hpp"

namespace quarry::peer_selector {

class Naive {
 public:
  Naive(const Config& config, PeerKey self, std::uint32_t max_value);

  // Events.
  void engine_attached(const link::Room& room);
  void wanted(const link::Want& want);
  void targets_added(const link::AddTargets& added);
  void targets_cleared(const link::ClearTargets& cleared);
  void ended(const link::End& end, Time now);
  void judged(const link::Judged& judged, Time now);
  void peer_added(const report::PeerEntry& entry);
  void peer_removed(const PeerKey& peer);
  void peer_set_came(std::uint64_t number, const std::vector<report::PeerEntry>& peers);
  void block_ordered(const PeerKey& peer, Duration duration, Time now);
  void unblock_ordered(const PeerKey& peer);
  void pong_received(const PeerKey& peer, std::uint64_t nonce, Instance instance);
  void value_received(const PeerKey& peer, RequestId id, std::size_t size);
  void no_data_received(const PeerKey& peer, RequestId id, Duration remembered, Time now);
  void have_received(const PeerKey& peer, const Key& key, Time now);
  void forgotten_received(const PeerKey& peer);
  void overloaded_received(const PeerKey& peer, RequestId id, Duration retry_after, Time now);
  void too_large_received(const PeerKey& peer, RequestId id, std::uint64_t size);
  void refused_received(const PeerKey& peer, RequestId id);
  void connection_refused(const PeerKey& peer);
  void send_failed(const PeerKey& peer, RequestId id, Time now);
  // `timed_out`: how many requests have in all, as the core counts, which knows fractions of a
  // millisecond.
  void time_passed(std::uint64_t timed_out, Time now);
  // Whether it is beyond telling what happened, for just such a fraction: the run ends.
  bool unsure() const { return unsure_; }

  // What the core said.
  void opened(const PeerKey& peer, Time now);
  void closed(const PeerKey& peer);
  void pinged(const PeerKey& peer, std::uint64_t nonce, Time now);
  void asked(const PeerKey& peer, const peer::Ask& ask, Time now);
  void answered(const link::Answer& answer);
  void told_to_forget(const PeerKey& peer, const Key& key);
  void admitted(const link::Admission& admission);

  // For how long it is left alone, or cooling, if that takes longer.
  void left_alone(const PeerKey& peer, Duration left, Time now);

  // An event is over; a dispatch comes; it is over, too.
  void event_over(Time now);
  void turn_begins(Time now);
  std::vector<FetchId> queued() const;
  // These are queued yet, says the core.
  void turn_over(const std::set<FetchId>& left, Time now);
  // Fetches that have begun to wait for a time, which the core has to tell.
  std::vector<FetchId> resting_anew() const;
  void rests(FetchId id, WaitsFor what, Duration left, Time now);

  // What the core's counters must say; so many slots of room are left, by what they say.
  std::map<std::string, std::uint64_t> counters(std::uint64_t slots_left, Time now);
  bool anybody_to_ask() const;
  const std::string& wrong() const { return wrong_; }

 private:
  struct Block {
    Time until{Time::min()}, since{Time::min()}, last{};
    int offences = 0;
  };
  struct Peer {
    bool known = false;  // it is in the set, or was
    bool in_set = false, serve_only = false, open = false, connected = false;
    std::uint64_t nonce = 0;
    Time pinged_at{};
    std::optional<Time> quiet_since;
    Instance instance;
    Block block;
    Time cool_until{Time::min()}, token_at{Time::min()}, last_asked{Time::min()};
    int overloads = 0;
    Time aside_until{Time::min()};
    bool failed = false;         // ever: it may be left alone, or again
    bool perhaps_aside = false;  // it cools, and nobody can tell
    Pace untrue{limits::kUntrueHaves, Time{}};
    std::uint32_t generation = 0;
    bool candidate = false, available = false;  // after the last event
    bool came = false, left = false;            // since the last turn: available, a candidate
    bool told_admitted = false, told_blocked = false;
  };
  struct Request {
    FetchId fetch;
    PeerKey peer;
    std::uint32_t room = 0;
    Time sent{}, until{};  // late: it is forgotten
    Duration wait{};
    Class priority{};
    bool hedge = false;
    enum class State { out, late, spare, judging } state = State::out;
    std::size_t size = 0;
    bool has_it = false;  // it said so
  };
  enum class Place { busy, queued, resting, parked };
  struct Fetch {
    Key key;
    Class priority{};
    bool restricted = false;
    std::vector<PeerKey> targets;
    Place place = Place::queued;
    std::map<PeerKey, std::uint32_t> tried;  // and its generation then
    // N15: who has said in this round that it remembers, and who has before, and its generation
    // then; as of which generation, where a round with such is over; and for how long they do.
    std::map<PeerKey, std::uint32_t> remember;
    std::map<PeerKey, std::uint32_t> remembering;
    std::uint32_t told = 0;
    Time told_until = kNever;
    bool standing = false;
    std::vector<std::pair<PeerKey, Time>> set_aside;
    std::set<PeerKey> under;  // parked
    std::set<PeerKey> enlarged;
    std::uint32_t room = 0;
    std::optional<PeerKey> prefer;
    bool has_it = false;   // that one says so
    bool at_once = false;  // and has to be asked first in this turn, also beside others
    int rounds = 0;
    bool held = false, hastened = false;
    std::uint32_t generation = 0;
    // Resting: from when to when it may end, until the core has said when it does.
    Time earliest{}, latest{};
    bool known = false;
    std::set<RequestId> out;
    std::vector<RequestId> late;
    std::optional<RequestId> judging, spare;
  };
  struct Liar {
    PeerKey peer;
    Time at;
    Block before;
  };

  std::map<PeerKey, std::uint32_t> generations_of(const std::vector<PeerKey>& peers) const;
  Fetch* find(FetchId id);
  Fetch* find(const Key& key);
  Peer* in_set(const PeerKey& peer);
  Request* match(const PeerKey& peer, RequestId id);
  bool is_candidate(const Peer& peer, Time now) const;
  bool is_free(const Peer& peer, Time now) const;
  bool anybody_available() const;
  bool is_left_out(const Fetch& fetch, const PeerKey& peer, Time now) const;
  bool may_ask(const Fetch& fetch, const PeerKey& peer, Time now) const;
  bool is_permitted(const Fetch& fetch, const PeerKey& key, Time now) const;
  bool is_due_at_once(const Fetch& fetch, Time now) const;
  void nobody_is_due_at_once(Time now);
  std::vector<PeerKey> permitted(const Fetch& fetch, Time now) const;
  void hedged(const Fetch& fetch, Time now);
  bool all_slow_since(RequestId id, Time now) const;

  struct Room {
    std::uint64_t slots, bytes;
  };
  Room room_left() const;
  std::uint64_t room_for(const Fetch& fetch) const;
  bool fits(std::uint64_t bytes) const;

  bool told(const Fetch& fetch, const PeerKey& peer) const;
  bool can_wait(const Fetch& fetch, const PeerKey& peer, Time now);
  std::vector<PeerKey> untold(const Fetch& fetch) const;
  void was_remembered(Fetch& fetch, const PeerKey& peer, Duration remembered, Time now);
  void note_told(Fetch& fetch);
  void need_not_be_remembered(const Fetch& fetch, Time now);
  void forget_told_if_over(Fetch& fetch, Time now);
  Duration remember(const Fetch& fetch) const;
  void untry(Fetch& fetch, const PeerKey& peer);
  void begin_anew(Peer& peer);

  void no_longer_out(RequestId id);
  void request_over(RequestId id);
  void ask_again(Fetch& fetch);
  void abandon(const PeerKey& peer, Time sent_before);
  void end(FetchId id, Time now);
  void deliver(Fetch& fetch, RequestId id);
  void succeeded(const PeerKey& peer) { peers_[peer].overloads = 0; }
  void block_for_invalid(const PeerKey& peer, Time sent, Time now);
  Duration sentence(const Block& block, Time now) const;
  int weight(const Block& block, Time now) const;
  void put_into_set(const report::PeerEntry& entry);
  void go_on_with_new_targets(Fetch& fetch, std::map<PeerKey, std::uint32_t> asked);
  void settle(Fetch& fetch, Time now);
  void settle_restricted(Fetch& fetch, Time now);
  void round_over(Fetch& fetch, Time now);
  bool its_time_has_come(Fetch& fetch, Time now);
  struct Within {
    Time earliest, latest;
  };
  Within next_round(const Fetch& fetch, Time now);
  void rest(Fetch& fetch, Within within);
  void wrong(const std::string& what) {
    if (wrong_.empty() && !unsure_) wrong_ = what;
  }

  const Config config_;
  const PeerKey self_;
  const std::uint32_t max_value_;
  std::map<PeerKey, Peer> peers_;
  std::map<FetchId, Fetch> fetches_;
  std::map<RequestId, Request> requests_;
  std::deque<link::Answer> to_be_passed_on_;
  std::set<std::pair<PeerKey, Key>> to_forget_;
  std::vector<Liar> liars_;
  Time breaker_open_until_{Time::min()};
  std::uint64_t set_number_ = 0;
  std::uint32_t generation_ = 0;
  std::set<RequestId> ids_;  // all there have been
  Room room_{};
  std::vector<std::uint64_t> sizes_;  // of values that were right
  std::map<Class, std::uint64_t> accepted_;
  Time backed_up_until_{Time::min()};
  bool in_time_ = false;  // the event is that time passes
  bool in_turn_ = false;  // a dispatch is under way
  std::map<std::string, std::uint64_t> totals_;
  std::set<RequestId> perhaps_gone_;  // of fetches that are over; timed out in this millisecond
  bool unsure_ = false;
  std::string wrong_;
};

}  // namespace quarry::peer_selector
