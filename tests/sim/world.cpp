#include "tests/sim/world.hpp"

#include <cstdlib>
#include <cstring>

#include "tests/sim/node.hpp"

namespace quarry::sim {
namespace {

constexpr std::uint32_t kMaxValue = 128 * 1024;

Network small_network() {
  Network network;
  network.name = "sim";
  network.key_length = 8;
  network.max_value = kMaxValue;
  network.digest.clear();
  return network;
}

}  // namespace

Settings::Settings(Random& random, int most_nodes) {
  nodes = random.from(std::min(3, most_nodes), most_nodes);
  keys = random.from(20, 400);
  clients = random.from(1, 3);
  fetches_per_s = (0.5 + 20 * random.unit()) / (nodes * clients);
  liars = random.chance(0.5) ? random.from(0, nodes / 3) : 0;
  if (random.chance(0.5)) {
    lost = 0.03 * random.unit();
    doubled = 0.03 * random.unit();
    overtaking = 0.1 * random.unit();
  }
  longest_way = random.between(1ms, 80ms);
  between_faults = random.between(20ms, 1s);
  faults = static_cast<std::uint32_t>(random.next() | random.next());
  partial = random.chance(0.5) ? 0.3 * random.unit() : 0;

  engine.answer_slots = static_cast<std::uint32_t>(random.one_of(1, 4, 64, 4096));
  engine.answer_bytes = kMaxValue * static_cast<std::uint64_t>(random.one_of(1, 4, 1024));
  engine.max_fetches = static_cast<std::uint32_t>(random.one_of(20, 100'000, 100'000));
  engine.max_subscriptions = static_cast<std::uint32_t>(random.one_of(30, 100'000, 100'000));
  selector.requests_per_second = random.one_of(20.0, 1e6, 1e6);
  selector.retries_per_second = random.one_of(50.0, 2000.0);
  selector.in_flight_cap = static_cast<std::uint32_t>(random.one_of(1, 8, 2048));
  selector.hedge_budget = random.one_of(0.0, 0.05, 0.5);
  // Shorter than kWithin in main.cpp: a `have` may be lost, and a confused node may promise one.
  selector.remember = random.one_of<Duration>(0s, 60s, 60s);
  selector.remember_cap = 120s;
  selector.cooldown = random.one_of<Duration>(0ms, 1s);
  selector.block = 20s;
  selector.block_cap = 60s;
  selector.set_aside = 20s;
  selector.late_for = 5s;
  consumer.job_deadline = random.one_of<Duration>(1s, 5s);
}

Truth::Truth(Random& random, int keys, std::uint32_t max_value) {
  for (int n = 0; n < keys; ++n) {
    std::size_t size = random.below(2000);
    if (random.chance(0.05)) size = random.below(max_value + 1);
    if (random.chance(0.01)) size = 0;
    std::string value = "right " + std::to_string(n) + " ";
    value.resize(std::max(size, value.size()), 'v');
    if (size == 0) value.clear();
    right_.push_back(Payload::of(value));
    wrong_.push_back(Payload::of("wrong " + std::to_string(n)));
  }
}

Key Truth::key(int number) {
  std::string text(8, '\0');
  std::memcpy(text.data() + 4, &number, sizeof number);
  return Key(text);
}

int Truth::number(const Key& key) {
  int number = 0;
  std::memcpy(&number, key.view().data() + 4, sizeof number);
  return number;
}

PeerKey peer_key(int node) {
  PeerKey key;
  key.bytes[0] = std::byte(node);
  key.bytes[31] = std::byte{1};
  return key;
}

int node_of(const PeerKey& key) { return std::to_integer<int>(key.bytes[0]); }

World::World(const Options& options)
    : seed(options.seed),
      check_every(options.check_every),
      faults(options.faults),
      random(options.seed),
      log(options.log),
      settings(random, options.most_nodes),
      network(small_network()),
      truth(random, settings.keys, kMaxValue),
      wire(std::make_unique<Wire>(*this)) {
  if (!faults) {
    settings.liars = 0;
    settings.lost = settings.doubled = settings.overtaking = settings.partial = 0;
  }
  for (int n = 0; n < settings.nodes; ++n) nodes.push_back(std::make_unique<Node>(*this, n));
  const int honest = settings.nodes - settings.liars;
  for (int key = 0; key < truth.keys(); ++key) {
    for (int copies = random.from(0, 4); copies > 0; --copies) {
      nodes[static_cast<std::size_t>(random.from(0, honest - 1))]->store[key] = truth.right(key);
    }
  }
}

World::~World() = default;

void World::fail(const std::string& why) const {
  std::fprintf(stderr, "sim: seed %llu, event %llu, at %lld ns: %s\n",
               static_cast<unsigned long long>(seed),
               static_cast<unsigned long long>(events.happened()),
               static_cast<long long>(events.now().time_since_epoch().count()), why.c_str());
  std::exit(1);
}

}  // namespace quarry::sim
