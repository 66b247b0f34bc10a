// A ZeroMQ socket, wrapped once: ROUTER or DEALER, never blocking, never throwing. Carries
// messages of one envelope and at most one payload frame; what has more frames is read to its end
// frame by frame, dropped and reported as a flood. Used from one thread only.
//
// Always set: MAXMSGSIZE, LINGER, HWMs before bind or connect, ROUTER_MANDATORY; on tcp CURVE,
// ZAP_ENFORCE_DOMAIN, keepalive and MAXRT. Never: heartbeats, HANDOVER, IMMEDIATE, ROUTING_ID.
#pragma once

#include <string>
#include <vector>

#include "bus/context.hpp"
#include "bus/frame.hpp"
#include "bus/identity.hpp"
#include "msg/result.hpp"
#include "msg/time.hpp"

namespace quarry::bus {

class Loop;

// A partner of a ROUTER: its routing id. Names a connection, never a person.
struct Route : ShortBytes<15> {
  using ShortBytes::ShortBytes;
};

struct Message {
  Route route;  // ROUTER only
  Frame envelope;
  Payload payload;
};

class Socket {
 public:
  enum class Kind { router, dealer };
  struct Options {
    Kind kind = Kind::dealer;
    std::size_t max_frame = 0;  // bytes; MAXMSGSIZE without CURVE's own 33, which are added
    int send_hwm = 64;          // messages
    int receive_hwm = 4;        // messages
    int linger_ms = 0;
    bool ipv6 = true;                    // tcp: IPv6 too; of a name, its IPv6 address first
    const Identity* identity = nullptr;  // set: CURVE, as server (router) or client (dealer)
    PeerKey server{};                    // whom a CURVE client expects
  };

  static Result<Socket> open(Context& context, const Options& options);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  Result<> bind(const std::string& endpoint);
  Result<> connect(const std::string& endpoint);
  // As bound: with the port that was chosen where bind was asked for any (`tcp://host:*`).
  std::string endpoint() const;

  // An integer option as libzmq has it; for tests.
  std::int64_t option(int name) const;

  enum class Received {
    message,
    nothing,
    flood,   // too many frames: dropped; route names who
    closed,  // the context ends
  };
  Received receive(Message& to);

  enum class Sent {
    yes,
    full,  // the pipe is at its HWM: try later
    gone,  // nobody there any more (ROUTER), or the context ends
  };
  // Leaves `message` as it was unless it answers yes.
  Sent send(const Route& route, Encoded& message);  // ROUTER
  Sent send(Encoded& message);                      // DEALER

  // For programs that have one socket and no loop: until a message can be received, `descriptor`
  // (-1: none) is readable, or the time has passed. A signal counts as time passed.
  enum class Woken { message, descriptor, time };
  Woken wait(int descriptor, Duration at_most);

  // Ends the connection that this message came over; right after receiving it. The loop does so
  // after a flood.
  static void shut_down(const Message& message);

 private:
  friend class Loop;
  Socket(void* socket, const Options& options, FloodWatch& flood_watch);
  Sent send_frames(const Route* route, Encoded& message);
  Result<> bind_free_port(const std::string& host);
  bool readable();
  void touched();
  void note_inproc(const std::string& endpoint);

  void* socket_;
  Kind kind_;
  // Where CURVE, and so tcp, is used; and what a connection may receive without a whole message.
  FloodWatch* flood_watch_ = nullptr;
  std::uint64_t flood_limit_;  // bytes
  Loop* loop_ = nullptr;       // who watches it; told when a call may have taken readiness away
  std::uint64_t watched_ = 0;
  std::vector<std::size_t> inproc_;  // its links inside the process, for the thread sanitizer
};

}  // namespace quarry::bus
