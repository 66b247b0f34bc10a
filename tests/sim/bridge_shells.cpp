#include <algorithm>

#include "tests/sim/cases.hpp"
#include "tests/sim/node.hpp"

namespace quarry::sim {
namespace {

worker::Welcome welcome(const Network& network) {
  return {network.name, network.key_length, network.max_value, "sim"};
}

// Where something is said to a peer: its connection.
template <class Item>
const producer_bridge::Route* route_of(const producer_bridge::ToPeer<Item>& to) {
  return &to.route;
}
template <class Item>
const producer_bridge::Route* route_of(const Item&) {
  return nullptr;
}

}  // namespace

// --- ConsumerBridge -----------------------------------------------------------------------------

ConsumerShell::ConsumerShell(Node& node)
    : Actor(node.world, "n" + std::to_string(node.number) + ".consumer"), node_(node) {}

void ConsumerShell::made() {
  door_ = {};
  core_.emplace(world_.settings.consumer, world_.random.next());
  node_.consumer_link.connect();
}

void ConsumerShell::engine_says(const link::EngineToConsumer& item) {
  node_.checks.consumer_is_told(item);
  std::visit(Cases{[&](const link::Hello&) { core_->engine_attached(); },
                   [&](const link::Judge& it) { core_->judge_received(it, now()); },
                   [&](const link::Abort& it) { core_->abort_received(it); },
                   [&](const link::Survey& it) { core_->survey_received(it, now()); }},
             item);
}

void ConsumerShell::worker_says(const Door::Route& from, const worker::FromWorker& item) {
  hears([this, from, item] {
    const workers::WorkerId worker = door_.name_of(from);
    heard(from.first->name(), item);
    std::visit(Cases{[&](const worker::Hello& it) { core_->hello_received(worker, it, now()); },
                     [&](const worker::Verdict& it) { core_->verdict_received(worker, it, now()); },
                     [&](const worker::Failed& it) { core_->failed_received(worker, it, now()); },
                     [&](const worker::Pong& it) { core_->pong_received(worker, it, now()); },
                     [&](const worker::Bye&) { core_->bye_received(worker, now()); },
                     [&](const worker::Have&) { core_->nonsense_received(worker, {}, now()); },
                     [&](const auto& it) { core_->nonsense_received(worker, it.job, now()); }},
               item);
  });
}

std::size_t ConsumerShell::flush() {
  std::size_t count = 0;
  for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
    count += effects.size();
    for (const auto& effect : effects) std::visit([&](const auto& it) { carry_out(it); }, effect);
  }
  return count;
}

template <class Item>
void ConsumerShell::carry_out(const Item& item) {
  if constexpr (std::is_same_v<Item, link::Verdict>) node_.checks.consumer_says(item);
  node_.consumer_link.to_bound(item);
}

// A worker that is gone is noticed when something is sent to it.
void ConsumerShell::tell(workers::WorkerId worker, const worker::FromDoor& item) {
  const Door::Route* route = door_.find(worker);
  if (route == nullptr || route->first->takes(route->second, item)) return;
  door_.forget(worker);
  hears(now(), [this, worker] { core_->worker_gone(worker, now()); });
}

void ConsumerShell::carry_out(const workers::Welcome& it) {
  tell(it.worker, welcome(world_.network));
}

void ConsumerShell::carry_out(const workers::Refuse& refuse) {
  tell(refuse.worker, worker::Refused{refuse.reason, refuse.detail});
  if (!core_->knows(refuse.worker)) door_.forget(refuse.worker);
}

void ConsumerShell::carry_out(const consumer_bridge::Forget& forget) {
  if (!core_->knows(forget.worker)) door_.forget(forget.worker);
}

// --- ProducerBridge -----------------------------------------------------------------------------

ProducerShell::ProducerShell(Node& node)
    : Actor(node.world, "n" + std::to_string(node.number) + ".producer"), node_(node) {}

void ProducerShell::made() {
  door_ = {};
  admitted_.clear();
  node_.checks.producer_made();
  core_.emplace(world_.settings.producer,
                producer_bridge::Self{world_.network, Instance{world_.random.next() | 1}, "sim"},
                world_.random.next());
  node_.producer_link.connect();
  node_.admission_link.connect();
}

void ProducerShell::engine_says(const link::EngineToProducer& item) {
  node_.checks.producer_is_told(item);
  std::visit(Cases{[&](const link::Hello&) { core_->engine_attached(now()); },
                   [&](const link::LookUp& it) { core_->look_up_received(it, now()); },
                   [&](const link::Keep& it) { core_->keep_received(it, now()); },
                   [&](const link::Remove& it) { core_->remove_received(it, now()); },
                   [&](const link::Survey& it) { core_->survey_received(it, now()); },
                   [&](const report::StoredList& it) { core_->list_received(it, now()); }},
             item);
}

void ProducerShell::selector_says(const link::SelectorToProducer& item) {
  node_.checks.producer_is_told(item);
  std::visit(Cases{[&](const link::Hello&) { core_->selector_attached(); },
                   [&](const link::Admission& it) { core_->admission_received(it); },
                   [&](const link::Sync& it) { core_->sync_received(it); }},
             item);
}

void ProducerShell::worker_says(const Door::Route& from, const worker::FromWorker& item) {
  hears([this, from, item] {
    const workers::WorkerId worker = door_.name_of(from);
    heard(from.first->name(), item);
    producer_bridge::Core& core = *core_;
    std::visit(
        Cases{[&](const worker::Hello& it) { core.hello_received(worker, it, now()); },
              [&](const worker::Found& it) { core.found_received(worker, it, now()); },
              [&](const worker::NoData& it) { core.no_data_received(worker, it, now()); },
              [&](const worker::TooLarge& it) { core.too_large_received(worker, it, now()); },
              [&](const worker::Done& it) { core.done_received(worker, it, now()); },
              [&](const worker::Listed& it) { core.listed_received(worker, it, now()); },
              [&](const worker::Failed& it) { core.failed_received(worker, it, now()); },
              [&](const worker::Have& it) { core.have_received(worker, it, now()); },
              [&](const worker::Pong& it) { core.pong_received(worker, it, now()); },
              [&](const worker::Bye&) { core.bye_received(worker, now()); },
              [&](const worker::Verdict& it) { core.nonsense_received(worker, it.job, now()); }},
        item);
  });
}

void ProducerShell::peer_says(const PeerKey& peer, const Route& route,
                              const peer::FromAsker& item) {
  hears([this, peer, route, item] {
    heard("n" + std::to_string(node_of(peer)), item);
    switch (core_->heard(peer, route, now())) {
      case producer_bridge::Core::Standing::served:
        break;
      case producer_bridge::Core::Standing::refused:
        return;
      case producer_bridge::Core::Standing::shut_down:
        return world_.wire->cut(route);
    }
    std::visit(Cases{[&](const peer::Hello&) { core_->hello_received(route); },
                     [&](const peer::Ping& it) { core_->ping_received(route, it); },
                     [&](const peer::Ask& it) { core_->ask_received(peer, route, it, now()); },
                     [&](const peer::Forget& it) { core_->forget_received(peer, it); }},
               item);
  });
}

void ProducerShell::sent_on(const Route& route, std::uint64_t waiting) {
  hears([this, route, waiting] { core_->replies_waiting(route, waiting, now()); });
}

// What is dropped later in the same turn is not sent.
std::size_t ProducerShell::flush() {
  using producer_bridge::DropReplies, producer_bridge::Effect;
  std::size_t count = 0;
  for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
    count += effects.size();
    for (auto effect = effects.begin(); effect != effects.end(); ++effect) {
      const auto is_dropped = [&](const producer_bridge::Route* route) {
        return route != nullptr &&
               std::find(effect, effects.end(), Effect(DropReplies{*route})) != effects.end();
      };
      const auto carry_out_unless_dropped = [&](const auto& it) {
        if (!is_dropped(route_of(it))) carry_out(it);
      };
      std::visit(carry_out_unless_dropped, *effect);
    }
  }
  return count;
}

template <class Item>
void ProducerShell::carry_out(const Item& item) {
  node_.checks.producer_says(item);
  node_.producer_link.to_bound(item);
}

template <class Item>
void ProducerShell::carry_out(const producer_bridge::ToPeer<Item>& to) {
  if constexpr (std::is_same_v<Item, peer::Value>) {
    if (const Line* line = world_.wire->find(to.route)) node_.checks.serves(line->asker);
  }
  if (world_.wire->answer(to.route, to.item)) {
    if constexpr (std::is_same_v<Item, peer::Value>) {
      const Line* line = world_.wire->find(to.route);
      core_->replies_waiting(to.route, line->waiting, now());
    }
    return;
  }
  hears(now(), [this, route = to.route] { core_->connection_gone(route, now()); });
}

void ProducerShell::carry_out(const producer_bridge::DropReplies& drop) {
  world_.wire->drop_waiting(drop.route);
}

void ProducerShell::tell(workers::WorkerId worker, const worker::FromDoor& item) {
  const Door::Route* route = door_.find(worker);
  if (route == nullptr || route->first->takes(route->second, item)) return;
  door_.forget(worker);
  hears(now(), [this, worker] { core_->worker_gone(worker, now()); });
}

void ProducerShell::carry_out(const workers::Welcome& it) {
  tell(it.worker, welcome(world_.network));
}

void ProducerShell::carry_out(const workers::Refuse& refuse) {
  tell(refuse.worker, worker::Refused{refuse.reason, refuse.detail});
}

void ProducerShell::carry_out(const producer_bridge::ToSelector& to) {
  node_.admission_link.to_bound(to.item);
}

}  // namespace quarry::sim
