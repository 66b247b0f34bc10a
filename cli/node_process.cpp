#include "cli/node_process.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "cli/client.hpp"
#include "cli/metrics_door.hpp"
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

// A node and what comes to its process from outside.
class NodeProcess {
 public:
  explicit NodeProcess(const NodeOptions& options) : options_(options) {}

  Result<> start(std::vector<EmbeddedNode::Guest> guests);
  // Until a signal ends the node (nothing), or a part of it fails (why).
  Result<> wait();

 private:
  Result<> reload_peers();

  const NodeOptions& options_;
  Signals signals_;
  std::unique_ptr<EmbeddedNode> node_;
  std::unique_ptr<MetricsDoor> metrics_;
};

Result<> NodeProcess::start(std::vector<EmbeddedNode::Guest> guests) {
  auto node = EmbeddedNode::start(options_, std::move(guests));
  if (!node) return tl::unexpected(node.error());
  node_ = std::move(*node);
  if (options_.metrics.empty()) return {};
  return MetricsDoor::open(options_.metrics, node_->context()).map([&](auto door) {
    metrics_ = std::move(door);
  });
}

Result<> NodeProcess::reload_peers() {
  auto peers = read_peers(options_.peers_file);
  if (!peers) return tl::unexpected(peers.error());
  auto client = Client::connect(node_->context(), EmbeddedNode::control_endpoint(), {});
  if (!client) return tl::unexpected(client.error());
  Client::Items answers;
  const auto done =
      (*client)->call(report::PeerSet{{}, peer_set_number(), std::move(*peers)}, answers);
  if (!done) return tl::unexpected(done.error());
  spdlog::info("peers file read again: {} peers changed", *done);
  return {};
}

Result<> NodeProcess::wait() {
  notify("READY=1");
  pollfd fds[] = {{signals_.fd(), POLLIN, 0}, {node_->failed_fd(), POLLIN, 0}};
  for (;;) {
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[1].revents != 0) return error(Error::Kind::internal, node_->failure());
    if (fds[0].revents == 0) continue;
    if (signals_.next() != SIGHUP) break;
    // A file that cannot be read leaves the peers as they are.
    if (const auto reloaded = reload_peers(); !reloaded) {
      spdlog::warn("the peers stay as they were: {}", reloaded.error().line());
    }
  }
  notify("STOPPING=1");
  return {};
}

}  // namespace

Result<> run_node(const NodeOptions& options, std::vector<EmbeddedNode::Guest> guests) {
  NodeProcess node(options);
  if (const auto started = node.start(std::move(guests)); !started) return started;
  return node.wait();
}

}  // namespace quarry::cli
