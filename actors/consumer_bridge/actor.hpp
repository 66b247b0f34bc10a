// The shell of the ConsumerBridge: a link to the Engine and the verifiers' door. It decodes, calls
// the core, and sends what the core says; it decides nothing.
#pragma once

#include "actors/consumer_bridge/core.hpp"
#include "actors/node.hpp"
#include "actors/workers/routes.hpp"
#include "bus/link.hpp"
#include "bus/loop.hpp"
#include "bus/outbox.hpp"

namespace quarry::consumer_bridge {

class Actor : public bus::Actor {
 public:
  // Binds the door at all of node.verifier_door and connects to node.consumer_link.
  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  const Node& node, Config config);

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void flooded(bus::Socket& socket, const bus::Route& route, Time now) override;
  void elapsed(Time now) override { core_.time_passed(now); }
  void flush(Time now) override;
  Time next_deadline() const override {
    return std::min({core_.next_deadline(), retry_at_, link_.next_probe()});
  }
  void stop(Time) override { stopping_ = true; }
  bool stopped() const override { return stopping_ && retry_at_ == kNever; }
  std::string_view name() const override { return "consumer_bridge"; }

 private:
  using Link = bus::ConnectedLink<link::EngineToConsumer>;

  Actor(bus::Loop& loop, Link link, bus::Socket door, const Node& node, Config config);

  void on(const link::Hello&, Time) { core_.engine_attached(); }
  void on(link::Judge& judge, Time now) { core_.judge_received(std::move(judge), now); }
  void on(const link::Abort& abort, Time) { core_.abort_received(abort); }
  void on(const link::Survey& survey, Time now) { core_.survey_received(survey, now); }

  void on(WorkerId worker, const worker::Hello& hello, Time now);
  void on(WorkerId worker, const worker::Verdict& verdict, Time now);
  void on(WorkerId worker, const worker::Failed& failed, Time now);
  void on(WorkerId worker, const worker::Pong& pong, Time now);
  void on(WorkerId worker, const worker::Bye& bye, Time now);
  // What a storage answers.
  template <class Answer>
  void on(WorkerId worker, const Answer& answer, Time now) {
    core_.nonsense_received(worker, answer.job, now);
  }
  void on(WorkerId worker, const worker::Have&, Time now) {
    core_.nonsense_received(worker, {}, now);
  }

  template <class Item>
  void carry_out(const Item& item) {
    link_.add(item);
  }
  template <class Item>
  void carry_out(const ToWorker<Item>& to) {
    tell(to.worker, to.item);
  }
  void carry_out(const link::Attached& attached);
  void carry_out(const workers::Welcome& welcome) { tell(welcome.worker, welcome_); }
  void carry_out(const workers::Ping& ping) { tell(ping.worker, worker::Ping{ping.nonce}); }
  void carry_out(const workers::Refuse& refuse);
  void carry_out(const Forget& forget) { forget_unless_known(forget.worker); }
  void carry_out(const Alarm& alarm);
  template <class Item>
  void tell(WorkerId worker, const Item& item) {
    if (const bus::Route* route = routes_.route_of(worker)) outbox_.add(*route, item);
  }
  void forget_unless_known(WorkerId worker);
  void carry_out_all();

  Core core_;
  Link link_;
  bus::Socket door_;
  Decoder<worker::Protocol> decoder_;
  bus::DoorOutbox<worker::Protocol> outbox_;
  workers::Routes routes_;
  worker::Welcome welcome_;
  std::vector<link::EngineToConsumer> from_engine_;
  std::vector<worker::FromWorker> from_worker_;
  Time retry_at_ = kNever;
  bool stopping_ = false;
};

}  // namespace quarry::consumer_bridge
