// The life of the one DEALER to a peer: when to make it, ping over it, and give it up. Holds no
// socket: it says what to do, and is told what was heard.
//
// A peer is connected while it answers pings: a DEALER to an address where nobody listens takes
// messages happily, so "sent" says nothing. A DEALER that met an error never reconnects, and does
// not say so; so one that hears nothing for its patience is replaced, without a gap, because one
// that met no error would reconnect the moment the peer is back.
#pragma once

#include <optional>
#include <string>

#include "actors/peer_selector/config.hpp"
#include "actors/peer_selector/random.hpp"
#include "msg/types.hpp"

namespace quarry::peer_selector {

class Connection {
 public:
  // What time asks for. `close` comes before `open`.
  struct Step {
    bool close = false;
    bool open = false;  // and say Hello
    std::optional<std::uint64_t> ping;
    bool lost = false;  // was connected, is no longer
  };

  // From now on there should be a DEALER.
  void dialled(Time now);
  // From now on there should be none. Whether one is to be closed.
  bool hung_up();

  Step time_passed(Time now, bool busy, const Config& config, Random& random);
  Time next_deadline(const Config& config) const;

  // Any message that makes sense.
  void heard() { quiet_since_.reset(); }
  struct Pong {
    bool now_connected = false;    // and was not before
    std::optional<Time> new_life;  // of the peer: what was sent before this time is lost
  };
  Pong pong_received(std::uint64_t nonce, Instance instance, Time now);
  // It refuses us, talks nonsense, or no DEALER could be made. Whether one is to be closed.
  bool refused(std::string detail, Time now, const Config& config, Random& random);
  // Requests go out: an idle peer's next ping is due sooner.
  void became_busy(Time now, const Config& config);

  bool wanted() const { return wanted_; }
  bool open() const { return open_; }
  bool connected() const { return connected_; }
  // libzmq tries one address of a name only, and the peer may listen at the other: they take turns.
  bool by_ipv6() const { return silent_dealers_ % 2 == 1; }
  // Why it refuses us; empty where it does not.
  const std::string& refusal() const { return refusal_; }

 private:
  void opened(Time now, const Config& config, Random& random);

  bool wanted_ = false;
  bool open_ = false;
  bool connected_ = false;
  Time open_at_{};  // not open: when to
  Time opened_at_{};
  Time next_ping_{};
  Time last_ping_{};
  std::uint64_t nonce_ = 0;          // of the last ping
  std::optional<Time> quiet_since_;  // the first ping since anything was heard
  Duration patience_{};
  int silent_dealers_ = 0;  // replaced in a row
  int refusals_ = 0;        // in a row
  Instance instance_;       // of the peer; none until its first pong
  std::string refusal_;
};

}  // namespace quarry::peer_selector
