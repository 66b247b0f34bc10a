// One frame of a ZeroMQ message, and the way between frames and Payloads. Moving on a received
// frame copies no bytes.
#pragma once

#include <zmq.h>

#include <optional>

#include "msg/codec.hpp"

namespace quarry::bus {

class Frame {
 public:
  Frame() { zmq_msg_init(&message_); }
  explicit Frame(std::size_t size);
  static Frame copy_of(ByteView bytes);
  // The values back to back. One value that fills its whole received frame, and neighbours within
  // one received frame that fill it, are moved on as that frame; a large slice is referred to;
  // the rest is copied.
  static Frame of_values(const std::vector<Payload>& values, std::size_t bytes);
  Frame(Frame&& other) noexcept : Frame() { zmq_msg_move(&message_, &other.message_); }
  Frame& operator=(Frame&& other) noexcept {
    zmq_msg_move(&message_, &other.message_);
    return *this;
  }
  ~Frame() { zmq_msg_close(&message_); }

  ByteView view() const;
  std::size_t size() const { return zmq_msg_size(&message_); }
  bool more() const { return zmq_msg_more(&message_) != 0; }
  zmq_msg_t* raw() { return &message_; }
  // Who sent it over CURVE: the User-Id that our ZAP handler gave. Valid on an envelope frame,
  // never on a routing-id frame.
  std::optional<PeerKey> peer() const;
  // The descriptor it came from; only to shut its connection down right after receiving.
  int source_fd() const;
  // The frame as a value that others may hold.
  static Payload into_payload(Frame frame);

 private:
  mutable zmq_msg_t message_;
};

}  // namespace quarry::bus
