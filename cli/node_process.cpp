#include "cli/node_process.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "actors/consumer_bridge/actor.hpp"
#include "actors/engine/actor.hpp"
#include "actors/node.hpp"
#include "actors/peer_selector/actor.hpp"
#include "actors/producer_bridge/actor.hpp"
#include "actors/workers/digest_verifier.hpp"
#include "actors/workers/lmdb_storage.hpp"
#include "actors/workers/worker_actor.hpp"
#include "bus/clock.hpp"
#include "bus/thread.hpp"
#include "cli/client.hpp"
#include "cli/home.hpp"
#include "cli/peers_file.hpp"

namespace quarry::cli {
namespace {

// Tells a supervisor that speaks systemd's protocol (NOTIFY_SOCKET) how the node stands.
void notify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || std::string_view(path).size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::string_view(path).copy(address.sun_path, sizeof address.sun_path - 1);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::string_view(path).size());
  sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), size);
  close(fd);
}

// Signals as events of a descriptor. They are blocked from here on in all threads made later.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    QUARRY_CHECK(fd_ >= 0);
  }
  ~Signals() { close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  int fd() const { return fd_; }
  int next() const {
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  int fd_;
};

// Why a thread of the node ended on its own: the first reason given, from whichever thread.
class Failure {
 public:
  Failure() : fd_(eventfd(0, EFD_CLOEXEC)) { QUARRY_CHECK(fd_ >= 0); }
  ~Failure() { close(fd_); }
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  int fd() const { return fd_; }
  void report(std::string reason) {
    const std::scoped_lock lock(mutex_);
    if (reason_.empty()) reason_ = std::move(reason);
    const std::uint64_t one = 1;
    QUARRY_CHECK(write(fd_, &one, sizeof one) == sizeof one);
  }
  std::string reason() {
    const std::scoped_lock lock(mutex_);
    return reason_;
  }

 private:
  int fd_;
  std::mutex mutex_;
  std::string reason_;
};

// A running node: who it is, and the threads on which its actors live.
class NodeProcess {
 public:
  explicit NodeProcess(const NodeOptions& options) : options_(options), home_(options.home) {}
  ~NodeProcess();
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  Result<> start();
  // Until a signal ends the node (nothing), or a part of it fails (why).
  Result<> wait();

 private:
  using Make = bus::Thread::Make;
  Result<> describe();
  Result<> start_thread(std::string name, std::vector<Make> actors);
  Result<> reload_peers();

  const NodeOptions& options_;
  Home home_;
  std::optional<HomeLock> lock_;
  Signals signals_;
  Failure failure_;
  bus::Context context_;
  Node node_;
  std::vector<report::PeerEntry> peers_;
  std::uint64_t peer_set_ = 0;  // number of the last one given to the selector
  std::shared_ptr<workers::LmdbStore> store_;
  std::vector<std::unique_ptr<bus::Thread>> threads_;
};

// ZeroMQ leaves the files of its ipc sockets behind. While the lock is held they are ours.
NodeProcess::~NodeProcess() {
  threads_.clear();
  if (!lock_) return;
  for (const auto& socket :
       {home_.control_socket(), home_.verifier_socket(), home_.storage_socket()}) {
    std::error_code ignored;
    std::filesystem::remove(socket, ignored);
  }
}

Result<> NodeProcess::describe() {
  auto identity = bus::Identity::load(home_.key_file());
  if (!identity) return tl::unexpected(identity.error());
  auto peers = read_peers(options_.peers_file);
  if (!peers) return tl::unexpected(peers.error());
  peers_ = std::move(*peers);
  node_.network = options_.network;
  node_.identity = std::move(*identity);
  node_.instance = Instance{bus::random_u64()};
  node_.name = options_.name;
  node_.agent = "quarry/" QUARRY_VERSION;
  node_.listen = options_.listen;
  node_.control_door.push_back(home_.control_endpoint());
  node_.verifier_door.push_back(home_.verifier_endpoint());
  node_.storage_door.push_back(home_.storage_endpoint());
  return {};
}

Result<> NodeProcess::start_thread(std::string name, std::vector<Make> actors) {
  auto thread = bus::Thread::start(std::move(name), std::move(actors),
                                   [this](std::string reason) { failure_.report(reason); });
  if (!thread) return tl::unexpected(thread.error());
  threads_.push_back(std::move(*thread));
  return {};
}

Result<> NodeProcess::start() {
  const auto locked = home_.lock().map([&](HomeLock lock) { lock_.emplace(std::move(lock)); });
  if (!locked) return tl::unexpected(locked.error());
  if (const auto described = describe(); !described) return described;
  auto store = workers::LmdbStore::open(home_.store(), node_.network.key_length);
  if (!store) return tl::unexpected(store.error());
  store_ = std::move(*store);

  const Make engine = [&](bus::Loop& loop) {
    return engine::Actor::open(loop, context_, node_, {});
  };
  const Make selector = [&](bus::Loop& loop) {
    peer_selector::Config config;
    config.peers = peers_;
    return peer_selector::Actor::open(loop, context_, node_, std::move(config));
  };
  const Make consumer = [&](bus::Loop& loop) {
    return consumer_bridge::Actor::open(loop, context_, node_, {});
  };
  const Make producer = [&](bus::Loop& loop) {
    return producer_bridge::Actor::open(loop, context_, node_, {});
  };
  const auto worker =
      [&](bus::Loop& loop, const std::string& door,
          Result<std::unique_ptr<workers::Work>> work) -> Result<std::unique_ptr<bus::Actor>> {
    if (!work) return tl::unexpected(work.error());
    return workers::WorkerActor::open(loop, context_, node_.network, door, std::move(*work));
  };
  const Make verifier = [&](bus::Loop& loop) {
    return worker(loop, node_.verifier_door.front(),
                  workers::DigestVerifier::open(node_.network.digest, node_.network.key_length));
  };
  const Make reader = [&](bus::Loop& loop) {
    return worker(loop, node_.storage_door.front(), workers::LmdbStorage::reader(store_));
  };
  const Make writer = [&](bus::Loop& loop) {
    return worker(loop, node_.storage_door.front(), workers::LmdbStorage::writer(store_));
  };

  // Where keys are no digests there is nothing to compare: a verifier has to be attached.
  const bool digests = !node_.network.digest.empty();
  const auto with_verifier = [&](std::vector<Make> actors) {
    if (digests) actors.push_back(verifier);
    return actors;
  };
  std::vector<std::pair<std::string, std::vector<Make>>> placed;
  if (options_.placement == Placement::one) {
    placed = {{"node", with_verifier({producer, engine, selector, consumer, reader})}};
  } else {
    // The producer's first: it is the one that may fail, on a port in use.
    placed = {{"producer", {producer, reader}},
              {"engine", {engine}},
              {"selector", {selector}},
              {"consumer", with_verifier({consumer})}};
  }
  placed.emplace_back("writer", std::vector<Make>{writer});
  for (auto& [name, actors] : placed) {
    if (const auto started = start_thread(name, std::move(actors)); !started) return started;
  }
  return {};
}

Result<> NodeProcess::reload_peers() {
  auto peers = read_peers(options_.peers_file);
  if (!peers) return tl::unexpected(peers.error());
  auto client = Client::connect(context_, node_.control_door.front(), {});
  if (!client) return tl::unexpected(client.error());
  Client::Items answers;
  const auto done = (*client)->call(report::PeerSet{{}, ++peer_set_, std::move(*peers)}, answers);
  if (!done) return tl::unexpected(done.error());
  spdlog::info("peers file read again: {} peers changed", *done);
  return {};
}

Result<> NodeProcess::wait() {
  notify("READY=1");
  pollfd fds[] = {{signals_.fd(), POLLIN, 0}, {failure_.fd(), POLLIN, 0}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return error(Error::Kind::internal, failure_.reason());
    if (fds[0].revents == 0) continue;
    if (signals_.next() != SIGHUP) break;
    // A file that cannot be read leaves the peers as they are.
    if (const auto reloaded = reload_peers(); !reloaded) {
      spdlog::warn("the peers stay as they were: {}", reloaded.error().line());
    }
  }
  notify("STOPPING=1");
  for (auto& thread : threads_) thread->stop();
  return {};
}

}  // namespace

Result<> run_node(const NodeOptions& options) {
  NodeProcess node(options);
  if (const auto started = node.start(); !started) return started;
  return node.wait();
}

}  // namespace quarry::cli
