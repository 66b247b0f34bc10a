#include "cli/bench/field.hpp"

#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "actors/workers/lmdb_store.hpp"
#include "actors/workers/worker_actor.hpp"
#include "cli/client.hpp"
#include "cli/files.hpp"
#include "cli/node_process.hpp"
#include "cli/output.hpp"
#include "cli/peers_file.hpp"

extern char** environ;

namespace quarry::cli::bench {
namespace {

// Values are computed when they are asked for, so there are as many keys as the bench may need: as
// many as a fast machine fetches in its time, of small values and of large ones.
constexpr double kKeysPerSecond = 400'000;
constexpr std::uint64_t kComputedBytes = 32ULL << 30;
// What is stored takes time and space before the bench begins; it is asked for again and again.
constexpr std::uint64_t kStoredBytes = 64 << 20;
constexpr int kEndWithinMs = 5000;
constexpr int kLookEveryMs = 50;

std::uint32_t count_of(const Plan& plan) {
  const bool stored = plan.lmdb || !plan.storage.empty();
  const double seconds = std::chrono::duration<double>(plan.lasts).count() + 0.1;
  const auto in_its_time = static_cast<std::uint64_t>(kKeysPerSecond * seconds);
  const std::uint64_t wanted =
      stored ? kStoredBytes / plan.size : std::min(kComputedBytes / plan.size, in_its_time);
  const std::uint64_t least = 2 * std::uint64_t{plan.window};
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::max(wanted, least), Values::kMost));
}

Error cannot_start(const std::string& what, int code) {
  return {Error::Kind::unavailable, "cannot start " + what + ": " + std::strerror(code), ""};
}

void end_all(const std::vector<pid_t>& processes) {
  for (const pid_t process : processes) kill(process, SIGTERM);
  for (const pid_t process : processes) {
    int waited_ms = 0;
    while (waitpid(process, nullptr, WNOHANG) == 0) {
      if ((waited_ms += 10) == kEndWithinMs) kill(process, SIGKILL);
      poll(nullptr, 0, 10);
    }
  }
}

}  // namespace

Field::Field(Plan plan)
    : plan_(std::move(plan)), values_(std::make_shared<Values>(plan_.size, count_of(plan_))) {}

Field::~Field() {
  client_.reset();
  context_.reset();
  end_all(asking_);
  asker_.reset();
  end_all(serving_);
  if (net_) static_cast<void>(net_->remove());
}

Result<> Field::prepare() {
  const auto folder = make_temporary_folder("bench");
  if (!folder) return tl::unexpected(folder.error());
  net_.emplace(*folder);
  if (auto made = net_->make({.nodes = plan_.nodes}); !made) return made;
  // A node's entry stands in every other node's file.
  auto others = read_peers(net_->nodes()[0].home.peers_file());
  auto first = read_peers(net_->nodes()[1].home.peers_file());
  if (!others) return tl::unexpected(others.error());
  if (!first) return tl::unexpected(first.error());
  entries_ = {first->front()};
  entries_.insert(entries_.end(), others->begin(), others->end());
  if (plan_.lmdb) return store_values();
  return plan_.storage.empty() ? Result<>{} : write_values();
}

// Straight into the serving nodes' stores, before they run.
Result<> Field::store_values() {
  for (std::size_t node = 1; node < net_->nodes().size(); ++node) {
    const Home& home = net_->nodes()[node].home;
    if (auto locked = home.lock(); !locked) return tl::unexpected(locked.error());
    auto store = workers::LmdbStore::open(home.store(), 32);
    if (!store) return tl::unexpected(store.error());
    std::vector<workers::LmdbStore::Change> changes;
    for (std::uint32_t i = 0; i < values_->count(); ++i) {
      changes.push_back({values_->key(i), values_->value(i)});
      if (changes.size() < 1024 && i + 1 < values_->count()) continue;
      if (auto written = (*store)->write(changes); !written) return written;
      changes.clear();
    }
  }
  return {};
}

// Files named by their keys, for a storage command.
Result<> Field::write_values() {
  const auto folder = net_->nodes()[1].home.directory() / "values";
  if (auto made = Home(folder).make(); !made) return made;
  for (std::uint32_t i = 0; i < values_->count(); ++i) {
    const Payload value = values_->value(i);
    auto written =
        create_file(folder / to_hex(values_->key(i).view()), text_of(value.view()), 0600);
    if (!written) return written;
  }
  return {};
}

NodeOptions Field::options_of(std::size_t node) {
  const bool asks = node == 0;
  const Home& home = net_->nodes()[node].home;
  NodeOptions options;
  options.home = home.directory();
  options.listen = entries_[node].endpoint;
  options.network.name = "bench";
  options.network.max_value =
      std::max(options.network.max_value, static_cast<std::uint32_t>(plan_.size));
  options.name = net_->nodes()[node].name;
  options.placement = plan_.placement;
  options.peers_file = home.peers_file();
  options.verifies = !asks || plan_.verifier.empty();
  options.stores = !asks && plan_.lmdb;
  return options;
}

Result<pid_t> Field::fork_node(std::size_t node) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return tl::unexpected(cannot_start("a node", errno));
  if (child > 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const NodeOptions options = options_of(node);
  std::vector<EmbeddedNode::Guest> guests;
  if (node > 0 && !plan_.lmdb && plan_.storage.empty()) {
    guests.push_back([&](bus::Loop& loop, bus::Context& context) {
      return workers::WorkerActor::open(loop, context, options.network,
                                        EmbeddedNode::storage_endpoint(), storage_of(values_));
    });
  }
  const auto ended = run_node(options, std::move(guests));
  if (!ended) fail(ended.error());
  _exit(ended ? 0 : 1);
}

Result<pid_t> Field::spawn(const std::string& command, const Home& home) {
  std::string script = "exec " + command;
  std::vector<std::string> ours = {
      "QUARRY_HOME=" + home.directory().string(),
      "QUARRY_BENCH_VALUES=" + (net_->nodes()[1].home.directory() / "values").string()};
  std::vector<char*> environment;
  for (auto& variable : ours) environment.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("QUARRY_HOME=")) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  std::string words[] = {"sh", "-c"};
  char* arguments[] = {words[0].data(), words[1].data(), script.data(), nullptr};
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
  pid_t process = 0;
  const int code = posix_spawn(&process, "/bin/sh", nullptr, &how, arguments, environment.data());
  posix_spawnattr_destroy(&how);
  if (code != 0) return tl::unexpected(cannot_start(command, code));
  return process;
}

// All but the load.
Result<> Field::start() {
  for (std::size_t node = 1; node < net_->nodes().size(); ++node) {
    const auto process = fork_node(node);
    if (!process) return tl::unexpected(process.error());
    serving_.push_back(*process);
  }
  if (plan_.own_process) {
    const auto process = fork_node(0);
    if (!process) return tl::unexpected(process.error());
    asking_.push_back(*process);
  }
  for (std::size_t node = 1; !plan_.storage.empty() && node < net_->nodes().size(); ++node) {
    const auto process = spawn(plan_.storage, net_->nodes()[node].home);
    if (!process) return tl::unexpected(process.error());
    serving_.push_back(*process);
  }
  if (!plan_.verifier.empty()) {
    const auto process = spawn(plan_.verifier, net_->nodes()[0].home);
    if (!process) return tl::unexpected(process.error());
    asking_.push_back(*process);
  }
  return {};
}

Result<std::optional<Load::Outcome>> Field::run() {
  if (auto prepared = prepare(); !prepared) return tl::unexpected(prepared.error());
  if (auto started = start(); !started) return tl::unexpected(started.error());
  Load::Options options;
  options.window = plan_.window;
  options.lasts = plan_.lasts;
  options.pending = plan_.pending;
  options.asking = asking_;
  options.asking.push_back(getpid());
  options.serving = serving_;
  options.door = plan_.own_process ? net_->nodes()[0].home.control_endpoint()
                                   : EmbeddedNode::control_endpoint();
  auto promise = std::make_shared<std::promise<Result<Load::Outcome>>>();
  auto outcome = promise->get_future();
  const EmbeddedNode::Guest load = [this, options, promise](bus::Loop& loop,
                                                            bus::Context& context) {
    return Load::open(loop, context, values_, options, [promise](Result<Load::Outcome> said) {
      promise->set_value(std::move(said));
    });
  };
  if (plan_.own_process) {
    context_.emplace();
    auto client =
        bus::Thread::start("bench", {[&](bus::Loop& loop) { return load(loop, *context_); }});
    if (!client) return tl::unexpected(client.error());
    client_ = std::move(*client);
  } else {
    auto asker = EmbeddedNode::start(options_of(0), {load});
    if (!asker) return tl::unexpected(asker.error());
    asker_ = std::move(*asker);
  }
  return wait(std::move(outcome));
}

std::optional<Error> Field::ended_early() {
  if (asker_ && !asker_->failure().empty()) {
    return Error{Error::Kind::internal, asker_->failure(), ""};
  }
  for (auto* processes : {&asking_, &serving_}) {
    for (const pid_t process : *processes) {
      if (waitpid(process, nullptr, WNOHANG) != process) continue;
      std::erase(*processes, process);
      return Error{Error::Kind::unavailable, "a node or a worker of the bench has ended too early",
                   "see what it said above"};
    }
  }
  return std::nullopt;
}

Result<std::optional<Load::Outcome>> Field::wait(std::future<Result<Load::Outcome>> outcome) {
  while (outcome.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    pollfd interrupted{interrupt_.fd(), POLLIN, 0};
    if (poll(&interrupted, 1, kLookEveryMs) > 0) {
      interrupt_.clear();
      return std::optional<Load::Outcome>();
    }
    if (auto why = ended_early()) return tl::unexpected(std::move(*why));
  }
  return outcome.get().map([](Load::Outcome its) { return std::optional(std::move(its)); });
}

}  // namespace quarry::cli::bench
