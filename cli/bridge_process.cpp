#include "cli/bridge_process.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "cli/failure.hpp"
#include "cli/node_parts.hpp"

namespace quarry::cli {
namespace {

constexpr int kNode = 0;  // stdin

bool is_socket(int fd) {
  struct stat about {};
  return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

void say(const std::string& line) { ::send(kNode, line.data(), line.size(), MSG_NOSIGNAL); }

class BridgeProcess {
 public:
  BridgeProcess(BridgeKind which, NodeOptions options)
      : which_(which), parts_(std::move(options)) {}

  Result<> start();
  Result<> wait();

 private:
  Result<> start_thread(const std::string& name, std::vector<NodeParts::Make> actors);

  BridgeKind which_;
  std::optional<PidLock> lock_;
  Failure failure_;
  NodeParts parts_;
  std::vector<std::unique_ptr<bus::Thread>> threads_;
};

Result<> BridgeProcess::start_thread(const std::string& name, std::vector<NodeParts::Make> actors) {
  return bus::Thread::start(name, std::move(actors),
                            [this](std::string reason) { failure_.report(std::move(reason)); })
      .map([&](auto thread) { threads_.push_back(std::move(thread)); });
}

// The built-in workers first: they wait at the door before the Engine can tell the bridge again
// what is to be judged and kept. Where nobody is attached a put is refused.
Result<> BridgeProcess::start() {
  const bool producer = which_ == BridgeKind::producer;
  const std::string name = producer ? "producer" : "consumer";
  // That of a node that was killed a moment ago may not be gone yet.
  auto lock = PidLock::take(parts_.home.bridge_lock(name));
  if (!lock) return tl::unexpected(lock.error());
  if (!*lock) {
    return error(Error::Kind::busy, "another " + name + " bridge of this node still runs");
  }
  lock_.emplace(std::move(**lock));
  if (const auto opened = parts_.open(); !opened) return opened;
  if (!producer) return start_thread(name, parts_.consumer());
  if (parts_.options.stores) {
    if (const auto opened = parts_.open_store(); !opened) return opened;
  }
  if (auto writer = parts_.writer(); !writer.empty()) {
    if (const auto started = start_thread("writer", std::move(writer)); !started) return started;
  }
  std::vector<NodeParts::Make> actors = parts_.reader();
  actors.push_back(parts_.producer());
  const auto started = start_thread(name, std::move(actors));
  std::ranges::reverse(threads_);  // the bridge is to end first
  return started;
}

Result<> BridgeProcess::wait() {
  say(BridgeReport::ready());
  pollfd fds[] = {{kNode, POLLIN, 0}, {failure_.fd(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
  }
  if (fds[1].revents != 0) return error(Error::Kind::internal, failure_.reason());
  for (auto& thread : threads_) thread->stop();
  threads_.clear();
  return {};
}

}  // namespace

std::string BridgeReport::failed(const Error& error) {
  return std::to_string(static_cast<int>(error.kind)) + "\n" + error.what + "\n" + error.remedy +
         "\n";
}

std::optional<Error> BridgeReport::why(const std::string& said) {
  std::istringstream lines(said.starts_with(ready()) ? said.substr(ready().size()) : said);
  int kind = -1;
  Error error{};
  lines >> kind;
  lines.ignore(1);
  std::getline(lines, error.what);
  std::getline(lines, error.remedy);
  if (kind < 0 || kind > static_cast<int>(Error::Kind::internal) || error.what.empty()) return {};
  error.kind = static_cast<Error::Kind>(kind);
  return error;
}

Result<> run_bridge(BridgeKind which, NodeOptions options) {
  if (!is_socket(kNode)) {
    return error(Error::Kind::usage, "a bridge is started by its node, and by nobody else",
                 "use: quarry node --placement processes");
  }
  // Should the node be gone already, its end of the socket is closed.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  BridgeProcess bridge(which, std::move(options));
  auto how = bridge.start();
  if (how) how = bridge.wait();
  if (!how) say(BridgeReport::failed(how.error()));
  return how;
}

}  // namespace quarry::cli
