// A link between two actors. The bound end (ROUTER) takes one partner and its epoch: the latest
// to say Hello; what bears another epoch is dropped and counted. The connecting end (DEALER)
// chooses the epoch and says Hello when it is made. Either end sees its partner's Hello as an item,
// and tells again what is outstanding.
//
// Actors always read their links; what waits to be sent is bounded by the credit that actors give
// each other (Room, worker credit), so a full pipe only delays.
//
// When the bound end is made anew and the connecting end is not (a process of its own came back),
// the first message of the old epoch is dropped and answered by a Hello under that epoch; the
// connecting end, greeted twice, then chooses a new epoch and says Hello again. So that a bound end
// is met also by who has nothing to say, the connecting end sends an empty message once in a while.
// Inside a process a connecting end never meets a new bound one: both are made anew.
#pragma once

#include "bus/clock.hpp"
#include "bus/outbox.hpp"
#include "msg/link.hpp"

namespace quarry::bus {

// How often a connecting end is heard at least: a bound end made anew knows nobody until then.
inline constexpr Duration kProbeLinkEvery = std::chrono::seconds(1);

// Socket options of a link's ends: see ARCHITECTURE.md for the credit that bounds them.
Socket::Options link_options(Socket::Kind kind, const Network& network);
// A new epoch: random, never 0.
std::uint64_t new_epoch();
// Logs a message that does not fit.
void report_unfit(const Socket& socket, const Unfit& unfit);

// In: the variant of items that come; Out items are given to add().
template <class In>
class BoundLink {
 public:
  static Result<BoundLink> open(Context& context, const std::string& endpoint,
                                const Network& network);
  Socket& socket() { return socket_; }
  // Who said Hello last; nobody before the first, or once a send found the partner gone.
  const Route* partner() const { return epoch_ == 0 ? nullptr : &partner_; }
  // Appends the items of a message from the partner. A first Hello makes the sender the partner.
  void read(Message message, std::vector<In>& to);
  // Dropped while there is no partner: it is told again after its Hello.
  template <class Item>
  void add(const Item& item) {
    if (epoch_ != 0) outbox_.add(item);
  }
  // True while something waits for a full pipe.
  bool flush();
  std::uint64_t dropped() const { return dropped_; }

 private:
  BoundLink(Socket socket, const Network& network)
      : socket_(std::move(socket)), decoder_(network) {}
  void greet(const Route& route, std::uint64_t epoch);
  Socket socket_;
  Decoder<link::Protocol> decoder_;
  Outbox<link::Protocol> outbox_{0};
  Route partner_;
  std::uint64_t epoch_ = 0;
  std::uint64_t dropped_ = 0;
};

template <class In>
class ConnectedLink {
 public:
  // Connects and says Hello with a new random epoch.
  static Result<ConnectedLink> open(Context& context, const std::string& endpoint,
                                    const Network& network);
  Socket& socket() { return socket_; }
  void read(Message message, std::vector<In>& to);
  // Dropped before the partner's Hello, as it may be from before a new epoch: told again after it.
  template <class Item>
  void add(const Item& item) {
    if (greeted_) outbox_.add(item);
  }
  bool flush(Time now);
  // When it has something to send without having been told.
  Time next_probe() const { return probe_at_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  ConnectedLink(Socket socket, const Network& network, std::uint64_t epoch);
  Socket socket_;
  Decoder<link::Protocol> decoder_;
  std::uint64_t epoch_;
  bool greeted_ = false;  // the partner has answered this epoch's Hello
  Outbox<link::Protocol> outbox_;
  std::uint64_t dropped_ = 0;
  Time probe_at_ = kNever;
};

}  // namespace quarry::bus

#include "bus/link_impl.hpp"
