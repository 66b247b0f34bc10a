// The client of a bench: keeps a window of fetches outstanding, each of another key, and measures
// how they are resolved. An actor that speaks the control protocol like any client: as a guest on
// the node's own thread, or on a thread of its own over ipc. It asks for the next key as soon as
// one is resolved, and checks nothing that the node's verifier has not checked but that every value
// is there. Prints nothing.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/loop.hpp"
#include "bus/outbox.hpp"
#include "cli/bench/usage.hpp"
#include "cli/bench/values.hpp"
#include "msg/control.hpp"

namespace quarry::cli::bench {

// What was measured between warming up and the end.
struct Point {
  std::uint64_t fetches = 0;
  double seconds = 0;
  std::vector<float> latencies_us;  // sorted
  Usage asking, serving;            // CPU within the time; memory at its end
  double rate() const { return static_cast<double>(fetches) / seconds; }
  double latency_us(double quantile) const;
};

class Load : public bus::Actor {
 public:
  struct Options {
    std::string door;  // the control door's address
    std::uint32_t window = 64;
    Duration lasts{};
    std::optional<PeerKey> target;  // ask only this peer
    // After a first measurement, this many fetches are begun that nobody can answer, and measured
    // beside.
    std::uint32_t pending = 0;
    std::vector<pid_t> asking, serving;  // processes
  };
  struct Outcome {
    Point alone;
    std::optional<Point> beside_pending;
    std::uint64_t pending_bytes = 0;  // by which the asking processes grew for those
  };
  using Done = std::function<void(Result<Outcome>)>;

  // `done` is called once, on the actor's thread.
  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  std::shared_ptr<const Values> values,
                                                  Options options, Done done);

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void elapsed(Time now) override;
  void flush(Time now) override;
  Time next_deadline() const override;
  void stop(Time now) override;
  bool stopped() const override { return stopping_ && outbox_.empty(); }
  std::string_view name() const override { return "bench"; }

 private:
  enum class Phase { greeting, warming, measuring, draining, filling, over };
  struct Asked {
    std::uint32_t number = 0;  // of the value
    Time at{};
  };

  Load(bus::Loop& loop, bus::Socket socket, std::shared_ptr<const Values> values, Options options,
       Done done);

  void on(const control::Welcome&);
  void on(const control::Resolved& value);
  void on(const control::Ended& ended);
  void on(const control::FetchRefused& refused);
  void on(const control::Refused& refused);
  void on(const control::Ping& ping) { outbox_.add(control::Pong{ping.nonce}); }
  void on(const report::Done&);
  template <class Other>
  void on(const Other&) {}

  void ask(std::uint32_t slot);
  void begin_round();
  void end_round();
  void fill();
  void finish(Result<Outcome> outcome);

  std::shared_ptr<const Values> values_;
  Options options_;
  Done done_;
  bus::Socket socket_;
  Decoder<control::Protocol> decoder_{Network{.name = ""}};
  bus::Outbox<control::Protocol> outbox_{std::string()};
  std::vector<control::FromNode> items_;
  Time time_{};  // of the message that is being read

  Phase phase_ = Phase::greeting;
  std::vector<Asked> asked_;  // by slot of the window
  std::uint32_t outstanding_ = 0;
  std::uint32_t next_ = 0;    // number of the value to ask for next
  std::uint32_t filled_ = 0;  // fetches begun that nobody can answer
  Time phase_ends_ = kNever;
  Time began_{};
  Time give_up_ = kNever;
  Time retry_at_ = kNever;
  Usage before_asking_, before_serving_;
  Point point_;
  Outcome outcome_;
  bool stopping_ = false;
};

}  // namespace quarry::cli::bench
