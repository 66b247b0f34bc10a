// The loop that every thread of quarry runs: level-triggered epoll over the sockets' ZMQ_FD.
// Readiness of a ZMQ_FD is only a hint, and any call on a socket may take it away: so sockets
// touched in a pass are looked at again until a pass finds nothing, and only then does it sleep.
// Once a second all sockets are swept as a safety net; what that catches is counted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/actor.hpp"

namespace quarry::bus {

class Loop {
 public:
  // A drain of one socket ends after this many messages: others wait too.
  static constexpr int kDrainMessages = 256;
  // Each socket is looked at in this time, whatever epoll says.
  static constexpr Duration kSweepEvery = std::chrono::seconds(1);
  static constexpr Duration kStopWithin = std::chrono::seconds(1);
  // A turn looks no longer than this at what arrived before it lets the actors send.
  static constexpr Duration kTurnWithin = std::chrono::milliseconds(10);
  // Time passes for the actors after all that arrived was received; but input without end holds it
  // back no longer than this.
  static constexpr Duration kLateAtMost = std::chrono::milliseconds(100);

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
  // stopped or kStopWithin has passed. A stop() that came first counts. Can be run again.
  void run();
  void stop();  // from any thread

  std::uint64_t sweep_catches() const { return sweep_catches_; }
  // Receives tried, and messages dropped for their many frames, since it was made.
  std::uint64_t looks() const { return looks_; }
  std::uint64_t floods() const { return floods_; }
  // The name of the actor that threw, when run() ended by an exception.
  const std::string& thrower() const;

 private:
  friend class Socket;
  struct Watched;
  void touch(Socket& socket);
  void touch(std::uint64_t token);
  void moved(Socket& socket);
  std::uint64_t take_slot(int fd);
  Watched* find(std::uint64_t token);
  void drop(std::uint64_t token);
  void wait(Time before, Time until);
  // Looks at the sockets touched; true when all they had is received.
  bool pass(Time now);
  bool drain(std::uint64_t token, Time now);
  void elapse(Time before, Time now, bool drained);
  void flush(Time now);
  void sweep(Time now);
  void begin_stop(Time now);
  bool all_stopped() const;
  Time next_deadline() const;

  // bus/loop.cpp
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t sweep_catches_ = 0;
  std::uint64_t looks_ = 0;
  std::uint64_t floods_ = 0;
};

}  // namespace quarry::bus
