// The shell of the PeerSelector: a link to the Engine, the door for ProducerBridge's link, and a
// DEALER to each peer. It decodes, calls the core, and sends what the core says; it decides
// nothing.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "actors/node.hpp"
#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/peer_line.hpp"
#include "actors/peer_selector/state_file.hpp"
#include "bus/link.hpp"
#include "bus/loop.hpp"

namespace quarry::peer_selector {

class Actor : public bus::Actor {
 public:
  // Connects to node.selector_link and binds node.admission_link. What it remembers of peers it
  // keeps in `state`, unless that is empty.
  static Result<std::unique_ptr<bus::Actor>> open(bus::Loop& loop, bus::Context& context,
                                                  const Node& node, Config config,
                                                  std::filesystem::path state = {});

  void received(bus::Socket& socket, bus::Message message, Time now) override;
  void flooded(bus::Socket& socket, const bus::Route& route, Time now) override;
  void elapsed(Time now) override { core_.time_passed(now); }
  void flush(Time now) override;
  Time next_deadline() const override {
    return std::min({core_.next_deadline(), retry_at_, save_at_, engine_.next_probe()});
  }
  void stop(Time now) override;
  bool stopped() const override { return stopping_ && retry_at_ == kNever; }
  std::string_view name() const override { return "peer_selector"; }

 private:
  using EngineLink = bus::ConnectedLink<link::EngineToSelector>;
  using ProducerLink = bus::BoundLink<link::ProducerToSelector>;

  Actor(bus::Loop& loop, bus::Context& context, EngineLink engine, ProducerLink producer,
        const Node& node, Config config, StateFile state);

  // From the Engine.
  void on(const link::Hello&, Time now) { core_.engine_attached(now); }
  void on(const link::Want& item, Time now) { core_.wanted(item, now); }
  void on(const link::AddTargets& item, Time now) { core_.targets_added(item, now); }
  void on(const link::ClearTargets& item, Time now) { core_.targets_cleared(item, now); }
  void on(const link::End& item, Time now) { core_.ended(item, now); }
  void on(const link::Judged& item, Time now) { core_.judged(item, now); }
  void on(const link::Room& item, Time) { core_.room_granted(item); }
  void on(const link::Describe& item, Time now) { core_.described(item, now); }
  void on(const link::Explain& item, Time now) { core_.explained(item, now); }
  void on(const report::PeerSet& item, Time now) { core_.peer_set_came(item, now); }
  void on(const report::PeerAdd& item, Time now) { core_.peer_added(item, now); }
  void on(const report::PeerRemove& item, Time now) { core_.peer_removed(item, now); }
  void on(const report::PeerBlock& item, Time now) { core_.block_ordered(item, now); }
  void on(const report::PeerUnblock& item, Time now) { core_.unblock_ordered(item, now); }
  void on(const report::PeerList& item, Time now) { core_.peers_listed(item, now); }

  // From ProducerBridge.
  void on_producer(const link::Hello&) { core_.producer_attached(); }
  void on_producer(const report::Done& done) { core_.synced(done.call); }

  // From a peer.
  void on(PeerIndex peer, peer::Hello& item, Time now);
  void on(PeerIndex peer, peer::Pong& item, Time now);
  void on(PeerIndex peer, peer::Value& item, Time now);
  void on(PeerIndex peer, peer::NoData& item, Time now);
  void on(PeerIndex peer, peer::Overloaded& item, Time now);
  void on(PeerIndex peer, peer::TooLarge& item, Time now);
  void on(PeerIndex peer, peer::Refused& item, Time now);
  void on(PeerIndex peer, peer::Have& item, Time now) { core_.have_received(peer, item.key, now); }
  void on(PeerIndex peer, peer::Forgotten&, Time now) { core_.forgotten_received(peer, now); }

  void carry_out(const Open& open, Time now);
  void carry_out(const Close& close, Time now);
  void carry_out(const ToPeer& to, Time now);
  void carry_out(const ToEngine& to, Time now);
  void carry_out(const ToProducer& to, Time now);
  void carry_out(const Alarm& alarm, Time now);
  void carry_out_all(Time now);
  void send_to_peers(Time now);
  void report_failed(PeerIndex peer, Time now);
  void received_from(PeerIndex peer, bus::Message message, Time now);
  void save_state(Time now);

  bus::Loop& loop_;
  bus::Context& context_;
  Network network_;
  bus::Identity identity_;
  Core core_;
  EngineLink engine_;
  ProducerLink producer_;
  Decoder<peer::Protocol> decoder_;
  std::unordered_map<PeerIndex, std::unique_ptr<PeerLine>> lines_;
  std::unordered_map<const bus::Socket*, PeerIndex> peer_of_;
  std::vector<PeerIndex> unsent_;  // lines with something to send in this turn
  // Used again in each turn.
  std::vector<link::EngineToSelector> from_engine_;
  std::vector<link::ProducerToSelector> from_producer_;
  std::vector<peer::FromServer> from_peer_;
  std::vector<RequestId> failed_;
  Time retry_at_ = kNever;
  StateFile state_;
  Time save_at_ = kNever;          // once asks have been sent since
  std::uint64_t saved_asked_ = 0;  // as of the last time it was written
  std::uint64_t saved_blocks_ = 0;
  bool stopping_ = false;
};

}  // namespace quarry::peer_selector
