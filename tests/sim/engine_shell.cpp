#include "tests/sim/cases.hpp"
#include "tests/sim/node.hpp"

namespace quarry::sim {
using engine::Part;

EngineShell::EngineShell(Node& node)
    : Actor(node.world, "n" + std::to_string(node.number) + ".engine"), node_(node) {}

void EngineShell::made() {
  clients_.clear();
  core_.emplace(world_.settings.engine,
                engine::Self{node_.key, Instance{world_.random.next() | 1}, world_.network, name(),
                             "sim", ""},
                world_.random.next(), now());
  node_.selector_link.bind();
  node_.consumer_link.bind();
  node_.producer_link.bind();
}

engine::ClientId EngineShell::connected(Client& client) {
  const engine::ClientId id{++last_client_};
  clients_[id] = &client;
  return id;
}

void EngineShell::client_says(engine::ClientId client, const control::FromClient& item) {
  if (!clients_.contains(client)) return;
  heard("client" + std::to_string(client.value), item);
  engine::Core& core = *core_;
  std::visit(
      [&](const auto& it) {
        if constexpr (requires { it.call; }) node_.checks.calls(client, it.call);
      },
      item);
  const auto commanded = [&](const auto& it) { core.peers_commanded(client, it, now()); };
  std::visit(Cases{[&](const control::Hello&) { core.client_greeted(client, now()); },
                   [&](const control::Fetch& it) {
                     node_.checks.subscribes(client, it);
                     core.fetch_asked(client, it, now());
                   },
                   [&](const control::Withdraw& it) { core.withdraw_asked(client, it, now()); },
                   [&](const control::Cancel& it) { core.cancel_asked(client, it, now()); },
                   [&](const control::Clear& it) { core.clear_asked(client, it, now()); },
                   [&](const control::Retain& it) { core.retain_asked(client, it, now()); },
                   [&](const control::Put& it) { core.put_asked(client, it, now()); },
                   [&](const control::Remove& it) { core.remove_asked(client, it, now()); },
                   [&](const report::StoredList& it) { core.list_asked(client, it, now()); },
                   [&](const control::Status& it) { core.status_asked(client, it, now()); },
                   [&](const report::Explain& it) { core.explain_asked(client, it, now()); },
                   [&](const control::Pong&) {},
                   [&](const control::Bye&) {
                     clients_.erase(client);
                     node_.checks.client_left(client);
                     core.client_gone(client, now());
                   },
                   commanded},
             item);
}

void EngineShell::stop() {
  heard("operator", "stop");
  core_->stop_asked(now());
}

void EngineShell::selector_says(const link::SelectorToEngine& item) {
  engine::Core& core = *core_;
  std::visit(
      Cases{[&](const link::Hello&) { core.selector_attached(now()); },
            [&](const link::Answer& it) { core.answer_received(it, now()); },
            [&](const link::Waits& it) { core.waits_received(it, now()); },
            [&](const report::PeerInfo& it) { core.peer_info_received(it); },
            [&](const report::AskInfo& it) { core.ask_info_received(it); },
            [&](const report::Counter& it) { core.counter_received(it); },
            [&](const report::Done& it) { core.done_received(Part::selector, it, now()); },
            [&](const report::Failed& it) { core.failed_received(Part::selector, it, now()); }},
      item);
}

void EngineShell::consumer_says(const link::ConsumerToEngine& item) {
  engine::Core& core = *core_;
  std::visit(Cases{[&](const link::Hello&) { core.consumer_attached(now()); },
                   [&](const link::Verdict& it) { core.verdict_received(it, now()); },
                   [&](const link::Attached& it) { core.workers_attached(it, now()); },
                   [&](const report::WorkerInfo& it) { core.worker_info_received(it); },
                   [&](const report::Counter& it) { core.counter_received(it); },
                   [&](const report::Done& it) { core.done_received(Part::consumer, it, now()); }},
             item);
}

void EngineShell::producer_says(const link::ProducerToEngine& item) {
  engine::Core& core = *core_;
  std::visit(
      Cases{[&](const link::Hello&) { core.producer_attached(now()); },
            [&](const link::Found& it) { core.found_received(it, now()); },
            [&](const link::NoData& it) { core.no_data_received(it, now()); },
            [&](const link::TooLarge& it) { core.too_large_received(it, now()); },
            [&](const link::Attached& it) { core.workers_attached(it, now()); },
            [&](const report::WorkerInfo& it) { core.worker_info_received(it); },
            [&](const report::Stored& it) { core.stored_received(it); },
            [&](const report::Counter& it) { core.counter_received(it); },
            [&](const report::Done& it) { core.done_received(Part::producer, it, now()); },
            [&](const report::Failed& it) { core.failed_received(Part::producer, it, now()); }},
      item);
}

std::size_t EngineShell::flush() {
  std::size_t count = 0;
  for (auto effects = core_->take_effects(); !effects.empty(); effects = core_->take_effects()) {
    count += effects.size();
    for (const auto& effect : effects) std::visit([&](const auto& it) { carry_out(it); }, effect);
  }
  return count;
}

// A client that is gone is noticed when something is sent to it.
void EngineShell::carry_out(const engine::ToClient& to) {
  const auto at = clients_.find(to.client);
  if (at == clients_.end()) return;
  node_.checks.client_is_told(to.client, to.item);
  if (at->second->takes(to.client, to.item)) return;
  clients_.erase(at);
  hears(now(), [this, client = to.client] {
    node_.checks.client_left(client);
    core_->client_gone(client, now());
  });
}

// It has been refused as a whole.
void EngineShell::carry_out(const engine::Forget& forget) {
  clients_.erase(forget.client);
  node_.checks.client_left(forget.client);
}

void EngineShell::carry_out(const engine::ToSelector& to) {
  node_.selector_link.to_connected(to.item);
}
void EngineShell::carry_out(const engine::ToConsumer& to) {
  node_.consumer_link.to_connected(to.item);
}
void EngineShell::carry_out(const engine::ToProducer& to) {
  node_.producer_link.to_connected(to.item);
}

}  // namespace quarry::sim
