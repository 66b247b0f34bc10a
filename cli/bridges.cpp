#include "cli/bridges.hpp"

#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "bus/clock.hpp"
#include "cli/bridge_process.hpp"
#include "msg/check.hpp"

extern char** environ;

namespace quarry::cli {
namespace {

std::vector<std::string> words_of(const NodeOptions& options, const std::string& bridge) {
  const Network& network = options.network;
  const std::string digest = options.verifies ? network.digest : "";
  std::vector<std::string> words = {"quarry",
                                    "bridge",
                                    bridge,
                                    "--home",
                                    options.home,
                                    "--network",
                                    network.name,
                                    "--key-length",
                                    std::to_string(network.key_length),
                                    "--max-value",
                                    std::to_string(network.max_value),
                                    "--digest",
                                    digest.empty() ? "none" : digest,
                                    "--log-level",
                                    options.log_level};
  if (options.json_log) words.emplace_back("--json-log");
  if (bridge != "producer") return words;
  for (std::string word :
       {std::string("--listen"), options.listen.empty() ? "none" : options.listen,
        std::string("--keep-in"), options.keep_in}) {
    words.push_back(std::move(word));
  }
  if (!options.stores) words.emplace_back("--storeless");
  return words;
}

// 0, or why not. The child has `line` as its stdin and no other descriptor of ours; the signals
// that end a node reach it only through the node.
int spawn(std::vector<std::string> words, int line, pid_t& pid) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, line, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&blocked, signal);
  posix_spawnattr_setsigmask(&how, &blocked);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
  const int code = ::posix_spawn(&pid, "/proc/self/exe", &files, &how, arguments.data(), environ);
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  return code;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Bridges::Bridges(const NodeOptions& options) : wake_(::eventfd(0, EFD_CLOEXEC)) {
  QUARRY_CHECK(wake_ >= 0);
  for (const char* name : {"producer", "consumer"}) {
    Bridge bridge;
    bridge.name = name;
    bridge.words = words_of(options, name);
    bridges_.push_back(std::move(bridge));
  }
}

Result<std::unique_ptr<Bridges>> Bridges::start(const NodeOptions& options) {
  std::unique_ptr<Bridges> made(new Bridges(options));
  auto how = made->started_.emplace().get_future();
  made->thread_ = std::thread([at = made.get()] { at->run(); });
  if (const auto started = how.get(); !started) return tl::unexpected(started.error());
  return made;
}

Bridges::~Bridges() {
  const std::uint64_t one = 1;
  QUARRY_CHECK(::write(wake_, &one, sizeof one) == sizeof one);
  if (thread_.joinable()) thread_.join();
  ::close(wake_);
}

void Bridges::run() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  // One after the other: the producer's is the one that may fail, on a port in use.
  std::size_t begun = 0;
  start(bridges_[begun++]);
  for (;;) {
    std::vector<pollfd> fds = {{wake_, POLLIN, 0}};
    for (const Bridge& bridge : bridges_) fds.push_back({bridge.line, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), wait_ms()) < 0) continue;
    if (fds[0].revents != 0) break;
    for (std::size_t i = 0; i < bridges_.size(); ++i) {
      if (fds[i + 1].revents != 0) hear(bridges_[i]);
    }
    const Time now = bus::now();
    for (Bridge& bridge : bridges_) {
      if (bridge.start_at <= now) start(bridge);
      if (bridge.pid > 0 && !bridge.ready && now - bridge.born > kStartWithin) {
        ::kill(bridge.pid, SIGKILL);
      }
    }
    if (begun < bridges_.size() && bridges_[begun - 1].ready) start(bridges_[begun++]);
    const auto ready = [](const Bridge& bridge) { return bridge.ready; };
    if (std::all_of(bridges_.begin(), bridges_.end(), ready)) settle({});
  }
  end_all();
}

// Says once how the start went.
void Bridges::settle(Result<> how) {
  if (started_) started_->set_value(std::move(how));
  started_.reset();
}

int Bridges::wait_ms() const {
  Time until = kNever;
  for (const Bridge& bridge : bridges_) {
    until = std::min(until, bridge.start_at);
    if (bridge.pid > 0 && !bridge.ready) until = std::min(until, bridge.born + kStartWithin);
  }
  if (until == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - bus::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 10'000));
}

void Bridges::start(Bridge& bridge) {
  bridge.start_at = kNever;
  bridge.born = bus::now();
  bridge.ready = false;
  bridge.said.clear();
  int ends[2] = {-1, -1};
  int code = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
  if (code == 0) code = spawn(bridge.words, ends[1], bridge.pid);
  if (ends[1] >= 0) ::close(ends[1]);
  bridge.line = ends[0];
  if (code == 0) return;
  bridge.pid = -1;
  bridge.said = BridgeReport::failed(
      {Error::Kind::unavailable,
       "no process for the " + bridge.name + " bridge: " + std::strerror(code), ""});
  ended(bridge);
}

void Bridges::hear(Bridge& bridge) {
  char text[1024];
  const ssize_t got = ::recv(bridge.line, text, sizeof text, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return ended(bridge);
  if (bridge.said.size() < sizeof text) bridge.said.append(text, static_cast<std::size_t>(got));
  if (bridge.ready || !BridgeReport::is_ready(bridge.said)) return;
  bridge.ready = true;
  spdlog::info("the {} bridge runs, pid {}", bridge.name, bridge.pid);
}

// It has closed its line: it is dead, or about to be.
void Bridges::ended(Bridge& bridge) {
  std::string how = "did not start";
  if (bridge.pid > 0) {
    int status = 0;
    ::kill(bridge.pid, SIGKILL);
    if (::waitpid(bridge.pid, &status, 0) == bridge.pid) how = how_it_ended(status);
  }
  if (bridge.line >= 0) ::close(bridge.line);
  bridge.line = bridge.pid = -1;
  const auto why = BridgeReport::why(bridge.said);
  if (started_) {
    settle(tl::unexpected(
        why ? *why : Error{Error::Kind::internal, "the " + bridge.name + " bridge " + how, ""}));
    return;
  }
  const Time now = bus::now();
  if (bridge.ready && now - bridge.born > kLivedLong) bridge.pause = {};
  bridge.pause = std::clamp(2 * bridge.pause, kFirstPause, kLongestPause);
  bridge.start_at = now + bridge.pause;
  bridge.ready = false;
  if (why) how += " (" + why->line() + ")";
  spdlog::warn("the {} bridge {}; it is started again", bridge.name, how);
}

void Bridges::end_all() {
  for (const Bridge& bridge : bridges_) {
    if (bridge.line >= 0) ::shutdown(bridge.line, SHUT_WR);
  }
  const Time until = bus::now() + kEndWithin;
  for (Bridge& bridge : bridges_) {
    if (bridge.pid <= 0) continue;
    for (bool closed = false; !closed && bus::now() < until;) {
      pollfd fd{bridge.line, POLLIN, 0};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - bus::now());
      if (::poll(&fd, 1, static_cast<int>(left.count())) <= 0) continue;
      char text[1024];
      closed = ::recv(bridge.line, text, sizeof text, MSG_DONTWAIT) == 0;
    }
    if (bus::now() >= until) {
      spdlog::warn("the {} bridge does not end and is killed", bridge.name);
      ::kill(bridge.pid, SIGKILL);
    }
    ::waitpid(bridge.pid, nullptr, 0);
    ::close(bridge.line);
  }
}

}  // namespace quarry::cli
