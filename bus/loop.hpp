// The loop that every thread of quarry runs: level-triggered epoll over the sockets' ZMQ_FD.
// Readiness of a ZMQ_FD is only a hint, and any call on a socket may take it away: so sockets
// touched in a pass are looked at again until a pass finds nothing, and only then does it sleep.
// Once a second all sockets are swept as a safety net; what that catches is counted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "bus/actor.hpp"

namespace quarry::bus {

class Loop {
 public:
  // A drain of one socket ends after this many messages: others wait too.
  static constexpr int kDrainMessages = 256;
  static constexpr Duration kSweepEvery = std::chrono::seconds(1);
  static constexpr Duration kStopWithin = std::chrono::seconds(1);

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The actor is driven from now on; it must outlive the loop's run.
  void add(Actor& actor);
  // Messages of the socket go to the actor. A socket forgets itself when it is destroyed.
  void watch(Socket& socket, Actor& actor);
  void forget(Socket& socket);
  // A plain descriptor, for signals and the like.
  void watch(int fd, std::function<void()> readable);
  void forget(int fd);

  // Until stop(); then stops the actors in the order they were added, and returns when all have
  // stopped or kStopWithin has passed.
  void run();
  void stop();  // from any thread

  std::uint64_t sweep_catches() const { return sweep_catches_; }

 private:
  friend class Socket;
  struct Watched;
  void touch(Socket& socket);
  bool pass(Time now);

  // bus/loop.cpp
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t sweep_catches_ = 0;
};

}  // namespace quarry::bus
