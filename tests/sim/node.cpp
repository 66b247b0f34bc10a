#include "tests/sim/node.hpp"

namespace quarry::sim {

Node::Node(World& in, int its_number)
    : world(in),
      number(its_number),
      key(peer_key(its_number)),
      checks(in, its_number),
      engine(*this),
      selector(*this),
      consumer(*this),
      producer(*this),
      selector_link(
          in, engine, [this](const auto& item) { engine.selector_says(item); }, selector,
          [this](const auto& item) { selector.engine_says(item); }),
      consumer_link(
          in, engine, [this](const auto& item) { engine.consumer_says(item); }, consumer,
          [this](const auto& item) { consumer.engine_says(item); }),
      producer_link(
          in, engine, [this](const auto& item) { engine.producer_says(item); }, producer,
          [this](const auto& item) { producer.engine_says(item); }),
      admission_link(
          in, selector, [this](const auto& item) { selector.producer_says(item); }, producer,
          [this](const auto& item) { producer.selector_says(item); }) {
  Random& random = in.random;
  for (int n = random.from(1, 3); n > 0; --n) {
    const auto credit = static_cast<std::uint32_t>(random.one_of(1, 4, 64));
    verifiers.push_back(std::make_unique<Worker>(*this, WorkerRole::verifier, n, credit));
  }
  for (int n = random.from(1, 2); n > 0; --n) {
    storages.push_back(std::make_unique<Worker>(*this, WorkerRole::storage, n, 64));
  }
  for (int n = 1; n <= in.settings.clients; ++n) {
    clients.push_back(std::make_unique<Client>(*this, n));
  }
}

void Node::start() {
  ++life_;
  alive_ = true;
  engine.start();
  selector.start();
  consumer.start();
  producer.start();
}

// All at once, with what they knew; what is on disk stays.
void Node::kill() {
  ++life_;
  alive_ = false;
  engine.die();
  selector.die();
  consumer.die();
  producer.die();
  world.wire->close_all(number);
  checks.node_killed();
  for (const auto& client : clients) client->node_is_gone();
}

// It takes its clients' connections along, and what it owed them.
void Node::restart_engine(Duration down) {
  engine.die();
  checks.engine_died();
  for (const auto& client : clients) client->node_is_gone();
  start_again(engine, down);
}

// It takes its connections to peers along, and what it knew of them.
void Node::restart_selector(Duration down) {
  selector.die();
  checks.selector_died();
  world.wire->close_all(number);
  start_again(selector, down);
}

void Node::restart_bridge(Actor& bridge, Duration down) {
  bridge.die();
  start_again(bridge, down);
}

void Node::start_again(Actor& actor, Duration down) {
  world.events.after(down, [this, &actor, life = life_] {
    if (life_ == life && !actor.alive()) actor.start();
  });
}

}  // namespace quarry::sim
