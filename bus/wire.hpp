// The C functions of libzmq that send and receive, wrapped once: never blocking, never throwing,
// blind to EINTR. Only bus/ itself uses this.
#pragma once

#include <cerrno>

#include "bus/frame.hpp"

namespace quarry::bus::wire {

// 0, or the errno why nothing was received: EAGAIN, ETERM.
inline int receive(void* socket, Frame& to) {
  for (;;) {
    if (zmq_msg_recv(to.raw(), socket, ZMQ_DONTWAIT) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

// 0, or the errno why nothing was sent: EAGAIN, EHOSTUNREACH, ETERM. The frame is taken on 0.
inline int send(void* socket, Frame& frame, bool more) {
  for (;;) {
    const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    if (zmq_msg_send(frame.raw(), socket, flags) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

// Reads and drops what is left of the message whose frame this is.
inline void discard_rest(void* socket, bool more) {
  while (more) {
    Frame frame;
    more = receive(socket, frame) == 0 && frame.more();
  }
}

}  // namespace quarry::bus::wire
