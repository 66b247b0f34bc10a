#include "tests/sim/cases.hpp"
#include "tests/sim/node.hpp"

namespace quarry::sim {
SelectorShell::SelectorShell(Node& node)
    : Actor(node.world, "n" + std::to_string(node.number) + ".selector"), node_(node) {}

void SelectorShell::made() {
  peer_selector::Config config = world_.settings.selector;
  config.peers = node_.peers;
  config.peers_number = node_.peers_number;
  node_.checks.selector_made(config.peers, config.peers_number);
  core_.emplace(config,
                peer_selector::Core::Self{world_.network, node_.key,
                                          Instance{world_.random.next() | 1}, "sim"},
                world_.random.next(), now());
  node_.admission_link.bind();
  node_.selector_link.connect();
}

void SelectorShell::engine_says(const link::EngineToSelector& item) {
  node_.checks.selector_is_told(item);
  peer_selector::Core& core = *core_;
  std::visit(Cases{[&](const link::Hello&) { core.engine_attached(now()); },
                   [&](const link::Want& it) { core.wanted(it, now()); },
                   [&](const link::AddTargets& it) { core.targets_added(it, now()); },
                   [&](const link::ClearTargets& it) { core.targets_cleared(it, now()); },
                   [&](const link::End& it) { core.ended(it, now()); },
                   [&](const link::Judged& it) { core.judged(it, now()); },
                   [&](const link::Room& it) { core.room_granted(it); },
                   [&](const link::Describe& it) { core.described(it, now()); },
                   [&](const link::Explain& it) { core.explained(it, now()); },
                   [&](const report::PeerSet& it) { core.peer_set_came(it, now()); },
                   [&](const report::PeerAdd& it) { core.peer_added(it, now()); },
                   [&](const report::PeerRemove& it) { core.peer_removed(it, now()); },
                   [&](const report::PeerBlock& it) { core.block_ordered(it, now()); },
                   [&](const report::PeerUnblock& it) { core.unblock_ordered(it, now()); },
                   [&](const report::PeerList& it) { core.peers_listed(it, now()); }},
             item);
}

void SelectorShell::producer_says(const link::ProducerToSelector& item) {
  std::visit(Cases{[&](const link::Hello&) { core_->producer_attached(); },
                   [&](const report::Done& it) { core_->synced(it.call); }},
             item);
}

void SelectorShell::peer_says(peer_selector::PeerIndex peer, int server, std::uint64_t line,
                              const peer::FromServer& item) {
  hears([this, peer, server, line, item] {
    if (!world_.wire->is_open(node_.number, peer, line)) return;
    heard("n" + std::to_string(server), item);
    peer_selector::Core& core = *core_;
    std::visit(Cases{[&](const peer::Hello& it) { core.hello_received(peer, it, now()); },
                     [&](const peer::Pong& it) { core.pong_received(peer, it, now()); },
                     [&](const peer::Value& it) {
                       core.value_received(peer, it.request, it.value, now());
                     },
                     [&](const peer::NoData& it) {
                       core.no_data_received(peer, it.request,
                                             std::chrono::milliseconds(it.remembered_ms), now());
                     },
                     [&](const peer::Have& it) { core.have_received(peer, it.key, now()); },
                     [&](const peer::Forgotten&) { core.forgotten_received(peer, now()); },
                     [&](const peer::Overloaded& it) {
                       core.overloaded_received(
                           peer, it.request, std::chrono::milliseconds(it.retry_after_ms), now());
                     },
                     [&](const peer::TooLarge& it) {
                       core.too_large_received(peer, it.request, it.size, now());
                     },
                     [&](const peer::Refused& it) { core.refused_received(peer, it, now()); }},
               item);
  });
}

std::size_t SelectorShell::flush() {
  std::size_t count = 0;
  core_->dispatch(now());
  for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
    count += effects.size();
    for (const auto& effect : effects) std::visit([&](const auto& it) { carry_out(it); }, effect);
  }
  return count;
}

void SelectorShell::carry_out(const peer_selector::Open& open) {
  world_.log.line(now(), name(), "opens", open.key);
  if (world_.faults && world_.random.chance(0.01)) {
    return core_->open_failed(open.peer, "too many open files", now());
  }
  world_.wire->open(node_.number, open.peer, node_of(open.key));
}

void SelectorShell::carry_out(const peer_selector::Close& close) {
  world_.log.line(now(), name(), "closes", std::to_string(close.peer));
  world_.wire->close(node_.number, close.peer);
}

// A pipe may be full; pings are lost in it, asks are said to be.
void SelectorShell::carry_out(const peer_selector::ToPeer& to) {
  const auto* ask = std::get_if<peer::Ask>(&to.item);
  if (ask != nullptr) node_.checks.asks(world_.wire->server_of(node_.number, to.peer), *ask);
  if (!world_.faults || !world_.random.chance(0.002)) {
    return world_.wire->ask(node_.number, to.peer, to.item);
  }
  if (ask == nullptr) return;
  core_->send_failed(to.peer, ask->request, now());
}

void SelectorShell::carry_out(const peer_selector::ToEngine& to) {
  node_.checks.selector_says(to.item);
  node_.selector_link.to_bound(to.item);
}

void SelectorShell::carry_out(const peer_selector::ToProducer& to) {
  if (const auto* admission = std::get_if<link::Admission>(&to.item)) {
    node_.checks.selector_admits(*admission);
  }
  node_.admission_link.to_connected(to.item);
}

}  // namespace quarry::sim
