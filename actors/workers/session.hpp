// A worker's standing at a door, seen from the worker: when it says hello, and what it makes of
// being refused. The core of WorkerActor. It knows no jobs and never sends.
//
// A DEALER is never told that the door was started again or that its connection was made anew. So
// a door that has been silent for a while is greeted again, which an attached worker may do at any
// time; and a door that does not know this worker says so, and is greeted at once.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "msg/time.hpp"
#include "msg/worker.hpp"

namespace quarry::workers {

// A door that is silent for this long is greeted again. Doors ping whoever holds jobs far more
// often, so only the idle do this.
inline constexpr Duration kGreetSilentAfter = std::chrono::seconds(2);
// A hello without an answer is repeated after this long, doubling up to kGreetSilentAfter; a door
// that knows us not is greeted at once, but no sooner than this after the last time.
inline constexpr Duration kGreetAgainAfter = std::chrono::milliseconds(250);
// After a refusal that another hello will hardly change: the door may be started anew, differently.
inline constexpr Duration kGreetRefusedAfter = std::chrono::seconds(30);

// Something that a person at this worker should know.
struct Notice {
  bool warning = false;
  std::string text;
  friend bool operator==(const Notice&, const Notice&) = default;
};

class Session {
 public:
  using Effect = std::variant<worker::Hello, worker::Bye, Notice>;

  // `key_length` is what the worker is made for.
  Session(worker::Hello hello, std::uint8_t key_length, Time now)
      : hello_(std::move(hello)), key_length_(key_length), next_hello_(now) {}

  // Any message of the door came.
  void heard(Time now);
  void welcome_received(const worker::Welcome& welcome, Time now);
  // The jobs that it held are no longer its own.
  void refused_received(const worker::Refused& refused, Time now);
  void stopped();

  Time next_deadline() const { return next_hello_; }
  void time_passed(Time now);

  // Whether jobs are taken.
  bool attached() const { return attached_; }
  std::vector<Effect> take_effects() { return std::exchange(effects_, {}); }

 private:
  worker::Hello hello_;
  std::uint8_t key_length_;
  bool attached_ = false;
  bool stopped_ = false;
  Duration again_ = kGreetAgainAfter;
  Time next_hello_;
  Time last_hello_{};
  Reason last_refusal_{};  // so that a reason is told once, not every time
  std::vector<Effect> effects_;
};

}  // namespace quarry::workers
