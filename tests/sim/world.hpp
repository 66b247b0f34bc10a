// All that the parts of a simulation share: time, chance, the log, what is true, and the settings
// of this seed. Everything that is drawn is drawn from the seed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "actors/consumer_bridge/config.hpp"
#include "actors/engine/config.hpp"
#include "actors/peer_selector/config.hpp"
#include "actors/peer_selector/random.hpp"
#include "actors/producer_bridge/config.hpp"
#include "tests/sim/events.hpp"
#include "tests/sim/log.hpp"

namespace quarry::sim {

class Random : public peer_selector::Random {
 public:
  using peer_selector::Random::Random;
  bool chance(double part) { return unit() < part; }
  int from(int least, int most) {
    return least + static_cast<int>(below(static_cast<std::size_t>(most - least + 1)));
  }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<std::int64_t>(unit() *
                                                      static_cast<double>((most - least).count())));
  }
  template <class Element, class... More>
  Element one_of(Element first, More... more) {
    const Element all[] = {first, more...};
    return all[below(1 + sizeof...(more))];
  }
  template <class List>
  auto& any(List& list) {
    return list[below(list.size())];
  }
};

// What a run is like: drawn from its seed.
struct Settings {
  Settings(Random& random, int most_nodes);

  int nodes, keys, clients;                      // clients of each node
  double fetches_per_s;                          // of each client
  int liars = 0;                                 // nodes whose storages lie, the last ones
  double lost = 0, doubled = 0, overtaking = 0;  // of messages between nodes
  Duration longest_way = 10ms;                   // from node to node
  Duration between_faults = 500ms;
  std::uint32_t faults = 0;  // which kinds: a bit each
  double partial = 0;        // of verdicts on right values
  engine::Config engine;
  peer_selector::Config selector;
  consumer_bridge::Config consumer;
  producer_bridge::Config producer;
};

// The keys, and what is right for each.
class Truth {
 public:
  Truth(Random& random, int keys, std::uint32_t max_value);

  int keys() const { return static_cast<int>(right_.size()); }
  static Key key(int number);
  static int number(const Key& key);
  const Payload& right(int key) const { return right_[static_cast<std::size_t>(key)]; }
  const Payload& wrong(int key) const { return wrong_[static_cast<std::size_t>(key)]; }
  bool is_right(const Key& key, const Payload& value) const { return value == right(number(key)); }

 private:
  std::vector<Payload> right_, wrong_;
};

PeerKey peer_key(int node);
int node_of(const PeerKey& key);

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t events = 20'000;  // at least, while faults are about
  std::uint64_t fetches = 200;    // at least
  std::uint64_t check_every = 1;  // turns of an actor
  int most_nodes = 20;
  bool faults = true;
  std::FILE* log = nullptr;
};

class Wire;
class Node;

// From a node's door to whoever stands there.
inline constexpr Duration kWay = 30us;

struct World {
  explicit World(const Options& options);
  ~World();
  // Says why and where, and ends the program.
  [[noreturn]] void fail(const std::string& why) const;

  const std::uint64_t seed;
  const std::uint64_t check_every;
  bool faults;  // something may still go wrong
  Events events;
  Random random;
  Log log;
  Settings settings;
  Network network;
  Truth truth;
  std::uint64_t fetches = 0;  // asked for by clients
  std::unique_ptr<Wire> wire;
  std::vector<std::unique_ptr<Node>> nodes;
};

}  // namespace quarry::sim
