// The peers that may ask: whom we serve, on which connections they speak, which of their asks wait
// and whose turn is next. It looks nothing up; it hands out asks in fair turns, and it takes each
// answer once.
//
// A peer's asks wait while the values on their way to it fill its window, so who asks for much and
// reads slowly holds up nobody but itself. Blocking a peer (R34) begins a new life of it: asks of
// an earlier life are no longer answered.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/producer_bridge/effects.hpp"
#include "actors/producer_bridge/limits.hpp"
#include "actors/producer_bridge/remembered_asks.hpp"
#include "msg/histogram.hpp"
#include "msg/time.hpp"

namespace quarry::producer_bridge {

// One question of a peer.
struct Ask {
  PeerKey peer;
  std::uint64_t life = 0;  // of the peer, when it asked
  Route route;
  RequestId request;
  Key key;
  std::uint32_t room = 0;      // bytes; at most the network's largest value
  std::uint64_t reserved = 0;  // bytes of the peer's window, while it is looked up
  Time until;
  Time came;
  std::uint32_t remember_ms = 0;
};

class Askers {
 public:
  Askers(const Network& network, std::uint64_t salt, Effects& effects)
      : network_(network),
        peers_(0, SaltedHash{salt}),
        routes_(0, SaltedHash{salt}),
        refused_(0, SaltedHash{salt}),
        remembered_(salt),
        effects_(effects) {}

  // What the shell does about a message, before it reads it.
  enum class Standing {
    served,     // read it
    refused,    // it has been told why; do not read it
    shut_down,  // it knows: end its connection
  };

  // Events.

  // The selector is new: nobody is admitted until it says so.
  void selector_attached();
  void admission_received(const link::Admission& admission);
  // A message has come from this peer on this connection.
  Standing heard(const std::optional<PeerKey>& peer, const Route& route, Time now);
  // Answers `overloaded` itself where there is no room for it.
  void asked(const PeerKey& peer, const Route& route, const peer::Ask& ask, Time until, Time now);
  // The connection is no more, or does not read.
  void connection_gone(const Route& route);
  // So many bytes wait to be taken by the connection, after all that was said has been tried.
  void replies_waiting(const Route& route, std::uint64_t bytes);

  // The next ask in turn, now in progress. Those whose time is over are answered on the way.
  std::optional<Ask> next(Time now);

  // Answers, each of which ends its ask.
  void found(const Ask& ask, const Payload& value, Time now);
  // Remembers it, if it wished so, there is room, and it is `sure` that its coming is told.
  void no_data(const Ask& ask, bool sure, Time now);
  void too_large(const Ask& ask, std::uint64_t size, Time now);

  // It need not be told.
  void forget(const PeerKey& peer, const Key& key) { remembered_.forget(peer, key); }
  // There is a value of this key: tells whoever was to be told.
  void appeared(const Key& key, Time now);
  // There may be values of any keys: whoever was to be told has to ask again.
  void forget_all();
  Time next_deadline() const { return remembered_.next_deadline(); }
  void time_passed(Time now) { remembered_.time_passed(now); }

  struct Totals {
    std::uint64_t asks = 0;
    std::uint64_t found = 0;
    std::uint64_t no_data = 0;
    std::uint64_t too_large = 0;
    std::uint64_t overloaded = 0;
    std::uint64_t refused = 0;  // messages
    std::uint64_t dropped = 0;  // asks whose peer was blocked, expelled or gone
    std::uint64_t bytes = 0;
    std::uint64_t remembered = 0;
    std::uint64_t not_remembered = 0;  // for want of room
    std::uint64_t told = 0;            // that there is a value now
  };
  const Totals& totals() const { return totals_; }
  // From asks to their answers, of those that were looked up.
  const Histogram& times() const { return times_; }
  std::size_t in_progress() const { return in_progress_; }
  std::size_t waiting() const { return waiting_; }
  std::size_t admitted() const;
  std::size_t remembered() const { return remembered_.size(); }
  void check_invariants() const;

 private:
  struct Connection {
    Route route;
    Time heard;
    std::uint64_t waiting = 0;  // bytes of values that it has not taken
  };
  struct Peer {
    bool admitted = false;
    bool blocked = false;
    bool in_turns = false;
    std::uint64_t life = 0;
    std::vector<Connection> connections;
    std::deque<Ask> asks;  // waiting
    std::size_t in_progress = 0;
    std::uint64_t reserved = 0;           // bytes, for those in progress
    std::uint64_t typical = kFirstReply;  // size of a value that it asks for, on the high side
    bool served() const { return admitted && !blocked; }
  };

  Peer* find(const PeerKey& peer);
  bool open(const Peer& peer) const;
  void take_turn(const PeerKey& key, Peer& peer);
  void begin_new_life(const PeerKey& key, Peer& peer);
  Standing refuse(const Route& route, Reason reason);
  bool make_room(Peer& peer, Time now);
  // The connection that a peer last spoke on, if it is there.
  const Route* last_route_of(const PeerKey& asker);
  // The connection that an ask's answer goes to; none when the answer is for nobody.
  Connection* answered(const Ask& ask, Time now);

  Network network_;
  std::unordered_map<PeerKey, Peer, SaltedHash> peers_;
  std::unordered_map<Route, PeerKey, SaltedHash> routes_;
  std::unordered_set<Route, SaltedHash> refused_;
  std::deque<Route> refused_order_;
  std::deque<PeerKey> turns_;  // peers with a waiting ask and an open window; may name gone ones
  RememberedAsks remembered_;
  std::uint64_t lives_ = 0;
  std::size_t in_progress_ = 0;
  std::size_t waiting_ = 0;
  Totals totals_;
  Histogram times_;
  Effects& effects_;
};

}  // namespace quarry::producer_bridge
