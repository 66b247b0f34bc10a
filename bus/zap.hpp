// Who may connect: ZeroMQ's authentication (RFC 27) at inproc://zeromq.zap.01. Lives on the loop
// of the actor that owns the network door, is bound before that door, and answers at handshake
// only: admission is checked again on each message. Unadmitted keys get 400, which ends their
// socket for good (they make a new one after a back-off). The User-Id of an admitted one is its key
// in Z85. Handshakes cost: a token bucket per key and one per address bound them.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "bus/actor.hpp"

namespace quarry::bus {

class Zap {
 public:
  static constexpr std::string_view kDomain = "quarry";
  static constexpr double kHandshakesPerSecond = 5;  // per key, and per address x 10
  static constexpr double kHandshakeBurst = 20;

  static Result<std::unique_ptr<Zap>> open(Context& context, Loop& loop);
  ~Zap();
  // Until let_in() handshakes wait: nobody is turned away, for a long time, by a door that has not
  // been told yet whom it admits.
  void hold();
  void let_in();
  void admit(const PeerKey& peer);
  void expel(const PeerKey& peer);
  std::uint64_t refused() const;

 private:
  struct State;
  explicit Zap(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quarry::bus
