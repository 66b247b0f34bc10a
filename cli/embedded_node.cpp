#include "cli/embedded_node.hpp"

#include <optional>
#include <utility>

#include "bus/clock.hpp"
#include "cli/bridges.hpp"
#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/node_parts.hpp"
#include "cli/peers_file.hpp"

namespace quarry::cli {
namespace {

using Make = bus::Thread::Make;

std::vector<Make> joined(const std::vector<std::vector<Make>>& parts) {
  std::vector<Make> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

struct EmbeddedNode::State {
  State(NodeOptions its, std::vector<Guest> theirs)
      : guests(std::move(theirs)), parts(std::move(its)) {}
  ~State();

  Result<> start();
  Result<> describe();
  Result<> workers_attached();
  std::vector<std::pair<std::string, std::vector<Make>>> placed();

  std::vector<Guest> guests;
  std::optional<PidLock> lock;
  Failure failure;
  NodeParts parts;
  std::unique_ptr<Bridges> bridges;
  std::vector<std::unique_ptr<bus::Thread>> threads;
};

// ZeroMQ leaves the files of its ipc sockets behind. While the lock is held they are ours.
EmbeddedNode::State::~State() {
  for (auto& thread : threads) thread->stop();
  threads.clear();
  bridges.reset();
  if (!lock) return;
  for (const auto& file : parts.home.left_behind()) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }
}

Result<> EmbeddedNode::State::describe() {
  if (const auto opened = parts.open(); !opened) return opened;
  return read_peers(parts.options.peers_file).map([&](auto entries) {
    parts.peers = std::move(entries);
  });
}

// The threads of this process, and who lives on each.
std::vector<std::pair<std::string, std::vector<Make>>> EmbeddedNode::State::placed() {
  std::vector<Make> guest;
  for (const Guest& made : guests) {
    guest.push_back([this, made](bus::Loop& loop) { return made(loop, parts.context); });
  }
  const std::vector<Make> engine = {parts.engine()}, selector = {parts.selector()};
  if (parts.options.placement == Placement::processes) {
    return {{"node", joined({engine, selector, guest})}};
  }
  // The producer's first: it is the one that may fail, on a port in use.
  const std::vector<Make> producer = {parts.producer()};
  std::vector<std::pair<std::string, std::vector<Make>>> threads_of;
  if (parts.options.placement == Placement::one) {
    threads_of = {
        {"node", joined({producer, engine, selector, parts.consumer(), parts.reader(), guest})}};
  } else {
    threads_of = {{"producer", joined({producer, parts.reader()})},
                  {"engine", joined({engine, guest})},
                  {"selector", selector},
                  {"consumer", parts.consumer()}};
  }
  if (auto writer = parts.writer(); !writer.empty()) threads_of.emplace_back("writer", writer);
  return threads_of;
}

Result<> EmbeddedNode::State::start() {
  const bool processes = parts.options.placement == Placement::processes;
  const auto locked = parts.home.lock().map([&](PidLock its) { lock.emplace(std::move(its)); });
  if (!locked) return tl::unexpected(locked.error());
  if (const auto described = describe(); !described) return described;
  if (parts.options.stores && !processes) {
    if (const auto opened = parts.open_store(); !opened) return opened;
  }
  if (processes) {
    auto started = Bridges::start(parts.options);
    if (!started) return tl::unexpected(started.error());
    bridges = std::move(*started);
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
  const std::size_t built_in = (parts.verifies() ? 1 : 0) + (parts.options.stores ? 2 : 0);
  Client::Options patient;
  patient.welcome_within = kAttachWithin;
  auto client = Client::connect(parts.context, control_endpoint(), patient);
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

bus::Context& EmbeddedNode::context() { return state_->parts.context; }
int EmbeddedNode::failed_fd() const { return state_->failure.fd(); }
std::string EmbeddedNode::failure() const { return state_->failure.reason(); }

}  // namespace quarry::cli
