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

// Fails a loop that has run out of patience.
class Watchdog : public Probe {
 public:
  explicit Watchdog(Loop& loop, Duration patience = kPatience) {
    who = "watchdog";
    deadline = now() + patience;
    on_elapsed = [this, &loop](Time) {
      bit = true;
      loop.stop();
    };
    loop.add(*this);
  }
  bool bit = false;
};

// A fresh address inside the process.
inline std::string inproc(const std::string& name) {
  static int count = 0;
  return "inproc://" + name + std::to_string(++count);
}

inline Encoded text(std::string words, std::vector<Payload> values = {}) {
  Encoded message;
  message.envelope = std::move(words);
  message.values = std::move(values);
  for (const Payload& value : message.values) message.value_bytes += value.size();
  return message;
}

}  // namespace quarry::bus
