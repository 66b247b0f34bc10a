// What the tests of bus/ share: an actor made of functions, a loop that runs until something has
// come true, raw ZeroMQ sockets for misbehaving partners.
#pragma once

#include <zmq.h>

#include <functional>
#include <string>
#include <vector>

#include "bus/clock.hpp"
#include "bus/link.hpp"
#include "bus/thread.hpp"
#include "tests/support/catch.hpp"

namespace quarry::bus {

using namespace std::chrono_literals;

inline constexpr Duration kPatience = 20s;  // for what must come true

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().line());
  return std::move(*result);
}
inline void must(Result<> result) {
  if (!result) FAIL(result.error().line());
}

struct Probe : Actor {
  std::string who = "probe";
  std::function<void(Socket&, Message, Time)> on_received;
  std::function<void(Socket&, const Route&)> on_flooded;
  std::function<void(Time)> on_elapsed;
  std::function<void(Time)> on_flush;
  std::function<void()> on_destroyed;
  Time deadline = kNever;
  bool stop_asked = false, has_stopped = true;
  int flushes = 0;

  ~Probe() override {
    if (on_destroyed) on_destroyed();
  }
  void received(Socket& socket, Message message, Time now) override {
    if (on_received) on_received(socket, std::move(message), now);
  }
  void flooded(Socket& socket, const Route& route, Time) override {
    if (on_flooded) on_flooded(socket, route);
  }
  void elapsed(Time now) override {
    deadline = kNever;
    if (on_elapsed) on_elapsed(now);
  }
  void flush(Time now) override {
    ++flushes;
    if (on_flush) on_flush(now);
  }
  Time next_deadline() const override { return deadline; }
  void stop(Time) override { stop_asked = true; }
  bool stopped() const override { return has_stopped; }
  std::string_view name() const override { return who; }
};

// Runs a loop until something has come true.
class Runner : public Probe {
 public:
  explicit Runner(Loop& loop) : loop_(loop) {
    who = "runner";
    on_elapsed = [this](Time now) { look(now); };
    on_flush = [this](Time now) { look(now); };
    loop.add(*this);
  }
  // Asks `done` every few milliseconds; false when patience ends first.
  bool until(std::function<bool()> done, Duration patience = kPatience) {
    done_ = std::move(done);
    give_up_ = now() + patience;
    deadline = now();
    held_ = false;
    loop_.run();
    return held_;
  }

 private:
  void look(Time now) {
    if (!done_ || held_) return;
    deadline = now + 2ms;
    held_ = done_();
    if (held_ || now >= give_up_) loop_.stop();
  }
  Loop& loop_;
  std::function<bool()> done_;
  bool held_ = false;
  Time give_up_ = kNever;
};

// Tries again until it holds; false when patience ends first.
inline bool patiently(const std::function<bool()>& holds) {
  for (const Time give_up = now() + kPatience; now() < give_up;) {
    if (holds()) return true;
  }
  return false;
}

// A fresh address inside the process.
inline std::string inproc(const std::string& name) {
  static int count = 0;
  return "inproc://" + name + std::to_string(++count);
}

// A bare ZeroMQ socket that does what our own never would.
class RawSocket {
 public:
  RawSocket(Context& context, int type) : socket_(zmq_socket(context.raw(), type)) {
    set(ZMQ_LINGER, 0);
  }
  ~RawSocket() { zmq_close(socket_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  void set(int option, int value) {
    REQUIRE(zmq_setsockopt(socket_, option, &value, sizeof value) == 0);
  }
  void set(int option, const std::string& value) {
    REQUIRE(zmq_setsockopt(socket_, option, value.data(), value.size()) == 0);
  }
  void dial_as(const Identity& who, const PeerKey& server) {
    set(ZMQ_CURVE_SERVERKEY, to_z85(server));
    set(ZMQ_CURVE_PUBLICKEY, to_z85(who.key));
    set(ZMQ_CURVE_SECRETKEY, who.secret);
  }
  void connect(const std::string& to) { REQUIRE(zmq_connect(socket_, to.c_str()) == 0); }
  void bind(const std::string& at) { REQUIRE(zmq_bind(socket_, at.c_str()) == 0); }
  bool send(const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
      if (zmq_send(socket_, frames[i].data(), frames[i].size(), more | ZMQ_DONTWAIT) < 0) {
        return false;
      }
    }
    return true;
  }
  // The frames of the next message; none when none comes within the patience.
  std::vector<std::string> receive(Duration patience = kPatience) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience);
    set(ZMQ_RCVTIMEO, static_cast<int>(ms.count()));
    std::vector<std::string> frames;
    for (bool more = true; more;) {
      Frame frame;
      if (zmq_msg_recv(frame.raw(), socket_, 0) < 0) break;
      frames.emplace_back(text_of(frame.view()));
      more = frame.more();
    }
    return frames;
  }
  void* raw() { return socket_; }

 private:
  void* socket_;
};

inline Encoded text(std::string words, std::vector<Payload> values = {}) {
  Encoded message;
  message.envelope = std::move(words);
  message.values = std::move(values);
  for (const Payload& value : message.values) message.value_bytes += value.size();
  return message;
}

}  // namespace quarry::bus
