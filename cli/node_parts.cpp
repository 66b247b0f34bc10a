#include "cli/node_parts.hpp"

#include <utility>

#include "actors/consumer_bridge/actor.hpp"
#include "actors/engine/actor.hpp"
#include "actors/peer_selector/actor.hpp"
#include "actors/producer_bridge/actor.hpp"
#include "actors/workers/digest_verifier.hpp"
#include "actors/workers/lmdb_storage.hpp"
#include "actors/workers/worker_actor.hpp"
#include "bus/clock.hpp"

namespace quarry::cli {

NodeParts::NodeParts(NodeOptions its) : options(std::move(its)), home(options.home) {
  node.network = options.network;
  node.instance = Instance{bus::random_u64()};
  node.name = options.name;
  node.agent = "quarry/" QUARRY_VERSION;
  node.listen = options.listen;
  node.advertised = options.advertised;
  node.control_door.push_back(home.control_endpoint());
  node.verifier_door.push_back(home.verifier_endpoint());
  node.storage_door.push_back(home.storage_endpoint());
  if (options.placement != Placement::processes) return;
  node.consumer_link = "ipc://" + home.consumer_socket().string();
  node.producer_link = "ipc://" + home.producer_socket().string();
  node.admission_link = "ipc://" + home.admission_socket().string();
}

Result<> NodeParts::open() {
  return bus::Identity::load(home.key_file()).map([&](bus::Identity identity) {
    node.identity = std::move(identity);
  });
}

Result<> NodeParts::open_store() {
  return workers::LmdbStore::open(home.store(), node.network.key_length).map([&](auto opened) {
    store_ = std::move(opened);
  });
}

NodeParts::Make NodeParts::worker(const std::string& door, Work work) {
  return
      [this, door, work = std::move(work)](bus::Loop& loop) -> Result<std::unique_ptr<bus::Actor>> {
        auto made = work();
        if (!made) return tl::unexpected(made.error());
        return workers::WorkerActor::open(loop, context, node.network, door, std::move(*made));
      };
}

NodeParts::Make NodeParts::engine() {
  return [this](bus::Loop& loop) { return engine::Actor::open(loop, context, node, {}); };
}

NodeParts::Make NodeParts::selector() {
  return [this](bus::Loop& loop) {
    peer_selector::Config config;
    config.peers = peers;
    config.hedge_budget = options.hedge_budget;
    config.requests_per_second = options.requests_per_second;
    config.remember = options.remember;
    return peer_selector::Actor::open(loop, context, node, std::move(config),
                                      home.state() / "peers");
  };
}

std::vector<NodeParts::Make> NodeParts::consumer() {
  std::vector<Make> parts;
  // Where keys are no digests there is nothing to compare: a verifier has to be attached.
  if (verifies()) {
    parts.push_back(worker(node.verifier_door.front(), [this] {
      return workers::DigestVerifier::open(node.network.digest, node.network.key_length);
    }));
  }
  parts.push_back(
      [this](bus::Loop& loop) { return consumer_bridge::Actor::open(loop, context, node, {}); });
  return parts;
}

NodeParts::Make NodeParts::producer() {
  return [this](bus::Loop& loop) {
    producer_bridge::Config config;
    config.keep_in = options.keep_in;
    return producer_bridge::Actor::open(loop, context, node, std::move(config));
  };
}

std::vector<NodeParts::Make> NodeParts::reader() {
  if (!store_) return {};
  return {
      worker(node.storage_door.front(), [this] { return workers::LmdbStorage::reader(store_); })};
}

std::vector<NodeParts::Make> NodeParts::writer() {
  if (!store_) return {};
  return {
      worker(node.storage_door.front(), [this] { return workers::LmdbStorage::writer(store_); })};
}

}  // namespace quarry::cli
