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

Result<> Testnet::make(std::uint32_t count, const std::string& placement) {
  const Home folder(directory_);
  if (auto ours = check_owner(directory_); !ours) return ours;
  if (auto made = folder.make(); !made) return made;
  std::error_code failed;
  if (!std::filesystem::is_empty(directory_, failed)) {
    return error(Error::Kind::config, directory_.string() + " is not empty, and no testnet",
                 "name a new folder with --dir");
  }
  const auto ports = free_ports(count);
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
  for (std::uint32_t i = 0; i < count; ++i) {
    auto file = PeersFile::read(nodes_[i].home.peers_file());
    if (!file) return tl::unexpected(file.error());
    for (const auto& peer : all) {
      if (peer.name == nodes_[i].name) continue;
      if (auto added = file->add(peer); !added) return added;
    }
    if (auto written = file->write(nodes_[i].home.peers_file()); !written) return written;
  }
  return {};
}

Result<> Testnet::start(const std::filesystem::path& program) {
  for (Node& node : nodes_) {
    if (node.home.running() == Home::Running::yes) continue;
    if (auto started = start_node(node, program); !started) return started;
  }
  return {};
}

Result<> Testnet::start_node(Node& node, const std::filesystem::path& program) {
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
  std::string words[] = {"quarry", "node", "--home", node.home.directory().string()};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, node.home.log_file().c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
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
  const int code =
      ::posix_spawn(&node.started, program.c_str(), &files, &how, arguments, environment.data());
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  if (code == 0) return {};
  node.started = 0;
  return io_error("cannot start " + program.string(), code);
}

Result<> Testnet::stop() {
  std::vector<std::pair<Node*, pid_t>> running;
  for (Node& node : nodes_) {
    if (const auto pid = node.home.pid()) running.emplace_back(&node, *pid);
  }
  for (const int signal : {SIGTERM, SIGKILL}) {
    for (const auto& [node, pid] : running) {
      if (::kill(pid, signal) != 0 && errno != ESRCH) {
        return io_error("cannot end " + node->name + " (pid " + std::to_string(pid) + ")", errno);
      }
    }
    for (int waited_ms = 0; !running.empty() && waited_ms < kEndWithinMs;
         waited_ms += kLookEveryMs) {
      // The lock falls with the process, also where nobody reaps it.
      std::erase_if(
          running, [](const auto& one) { return one.first->home.running() != Home::Running::yes; });
      if (!running.empty()) ::poll(nullptr, 0, kLookEveryMs);
    }
    if (running.empty()) return {};
  }
  return error(Error::Kind::io, running.front().first->name + " (pid " +
                                    std::to_string(running.front().second) + ") does not end");
}

Result<> Testnet::remove() {
  std::error_code failed;
  for (const Node& node : nodes_) {
    std::filesystem::remove_all(node.home.directory(), failed);
    if (failed) return io_error("cannot remove " + node.home.directory().string(), failed.value());
  }
  std::filesystem::remove(directory_ / kMark, failed);
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
