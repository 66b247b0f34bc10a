// What goes wrong, when and for how long: drawn from the seed, of the kinds that this seed has.
#pragma once

#include "tests/sim/world.hpp"

namespace quarry::sim {

enum class Fault : std::uint8_t {
  partition,  // one direction between two nodes
  slow_node,
  silent_node,    // answers pings, and no ask
  confused_node,  // answers what it never meant
  broken_lines,   // all connections of a node
  held_up,        // an actor that does not run for a while
  engine_dies,    // alone: the other actors of its node go on
  selector_dies,
  consumer_dies,
  producer_dies,
  node_dies,
  node_stops,     // in good order, and comes back
  selector_anew,  // attaches to the Engine anew
  ill_verifier,
  ill_storage,
  worker_dies,
  worker_reconnects,
  peers_change,  // added, removed, only served; sets that are old or come out of order
  block,         // by an operator's word
  client_vanishes,
};
constexpr int kFaults = 20;

class Faults {
 public:
  explicit Faults(World& world) : world_(world) {}
  void begin() { next(); }
  // From now on everybody is there, honest but the liars, and well.
  void stop();

 private:
  void next();
  void strike(Fault fault);
  void strike_node(Fault fault, Node& node);
  void strike_workers(Fault fault, Node& node);
  void restart(Node& node, bool in_good_order);
  void wait_until_stopped(Node& node, std::uint64_t life);
  void change_peers(Node& node);
  Node& any_node();

  World& world_;
  bool stopped_ = false;
};

// All nodes as an operator's file lists them.
std::vector<report::PeerEntry> all_peers(int nodes);

}  // namespace quarry::sim
