// The shell of the Engine: the clients' control door and the links to the other three actors. It
// decodes, calls the core, and sends what the core says; it decides nothing.
#pragma once

#include <concepts>
#include <unordered_map>

#include "actors/engine/core.hpp"
#include "actors/node.hpp"
#include "bus/link.hpp"
#include "bus/loop.hpp"
#include "bus/outbox.hpp"

namespace quarry::engine {

class Actor : public bus::Actor {
 public:
  // Binds the door at all of node.control_door, and the three links that the others connect to.
  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  const Node& node, Config config);

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void flooded(bus::Socket& socket, const bus::Route& route, Time now) override;
  void elapsed(Time now) override { core_.time_passed(now); }
  void flush(Time now) override;
  Time next_deadline() const override;
  void stop(Time now) override;
  bool stopped() const override { return stopped_; }
  std::string_view name() const override { return "engine"; }

 private:
  using SelectorLink = bus::BoundLink<link::SelectorToEngine>;
  using ConsumerLink = bus::BoundLink<link::ConsumerToEngine>;
  using ProducerLink = bus::BoundLink<link::ProducerToEngine>;
  struct Links {
    SelectorLink selector;
    ConsumerLink consumer;
    ProducerLink producer;
  };

  Actor(bus::Loop& loop, bus::Socket door, Links links, const Node& node, const Config& config);

  // Clients.
  void client_said(bus::Message message, Time now);
  void on(ClientId client, control::Fetch& ask, Time now);
  void on(ClientId client, const control::Withdraw& ask, Time now);
  void on(ClientId client, const control::Cancel& ask, Time now);
  void on(ClientId client, const control::Clear& ask, Time now);
  void on(ClientId client, const control::Retain& ask, Time now);
  void on(ClientId client, control::Put& ask, Time now);
  void on(ClientId client, const control::Remove& ask, Time now);
  void on(ClientId client, const report::StoredList& ask, Time now);
  void on(ClientId client, const control::Status& ask, Time now);
  void on(ClientId client, const control::Hello&, Time now);
  void on(ClientId, const control::Pong&, Time) {}
  void on(ClientId client, const control::Bye&, Time now) { gone(client, now); }
  void on(ClientId client, const report::Explain& ask, Time now) {
    core_.explain_asked(client, ask, now);
  }
  template <std::convertible_to<PeersCommand> Command>
  void on(ClientId client, Command& command, Time now) {
    core_.peers_commanded(client, std::move(command), now);
  }

  // The other actors.
  void on(Part from, const link::Hello&, Time now);
  void on(Part, link::Answer& answer, Time now) { core_.answer_received(std::move(answer), now); }
  void on(Part, const link::Waits& waits, Time now) { core_.waits_received(waits, now); }
  void on(Part, const link::Verdict& verdict, Time now) { core_.verdict_received(verdict, now); }
  void on(Part, const link::Found& found, Time now) { core_.found_received(found, now); }
  void on(Part, const link::NoData& no, Time now) { core_.no_data_received(no, now); }
  void on(Part, const link::TooLarge& no, Time now) { core_.too_large_received(no, now); }
  void on(Part, const link::Attached& its, Time now) { core_.workers_attached(its, now); }
  void on(Part, report::PeerInfo& info, Time) { core_.peer_info_received(std::move(info)); }
  void on(Part, report::AskInfo& info, Time) { core_.ask_info_received(std::move(info)); }
  void on(Part, report::WorkerInfo& info, Time) { core_.worker_info_received(std::move(info)); }
  void on(Part, report::Counter& counter, Time) { core_.counter_received(std::move(counter)); }
  void on(Part, report::Stored& stored, Time) { core_.stored_received(std::move(stored)); }
  void on(Part from, const report::Done& done, Time now) { core_.done_received(from, done, now); }
  void on(Part from, const report::Failed& no, Time now) { core_.failed_received(from, no, now); }

  void carry_out_all();
  void carry_out(const ToClient& to);
  void carry_out(const ToSelector& to);
  void carry_out(const ToConsumer& to);
  void carry_out(const ToProducer& to);
  void carry_out(const Forget& forget) { this->forget(forget.client); }
  void gone(ClientId client, Time now);
  void forget(ClientId client);
  ClientId known(const bus::Route& route) const;

  struct Hash {
    std::size_t operator()(const bus::Route& route) const { return SaltedHash{}(route); }
  };

  Core core_;
  bus::Socket door_;
  Links links_;
  Decoder<control::Protocol> decoder_;
  bus::DoorOutbox<control::Protocol> outbox_;
  std::unordered_map<bus::Route, ClientId, Hash> clients_;
  std::unordered_map<ClientId, bus::Route> routes_;
  std::uint64_t last_client_ = 0;
  std::vector<control::FromClient> from_client_;
  std::vector<link::SelectorToEngine> from_selector_;
  std::vector<link::ConsumerToEngine> from_consumer_;
  std::vector<link::ProducerToEngine> from_producer_;
  Time retry_at_ = kNever;
  Time stop_until_ = kNever;
  bool stopped_ = false;
};

}  // namespace quarry::engine
