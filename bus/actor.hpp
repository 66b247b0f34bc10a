// What a loop drives. An actor is a core and this shell around it; in each pass of the loop it is
// given what arrived, then, when nothing more waits, the time, and then it carries out its core's
// effects and sends. It is ready when constructed, and gone when destroyed.
#pragma once

#include "bus/socket.hpp"
#include "msg/time.hpp"

namespace quarry::bus {

class Actor {
 public:
  virtual ~Actor() = default;
  // One message from a socket that this actor watches.
  virtual void received(Socket& socket, Message message, Time now) = 0;
  // A message of too many frames came and was dropped; its connection is shut down already.
  virtual void flooded(Socket&, const Route&, Time) {}
  // A deadline of the core has passed. Called only after all that had arrived was received.
  virtual void elapsed(Time now) = 0;
  // Carry out effects, send what is batched.
  virtual void flush(Time now) = 0;
  virtual Time next_deadline() const = 0;
  // Begin to stop: say good-bye where that is owed. The loop goes on until all have stopped, at
  // most a second.
  virtual void stop(Time now) = 0;
  virtual bool stopped() const = 0;
  // For logs and for the reason a thread stopped.
  virtual std::string_view name() const = 0;
};

}  // namespace quarry::bus
