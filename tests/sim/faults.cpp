#include "tests/sim/faults.hpp"

#include "tests/sim/node.hpp"

namespace quarry::sim {

std::vector<report::PeerEntry> all_peers(int nodes) {
  std::vector<report::PeerEntry> peers;
  for (int n = 0; n < nodes; ++n) {
    peers.push_back({peer_key(n), "tcp://n" + std::to_string(n) + ":1", PeerRole::primary, ""});
  }
  return peers;
}

Node& Faults::any_node() { return *world_.random.any(world_.nodes); }

void Faults::next() {
  world_.events.after(world_.random.between(0ms, 2 * world_.settings.between_faults), [this] {
    if (stopped_) return;
    const auto fault = static_cast<Fault>(world_.random.below(kFaults));
    if ((world_.settings.faults >> static_cast<unsigned>(fault) & 1) != 0) strike(fault);
    next();
  });
}

void Faults::strike(Fault fault) {
  Node& node = any_node();
  Random& random = world_.random;
  const Duration time = random.between(100ms, 5s);
  world_.log.line(world_.events.now(), "fault", fault, node.key);
  switch (fault) {
    case Fault::partition:
      return world_.wire->part(node.number, any_node().number, time);
    case Fault::slow_node:
      return world_.wire->slow_down(node.number, time);
    case Fault::silent_node:
      return world_.wire->silence(node.number, time);
    case Fault::confused_node:
      return world_.wire->confuse(node.number, time);
    case Fault::broken_lines:
      return world_.wire->reset_lines_of(node.number);
    case Fault::client_vanishes:
      return random.any(node.clients)->leave(random.chance(0.5));
    case Fault::peers_change:
      return change_peers(node);
    case Fault::block: {
      const PeerKey peer = peer_key(random.from(0, world_.settings.nodes - 1));
      if (random.chance(0.5)) {
        const auto ms = static_cast<std::uint64_t>(random.from(0, 20'000));
        return node.clients.front()->command(report::PeerBlock{{}, peer, ms});
      }
      return node.clients.front()->command(report::PeerUnblock{{}, peer});
    }
    case Fault::ill_verifier:
    case Fault::ill_storage:
    case Fault::worker_dies:
    case Fault::worker_reconnects:
      return strike_workers(fault, node);
    default:
      return strike_node(fault, node);
  }
}

void Faults::strike_node(Fault fault, Node& node) {
  Random& random = world_.random;
  if (!node.alive()) return;
  switch (fault) {
    case Fault::held_up:
      return random.one_of<Actor*>(&node.engine, &node.selector, &node.consumer, &node.producer)
          ->hold_up(random.between(1ms, 2s));
    case Fault::engine_dies:
      return node.restart_engine(random.between(1ms, 1s));
    case Fault::selector_dies:
      return node.restart_selector(random.between(1ms, 1s));
    case Fault::consumer_dies:
      return node.restart_bridge(node.consumer, random.between(1ms, 1s));
    case Fault::producer_dies:
      return node.restart_bridge(node.producer, random.between(1ms, 1s));
    case Fault::selector_anew:
      return node.reattach_selector();
    default:
      return restart(node, fault == Fault::node_stops);
  }
}

void Faults::strike_workers(Fault fault, Node& node) {
  Random& random = world_.random;
  const Duration time = random.between(100ms, 5s);
  auto& some = random.chance(0.5) ? node.verifiers : node.storages;
  switch (fault) {
    case Fault::worker_dies:
      return random.any(some)->die(random.between(1ms, 1s));
    case Fault::worker_reconnects:
      return random.any(some)->disconnect();
    default:
      auto& ill = fault == Fault::ill_verifier ? node.verifiers : node.storages;
      return random.any(ill)->fall_ill(static_cast<Ill>(random.below(kIlls)), time);
  }
}

void Faults::restart(Node& node, bool in_good_order) {
  if (in_good_order) {
    const std::uint64_t life = node.engine.life();
    node.engine.hears(world_.events.now(), [this, &node, life] {
      if (node.engine.life() != life) return;
      node.engine.stop();
      wait_until_stopped(node, life);
    });
    return;
  }
  node.kill();
  world_.events.after(world_.random.between(1ms, 2s), [&node] { node.start(); });
}

void Faults::wait_until_stopped(Node& node, std::uint64_t life) {
  world_.events.after(1ms, [this, &node, life] {
    if (node.engine.life() != life) return;
    if (!node.engine.stopped()) return wait_until_stopped(node, life);
    node.checks.node_stopped();
    restart(node, false);
  });
}

// Numbered sets from a provider, some of them late, and single changes by hand.
void Faults::change_peers(Node& node) {
  Random& random = world_.random;
  Client& client = *node.clients.front();
  const int n = random.from(0, world_.settings.nodes - 1);
  report::PeerEntry entry = all_peers(world_.settings.nodes)[static_cast<std::size_t>(n)];
  if (random.chance(0.2)) entry.role = PeerRole::serve_only;
  if (random.chance(0.2)) entry.endpoint = "tcp://elsewhere:1";
  switch (random.below(4)) {
    case 0:
      return client.command(report::PeerAdd{{}, entry});
    case 1:
      return client.command(report::PeerRemove{{}, entry.peer});
    default: {
      std::vector<report::PeerEntry> peers = all_peers(world_.settings.nodes);
      std::erase_if(peers, [&](const auto&) { return random.chance(0.2); });
      if (random.chance(0.3)) {
        const std::uint64_t old =
            node.peers_number - std::min<std::uint64_t>(node.peers_number, random.below(3));
        return client.command(report::PeerSet{{}, old, peers});
      }
      node.peers = peers;
      return client.command(report::PeerSet{{}, ++node.peers_number, peers});
    }
  }
}

void Faults::stop() {
  stopped_ = true;
  world_.settings.partial = 0;
  world_.faults = false;
  world_.wire->heal();
  for (const auto& node : world_.nodes) {
    for (const auto& worker : node->verifiers) worker->recover();
    for (const auto& worker : node->storages) worker->recover();
    for (const auto& client : node->clients) client->rest();
    std::erase_if(node->store,
                  [&](const auto& kept) { return kept.second != world_.truth.right(kept.first); });
  }
}

}  // namespace quarry::sim
