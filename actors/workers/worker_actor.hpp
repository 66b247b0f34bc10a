// Any worker written in C++, attached to a door: the same over inproc (built in) and ipc (a process
// of its own). It takes jobs, has a Work do them, and sends the answers in batches. It decides
// nothing about a job, and never works longer than a budget before others on its loop have a turn.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "actors/workers/session.hpp"
#include "actors/workers/work.hpp"
#include "bus/loop.hpp"
#include "bus/outbox.hpp"

namespace quarry::workers {

class WorkerActor : public bus::Actor {
 public:
  // Work done in one turn of the loop ends after so many jobs or bytes: a batch is answered as a
  // batch, and a mebibyte of digests takes about a millisecond.
  static constexpr std::size_t kTurnJobs = 256;
  static constexpr std::size_t kTurnBytes = 1024 * 1024;

  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  const Network& network, std::string door_address,
                                                  std::unique_ptr<Work> work,
                                                  std::string agent = "quarry/" QUARRY_VERSION);
  ~WorkerActor() override;

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void elapsed(Time now) override;
  void flush(Time now) override;
  Time next_deadline() const override;
  void stop(Time now) override;
  bool stopped() const override { return stopping_ && (outbox_.empty() || full_); }
  std::string_view name() const override { return about_.name; }

 private:
  using Job =
      std::variant<worker::Judge, worker::LookUp, worker::Keep, worker::Remove, worker::List>;

  WorkerActor(bus::Loop& loop, bus::Socket socket, const Network& network, std::string door_address,
              std::unique_ptr<Work> work, worker::Hello hello, Time now);

  void on(worker::Welcome& welcome, Time now) { session_.welcome_received(welcome, now); }
  void on(worker::Judge& job, Time) { take(std::move(job)); }
  void on(worker::LookUp& job, Time) { take(std::move(job)); }
  void on(worker::Keep& job, Time) { take(std::move(job)); }
  void on(worker::Remove& job, Time) { take(std::move(job)); }
  void on(worker::List& job, Time) { take(std::move(job)); }
  void on(worker::Abort&, Time) {}  // a verdict is still welcome, and soon there
  void on(worker::Ping& ping, Time) { outbox_.add(worker::Pong{ping.nonce}); }
  void on(worker::Refused& refused, Time now);
  template <class Taken>
  void take(Taken job);
  void work_a_turn();
  void answer(const Work::Answer& answer);
  void carry_out(const worker::Hello& hello);
  void carry_out(const worker::Bye& bye) { outbox_.add(bye); }
  void carry_out(const Notice& notice);

  bus::Loop& loop_;
  bus::Socket socket_;
  Decoder<worker::Protocol> decoder_;
  bus::Outbox<worker::Protocol> outbox_;
  std::string door_;
  std::unique_ptr<Work> work_;
  Work::About about_;
  Session session_;
  std::deque<Job> jobs_;  // at most as many as our credit
  std::vector<worker::FromDoor> items_;
  std::vector<Work::Answer> answers_;
  bool full_ = false;
  bool stopping_ = false;
  Time retry_at_ = kNever;
  std::optional<Reason> last_unfit_;  // of the last message, if it did not fit: said once
};

}  // namespace quarry::workers
