// The shell of the ProducerBridge: the network door with its ZAP, the storages' door, and links to
// the Engine and the PeerSelector. It decodes, calls the core, and sends what the core says; it
// decides nothing. A node without a listen address has no network door.
#pragma once

#include <unordered_set>

#include "actors/node.hpp"
#include "actors/producer_bridge/core.hpp"
#include "actors/workers/routes.hpp"
#include "bus/link.hpp"
#include "bus/loop.hpp"
#include "bus/outbox.hpp"
#include "bus/zap.hpp"

namespace quarry::producer_bridge {

class Actor : public bus::Actor {
 public:
  // Binds node.listen and all of node.storage_door, and connects to node.producer_link and
  // node.admission_link.
  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  const Node& node, Config config);

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void flooded(bus::Socket& socket, const bus::Route& route, Time now) override;
  void elapsed(Time now) override { core_.time_passed(now); }
  void flush(Time now) override;
  Time next_deadline() const override {
    return std::min(
        {core_.next_deadline(), retry_at_, engine_.next_probe(), selector_.next_probe()});
  }
  void stop(Time) override { stopping_ = true; }
  bool stopped() const override { return stopping_ && retry_at_ == kNever; }
  std::string_view name() const override { return "producer_bridge"; }

 private:
  using EngineLink = bus::ConnectedLink<link::EngineToProducer>;
  using SelectorLink = bus::ConnectedLink<link::SelectorToProducer>;
  struct Sockets {
    std::unique_ptr<bus::Zap> zap;       // both absent on a node that only asks
    std::optional<bus::Socket> network;  // goes before its ZAP
    bus::Socket storages;
    EngineLink engine;
    SelectorLink selector;
  };
  static Result<> open_network(Sockets& sockets, bus::Loop& loop, bus::Context& context,
                               const Node& node, const Config& config);
  static Result<bus::Socket> open_storages(bus::Context& context, const Node& node);

  Actor(bus::Loop& loop, Sockets sockets, const Node& node, Config config);

  void received_from_peer(bus::Message message, Time now);
  void received_from_worker(bus::Message message, Time now);

  void on(const link::Hello&, Time now) { core_.engine_attached(now); }
  void on(const link::LookUp& look_up, Time now) { core_.look_up_received(look_up, now); }
  void on(const link::Keep& keep, Time now) { core_.keep_received(keep, now); }
  void on(const link::Remove& remove, Time now) { core_.remove_received(remove, now); }
  void on(const report::StoredList& list, Time now) { core_.list_received(list, now); }
  void on(const link::Survey& survey, Time now) { core_.survey_received(survey, now); }

  void on(const link::Hello&) {
    selector_greeted_ = true;
    core_.selector_attached();
  }
  void on(const link::Admission& admission) { core_.admission_received(admission); }
  void on(const link::Sync& sync) { core_.sync_received(sync); }

  struct From {
    PeerKey peer;
    Route route;
  };
  void on(const From& from, const peer::Hello&, Time) { core_.hello_received(from.route); }
  void on(const From& from, const peer::Ping& ping, Time) { core_.ping_received(from.route, ping); }
  void on(const From& from, const peer::Ask& ask, Time now) {
    core_.ask_received(from.peer, from.route, ask, now);
  }
  void on(const From& from, const peer::Forget& forget, Time) {
    core_.forget_received(from.peer, forget);
  }

  void on(WorkerId worker, const worker::Hello& hello, Time now) {
    core_.hello_received(worker, hello, now);
  }
  void on(WorkerId worker, const worker::Found& found, Time now) {
    core_.found_received(worker, found, now);
  }
  void on(WorkerId worker, const worker::NoData& no_data, Time now) {
    core_.no_data_received(worker, no_data, now);
  }
  void on(WorkerId worker, const worker::TooLarge& too_large, Time now) {
    core_.too_large_received(worker, too_large, now);
  }
  void on(WorkerId worker, const worker::Done& done, Time now) {
    core_.done_received(worker, done, now);
  }
  void on(WorkerId worker, const worker::Failed& failed, Time now) {
    core_.failed_received(worker, failed, now);
  }
  void on(WorkerId worker, worker::Listed& listed, Time now) {
    core_.listed_received(worker, std::move(listed), now);
  }
  void on(WorkerId worker, const worker::Have& have, Time now) {
    core_.have_received(worker, have, now);
  }
  // What a verifier answers.
  void on(WorkerId worker, const worker::Verdict& verdict, Time now) {
    core_.nonsense_received(worker, verdict.job, now);
  }
  void on(WorkerId worker, const worker::Pong& pong, Time now) {
    core_.pong_received(worker, pong, now);
  }
  void on(WorkerId worker, const worker::Bye&, Time now) { core_.bye_received(worker, now); }

  template <class Item>
  void carry_out(const Item& item) {
    engine_.add(item);
  }
  template <class Item>
  void carry_out(const ToPeer<Item>& to) {
    to_peers_.add(bus::Route(to.route.view()), to.item);
  }
  void carry_out(const ToPeer<peer::Value>& to);
  void carry_out(const DropReplies& drop);
  void carry_out(const Admit& admit);
  void carry_out(const Expel& expel);
  template <class Item>
  void carry_out(const ToWorker<Item>& to) {
    tell(to.worker, to.item);
  }
  void carry_out(const link::Attached& attached);
  void carry_out(const workers::Welcome& welcome) { tell(welcome.worker, welcome_); }
  void carry_out(const workers::Ping& ping) { tell(ping.worker, worker::Ping{ping.nonce}); }
  void carry_out(const workers::Refuse& refuse);
  void carry_out(const Forget& forget) { routes_.forget(forget.worker); }
  void carry_out(const ToSelector& to) { selector_.add(to.item); }
  template <class Item>
  void tell(WorkerId worker, const Item& item) {
    if (const bus::Route* route = routes_.route_of(worker)) to_workers_.add(*route, item);
  }
  void carry_out_all();
  void flush_workers(Time now);
  void flush_peers(Time now);

  struct Hash {
    std::size_t operator()(const bus::Route& route) const { return SaltedHash{}(route); }
  };

  Core core_;
  std::unique_ptr<bus::Zap> zap_;
  std::optional<bus::Socket> network_;
  bus::Socket storages_;
  EngineLink engine_;
  SelectorLink selector_;
  Decoder<peer::Protocol> peer_decoder_;
  Decoder<worker::Protocol> worker_decoder_;
  bus::DoorOutbox<peer::Protocol> to_peers_;
  bus::DoorOutbox<worker::Protocol> to_workers_;
  std::unordered_set<bus::Route, Hash> replied_;  // of which the core is told what waits
  workers::Routes routes_;
  worker::Welcome welcome_;
  std::vector<link::EngineToProducer> from_engine_;
  std::vector<link::SelectorToProducer> from_selector_;
  std::vector<peer::FromAsker> from_peer_;
  std::vector<worker::FromWorker> from_worker_;
  Time retry_at_ = kNever;
  bool selector_greeted_ = false;
  bool stopping_ = false;
};

}  // namespace quarry::producer_bridge
