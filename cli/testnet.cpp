#include "cli/testnet.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "bus/clock.hpp"
#include "cli/files.hpp"
#include "cli/new_home.hpp"
#include "cli/peers_file.hpp"

extern char** environ;

namespace quarry::cli {
namespace {

// Below 32768: a node that dials a port of its own range of outgoing ones may reach itself.
constexpr std::uint16_t kFirstPort = 20000, kPorts = 12000;
// A node ends within two seconds; one that has not by then is killed.
constexpr int kEndWithinMs = 5000;
constexpr int kLookEveryMs = 20;
// What tells a testnet's folder from any other.
constexpr const char* kMark = ".quarry-testnet";
// What a node is told by its own configuration, and not by the environment of whoever starts it.
constexpr std::array<std::string_view, 6> kNotInherited{
    "QUARRY_HOME=",  "QUARRY_LISTEN=",    "QUARRY_NAME=",
    "QUARRY_PEERS=", "QUARRY_PLACEMENT=", "NOTIFY_SOCKET="};

std::filesystem::path default_directory() {
  std::error_code failed;
  auto temporary = std::filesystem::temp_directory_path(failed);
  if (failed) temporary = "/tmp";
  return temporary / ("quarry-testnet-" + std::to_string(::getuid()));
}

auto io_error(const std::string& what, int code) {
  return error(Error::Kind::io, what + ": " + std::strerror(code));
}

bool free_port(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}

Result<std::vector<std::uint16_t>> free_ports(std::size_t count) {
  std::vector<std::uint16_t> ports;
  const auto from = static_cast<std::uint16_t>(bus::random_u64() % kPorts);
  for (std::uint16_t i = 0; i < kPorts && ports.size() < count; ++i) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + (from + i) % kPorts);
    if (free_port(port)) ports.push_back(port);
  }
  if (ports.size() == count) return ports;
  return error(Error::Kind::busy, "there are not enough free ports on 127.0.0.1");
}

// Somebody else's folder of the same name could be made to look like a testnet.
Result<> check_owner(const std::filesystem::path& directory) {
  struct stat about {};
  if (::lstat(directory.c_str(), &about) != 0) return {};
  if (S_ISDIR(about.st_mode) && about.st_uid == ::getuid()) return {};
  return error(Error::Kind::config, directory.string() + " is not a folder of yours",
               "name another with --dir");
}

std::string config_of(const std::string& name, const std::string& endpoint,
                      const std::string& placement) {
  return "# Made by quarry testnet.\nlisten = \"" + endpoint + "\"\nname = \"" + name +
         "\"\nplacement = \"" + placement + "\"\n";
}

// Starts a process that outlives this one, without the environment that is its testnet's to give.
Result<pid_t> start_process(const std::filesystem::path& program, std::vector<std::string> words,
                            const std::filesystem::path& log) {
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const auto is = [&](std::string_view name) {
      return std::string_view(*variable).starts_with(name);
    };
    if (std::none_of(kNotInherited.begin(), kNotInherited.end(), is)) {
      environment.push_back(*variable);
    }
  }
  environment.push_back(nullptr);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none, fallen_back;
  sigemptyset(&none);
  sigemptyset(&fallen_back);
  sigaddset(&fallen_back, SIGPIPE);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &fallen_back);
  posix_spawnattr_setflags(&how,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int code =
      ::posix_spawn(&pid, program.c_str(), &files, &how, arguments.data(), environment.data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (code == 0) return pid;
  return io_error("cannot start " + program.string(), code);
}

tl::unexpected<Error> does_not_run(const Testnet::Node& node) {
  return error(Error::Kind::unavailable, node.name + " does not run",
               "start it: quarry testnet up");
}

// A process of the testnet, by the lock that it holds.
struct Running {
  std::string name;
  std::filesystem::path lock;
  pid_t pid = 0;
};

// Ends them, and waits for it.
Result<> end(std::vector<Running> running, bool at_once) {
  for (const int signal : {at_once ? SIGKILL : SIGTERM, SIGKILL}) {
    for (const Running& one : running) {
      if (::kill(one.pid, signal) != 0 && errno != ESRCH) {
        return io_error("cannot end " + one.name + " (pid " + std::to_string(one.pid) + ")", errno);
      }
      ::kill(one.pid, SIGCONT);  // one that is paused hears nothing else
    }
    for (int waited_ms = 0; !running.empty() && waited_ms < kEndWithinMs;
         waited_ms += kLookEveryMs) {
      // The lock falls with the process, also where nobody reaps it.
      std::erase_if(running, [](const Running& one) {
        return PidLock::held(one.lock) != PidLock::Held::yes;
      });
      if (!running.empty()) ::poll(nullptr, 0, kLookEveryMs);
    }
    if (running.empty()) return {};
  }
  return error(Error::Kind::io, running.front().name + " (pid " +
                                    std::to_string(running.front().pid) + ") does not end");
}

}  // namespace

Testnet::Testnet(const std::string& directory)
    : directory_(directory.empty() ? default_directory()
                                   : std::filesystem::absolute(directory).lexically_normal()),
      temporary_(directory.empty()) {
  look();
}

void Testnet::look() {
  std::error_code ignored;
  nodes_.clear();
  if (!std::filesystem::exists(directory_ / kMark, ignored) || !check_owner(directory_)) return;
  for (std::uint32_t i = 1; i <= kMostNodes; ++i) {
    const std::string name = "node" + std::to_string(i);
    if (!std::filesystem::is_directory(directory_ / name, ignored)) break;
    nodes_.push_back({name, Home(directory_ / name)});
  }
}

Result<> Testnet::make(std::uint32_t count, const std::string& placement, bool relayed) {
  const Home folder(directory_);
  if (auto ours = check_owner(directory_); !ours) return ours;
  if (auto made = folder.make(); !made) return made;
  std::error_code failed;
  if (!std::filesystem::is_empty(directory_, failed)) {
    return error(Error::Kind::config, directory_.string() + " is not empty, and no testnet",
                 "name a new folder with --dir");
  }
  const auto ports = free_ports(relayed ? count * count : count);
  if (!ports) return tl::unexpected(ports.error());
  if (auto made = create_file(directory_ / kMark, "", 0600); !made) return made;
  std::vector<report::PeerEntry> all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = "node" + std::to_string(i + 1);
    const std::string endpoint = "tcp://127.0.0.1:" + std::to_string((*ports)[i]);
    const Home home(directory_ / name);
    const auto key = make_home(home, config_of(name, endpoint, placement));
    if (!key) return tl::unexpected(key.error());
    all.push_back({*key, endpoint, PeerRole::primary, name});
  }
  look();
  std::vector<Link> links;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto file = PeersFile::read(nodes_[i].home.peers_file());
    if (!file) return tl::unexpected(file.error());
    for (std::uint32_t to = 0; to < count; ++to) {
      if (to == i) continue;
      report::PeerEntry peer = all[to];
      if (relayed) {
        const Link& link = links.emplace_back(
            Link{nodes_[i].name, peer.name, (*ports)[count + links.size()], (*ports)[to]});
        peer.endpoint = "tcp://127.0.0.1:" + std::to_string(link.listen);
      }
      if (auto added = file->add(peer); !added) return added;
    }
    if (auto written = file->write(nodes_[i].home.peers_file()); !written) return written;
  }
  if (relayed) return write_links(links_file(), links);
  return {};
}

bool Testnet::relayed() const {
  std::error_code ignored;
  return std::filesystem::exists(links_file(), ignored);
}

bool Testnet::in_trouble() const {
  const auto links = read_links(links_file());
  return links && std::any_of(links->begin(), links->end(), [](const Link& link) {
           return link.cut || link.delay.count() > 0 || link.loss_percent > 0;
         });
}

Result<> Testnet::change_links(const std::function<void(Link&)>& change) {
  if (!relayed()) {
    return error(Error::Kind::config, "this testnet has no relay between its nodes",
                 "make one that has: quarry testnet up --relayed");
  }
  auto links = read_links(links_file());
  if (!links) return tl::unexpected(links.error());
  for (Link& link : *links) change(link);
  if (auto written = write_links(links_file(), *links); !written) return written;
  const auto relay = PidLock::holder(relay_lock());
  if (relay && ::kill(*relay, SIGHUP) != 0) return io_error("cannot tell the relay", errno);
  return {};
}

Result<> Testnet::signal(const Node& node, int signal) {
  const auto pid = node.home.pid();
  if (!pid) return does_not_run(node);
  if (::kill(*pid, signal) != 0) return io_error("cannot signal " + node.name, errno);
  return {};
}

Result<> Testnet::start(const std::filesystem::path& program) {
  if (relayed() && PidLock::held(relay_lock()) != PidLock::Held::yes) {
    auto relay = start_process(
        program, {"quarry", "testnet", "relay", "--dir", directory_.string()}, relay_log());
    if (!relay) return tl::unexpected(relay.error());
  }
  for (Node& node : nodes_) {
    if (node.home.running() == PidLock::Held::yes) continue;
    auto started =
        start_process(program, {"quarry", "node", "--home", node.home.directory().string()},
                      node.home.log_file());
    if (!started) return tl::unexpected(started.error());
    node.started = *started;
  }
  return {};
}

Result<> Testnet::stop() {
  std::vector<Running> running;
  for (const Node& node : nodes_) {
    if (const auto pid = node.home.pid())
      running.push_back({node.name, node.home.lock_file(), *pid});
  }
  if (const auto pid = PidLock::holder(relay_lock())) {
    running.push_back({"the relay", relay_lock(), *pid});
  }
  return end(std::move(running), false);
}

Result<> Testnet::stop(const Node& node, bool at_once) {
  const auto pid = node.home.pid();
  if (!pid) return does_not_run(node);
  return end({{node.name, node.home.lock_file(), *pid}}, at_once);
}

Result<> Testnet::remove() {
  std::error_code failed;
  for (const Node& node : nodes_) {
    std::filesystem::remove_all(node.home.directory(), failed);
    if (failed) return io_error("cannot remove " + node.home.directory().string(), failed.value());
  }
  for (const auto& file : {links_file(), relay_lock(), relay_log(), directory_ / kMark}) {
    std::filesystem::remove(file, failed);
  }
  nodes_.clear();
  // Whatever else somebody put there keeps the folder.
  std::filesystem::remove(directory_, failed);
  return {};
}

std::string last_words(const Home& home) {
  std::ifstream log(home.log_file());
  std::string line, last;
  while (std::getline(log, line)) {
    if (!line.empty()) last = line;
  }
  constexpr std::string_view kOwn = "quarry: ";
  return last.starts_with(kOwn) ? last.substr(kOwn.size()) : last;
}

}  // namespace quarry::cli
