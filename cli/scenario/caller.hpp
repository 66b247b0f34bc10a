// A client of a scenario, at one node: puts values there and fetches those of others, so many a
// second. When its node goes and comes back it asks again for what is out. Checks each value that
// comes. An actor that speaks the control protocol; it prints nothing.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "bus/loop.hpp"
#include "bus/outbox.hpp"
#include "cli/home.hpp"
#include "cli/scenario/board.hpp"
#include "msg/control.hpp"

namespace quarry::cli::scenario {

class Caller : public bus::Actor {
 public:
  struct Options {
    std::uint32_t number = 0;
    std::string node;
    Home home;
    std::uint32_t per_second = 50;   // 0: it fetches only what it is told to
    std::uint64_t largest = 20'000;  // bytes of a value
    bool puts = true;
    std::uint64_t seed = 0;
  };

  Caller(bus::Loop& loop, bus::Context& context, std::shared_ptr<Board> board, Options options);

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void elapsed(Time now) override;
  void flush(Time now) override;
  Time next_deadline() const override;
  void stop(Time now) override;
  bool stopped() const override { return stopping_ && (outbox_.empty() || !socket_); }
  std::string_view name() const override { return "caller"; }

 private:
  struct Out {
    Key key;
    Time since{};
  };

  void on(const control::Welcome&);
  void on(const control::Resolved& value);
  void on(const control::Ended& ended);
  void on(const control::FetchRefused& refused);
  void on(const control::Refused&) { lost_ = true; }
  void on(const control::Ping& ping) { outbox_.add(control::Pong{ping.nonce}); }
  void on(const report::Done& done);
  void on(const report::Failed& failed);
  template <class Other>
  void on(const Other&) {}

  void look_after_node(Time now);
  void connect(Time now);
  void disconnect();
  void act();
  void put();
  void fetch(const Key& key);
  void ask(std::uint64_t tag, const Key& key);
  void ask_as_told();

  bus::Loop& loop_;
  bus::Context& context_;
  std::shared_ptr<Board> board_;
  Options options_;
  std::mt19937_64 random_;

  std::optional<bus::Socket> socket_;
  Decoder<control::Protocol> decoder_{Network{.name = ""}};
  bus::Outbox<control::Protocol> outbox_{std::string()};
  std::vector<control::FromNode> items_;
  std::optional<pid_t> pid_;  // of the node that it talks to
  bool welcome_ = false;
  bool lost_ = false;  // put out, or not heard of for long
  Time heard_{};

  std::map<std::uint64_t, Out> out_;      // fetches, by tag
  std::deque<std::uint64_t> again_;       // refused for now
  std::map<std::uint64_t, Key> putting_;  // by call
  std::uint64_t last_ = 0;                // tag or call
  std::uint64_t acts_ = 0;
  Time act_at_{};
  Time look_at_{};
  Time retry_at_ = kNever;
  bool stopping_ = false;
};

}  // namespace quarry::cli::scenario
