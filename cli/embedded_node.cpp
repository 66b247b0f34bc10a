#include "cli/embedded_node.hpp"

#include <optional>
#include <utility>

#include "actors/consumer_bridge/actor.hpp"
#include "actors/engine/actor.hpp"
#include "actors/peer_selector/actor.hpp"
#include "actors/producer_bridge/actor.hpp"
#include "actors/workers/digest_verifier.hpp"
#include "actors/workers/lmdb_storage.hpp"
#include "actors/workers/worker_actor.hpp"
#include "bus/clock.hpp"
#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/home.hpp"
#include "cli/peers_file.hpp"

namespace quarry::cli {
namespace {

using Make = bus::Thread::Make;

}  // namespace

struct EmbeddedNode::State {
  State(NodeOptions its, std::vector<Guest> theirs)
      : options(std::move(its)), guests(std::move(theirs)), home(options.home) {}
  ~State();

  Result<> start();
  Result<> describe();
  bool verifies() const { return options.verifies && !node.network.digest.empty(); }
  Result<> workers_attached();
  std::vector<std::pair<std::string, std::vector<Make>>> placed();
  Make worker(std::string door, std::function<Result<std::unique_ptr<workers::Work>>()> work);

  NodeOptions options;
  std::vector<Guest> guests;
  Home home;
  std::optional<PidLock> lock;
  Failure failure;
  bus::Context context;
  Node node;
  std::vector<report::PeerEntry> peers;
  std::shared_ptr<workers::LmdbStore> store;
  std::vector<std::unique_ptr<bus::Thread>> threads;
};

// ZeroMQ leaves the files of its ipc sockets behind. While the lock is held they are ours.
EmbeddedNode::State::~State() {
  for (auto& thread : threads) thread->stop();
  threads.clear();
  if (!lock) return;
  for (const auto& socket :
       {home.control_socket(), home.verifier_socket(), home.storage_socket()}) {
    std::error_code ignored;
    std::filesystem::remove(socket, ignored);
  }
}

Result<> EmbeddedNode::State::describe() {
  auto identity = bus::Identity::load(home.key_file());
  if (!identity) return tl::unexpected(identity.error());
  auto entries = read_peers(options.peers_file);
  if (!entries) return tl::unexpected(entries.error());
  peers = std::move(*entries);
  node.network = options.network;
  node.identity = std::move(*identity);
  node.instance = Instance{bus::random_u64()};
  node.name = options.name;
  node.agent = "quarry/" QUARRY_VERSION;
  node.listen = options.listen;
  node.advertised = options.advertised;
  node.control_door.push_back(home.control_endpoint());
  node.verifier_door.push_back(home.verifier_endpoint());
  node.storage_door.push_back(home.storage_endpoint());
  return {};
}

Make EmbeddedNode::State::worker(std::string door,
                                 std::function<Result<std::unique_ptr<workers::Work>>()> work) {
  return [this, door = std::move(door),
          work = std::move(work)](bus::Loop& loop) -> Result<std::unique_ptr<bus::Actor>> {
    auto made = work();
    if (!made) return tl::unexpected(made.error());
    return workers::WorkerActor::open(loop, context, node.network, door, std::move(*made));
  };
}

// The threads, and who lives on each.
std::vector<std::pair<std::string, std::vector<Make>>> EmbeddedNode::State::placed() {
  const Make producer = [this](bus::Loop& loop) {
    producer_bridge::Config config;
    config.keep_in = options.keep_in;
    return producer_bridge::Actor::open(loop, context, node, std::move(config));
  };
  const Make selector = [this](bus::Loop& loop) {
    peer_selector::Config config;
    config.peers = peers;
    config.hedge_budget = options.hedge_budget;
    config.requests_per_second = options.requests_per_second;
    return peer_selector::Actor::open(loop, context, node, std::move(config),
                                      home.state() / "peers");
  };
  std::vector<Make> engine = {
      [this](bus::Loop& loop) { return engine::Actor::open(loop, context, node, {}); }};
  std::vector<Make> consumer = {
      [this](bus::Loop& loop) { return consumer_bridge::Actor::open(loop, context, node, {}); }};
  // Where keys are no digests there is nothing to compare: a verifier has to be attached.
  if (verifies()) {
    consumer.push_back(worker(verifier_endpoint(), [this] {
      return workers::DigestVerifier::open(node.network.digest, node.network.key_length);
    }));
  }
  std::vector<Make> reader, writer, guest;
  if (store) {
    reader.push_back(
        worker(storage_endpoint(), [this] { return workers::LmdbStorage::reader(store); }));
    writer.push_back(
        worker(storage_endpoint(), [this] { return workers::LmdbStorage::writer(store); }));
  }
  for (const Guest& made : guests) {
    guest.push_back([this, made](bus::Loop& loop) { return made(loop, context); });
  }
  const auto joined = [](std::vector<std::vector<Make>> parts) {
    std::vector<Make> all;
    for (auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  // The producer's first: it is the one that may fail, on a port in use.
  std::vector<std::pair<std::string, std::vector<Make>>> threads_of;
  if (options.placement == Placement::one) {
    threads_of = {{"node", joined({{producer}, engine, {selector}, consumer, reader, guest})}};
  } else {
    threads_of = {{"producer", joined({{producer}, reader})},
                  {"engine", joined({engine, guest})},
                  {"selector", {selector}},
                  {"consumer", consumer}};
  }
  if (!writer.empty()) threads_of.emplace_back("writer", writer);
  return threads_of;
}

Result<> EmbeddedNode::State::start() {
  const auto locked = home.lock().map([&](PidLock its) { lock.emplace(std::move(its)); });
  if (!locked) return tl::unexpected(locked.error());
  if (const auto described = describe(); !described) return described;
  if (options.stores) {
    auto opened = workers::LmdbStore::open(home.store(), node.network.key_length);
    if (!opened) return tl::unexpected(opened.error());
    store = std::move(*opened);
  }
  for (auto& [name, actors] : placed()) {
    auto thread = bus::Thread::start(std::move(name), std::move(actors),
                                     [this](std::string reason) { failure.report(reason); });
    if (!thread) return tl::unexpected(thread.error());
    threads.push_back(std::move(*thread));
  }
  return workers_attached();
}

// Waits for the built-in workers, which attach as any others do: until then a node would say that
// it cannot put.
Result<> EmbeddedNode::State::workers_attached() {
  constexpr Duration kAttachWithin = std::chrono::seconds(10);
  const std::size_t built_in = (verifies() ? 1 : 0) + (store ? 2 : 0);
  Client::Options patient;
  patient.welcome_within = kAttachWithin;
  auto client = Client::connect(context, control_endpoint(), patient);
  if (!client) return tl::unexpected(client.error());
  for (const Time until = bus::now() + kAttachWithin; bus::now() < until;) {
    Client::Items answers;
    const auto asked = (*client)->call(control::Status{}, answers);
    if (!asked) return tl::unexpected(asked.error());
    std::size_t attached = 0;
    for (const auto& item : answers) attached += std::holds_alternative<report::WorkerInfo>(item);
    if (attached >= built_in) return {};
  }
  return error(Error::Kind::internal, "the built-in verifier and storage did not attach");
}

EmbeddedNode::EmbeddedNode(std::unique_ptr<State> state) : state_(std::move(state)) {}
EmbeddedNode::~EmbeddedNode() = default;

Result<std::unique_ptr<EmbeddedNode>> EmbeddedNode::start(NodeOptions options,
                                                          std::vector<Guest> guests) {
  auto state = std::make_unique<State>(std::move(options), std::move(guests));
  if (const auto started = state->start(); !started) return tl::unexpected(started.error());
  return std::unique_ptr<EmbeddedNode>(new EmbeddedNode(std::move(state)));
}

bus::Context& EmbeddedNode::context() { return state_->context; }
int EmbeddedNode::failed_fd() const { return state_->failure.fd(); }
std::string EmbeddedNode::failure() const { return state_->failure.reason(); }

}  // namespace quarry::cli
