#include "cli/testnet.hpp"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <utility>

#include "bus/clock.hpp"
#include "cli/files.hpp"
#include "cli/new_home.hpp"
#include "cli/peers_file.hpp"
#include "cli/processes.hpp"
#include "msg/check.hpp"

namespace quarry::cli {
namespace {

// Below 32768: a node that dials a port of its own range of outgoing ones may reach itself.
constexpr std::uint16_t kFirstPort = 20000, kPorts = 12000;
// In containers each node has an address of its own.
constexpr const char* kContainerPort = "7000";
// What tells a testnet's folder from any other.
constexpr const char* kMark = ".quarry-testnet";
constexpr const char* kRelay = "relay";
constexpr const char* kWorkerLock = ".lock";
constexpr std::size_t kLongestImage = 4096;
constexpr std::size_t kMostConfig = 1024 * 1024;
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
                      const std::string& placement, bool in_container) {
  // A container does not know its own address beforehand.
  const std::string listen = in_container ? std::string("tcp://0.0.0.0:") + kContainerPort +
                                                "\"\nadvertise = \"" + endpoint
                                          : endpoint;
  return "# Made by quarry testnet.\nlisten = \"" + listen + "\"\nname = \"" + name +
         "\"\nplacement = \"" + placement + "\"\n";
}

tl::unexpected<Error> does_not_run(const Testnet::Node& node) {
  return error(Error::Kind::unavailable, node.name + " does not run",
               "start it: quarry testnet up");
}

// The program that runs: also for whoever has another one in between.
std::string own_program() {
  std::error_code failed;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? "quarry" : program.string();
}

// Says it to a program that mounts the disk where only that program and its children see it, so
// that it goes when they end.
std::vector<std::string> on_small_disk(const Containers::What& what) {
  std::vector<std::string> words{"unshare", "--mount"};
  if (::getuid() != 0) words.emplace_back("--map-root-user");
  words.insert(
      words.end(),
      {"sh", "-c", R"(mount -t tmpfs -o "mode=0700,size=$1" none "$0" && shift && exec "$@")",
       what.small.string(), std::to_string(what.small_bytes)});
  words.insert(words.end(), what.words.begin(), what.words.end());
  return words;
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
  image_ = read_file(directory_ / kMark, kLongestImage).value_or("");
  for (std::uint32_t i = 1; i <= kMostNodes; ++i) {
    const std::string name = "node" + std::to_string(i);
    if (!std::filesystem::is_directory(directory_ / name, ignored)) break;
    nodes_.push_back({name, Home(directory_ / name)});
  }
}

Testnet::Node* Testnet::find(const std::string& name) {
  const auto node =
      std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& one) { return one.name == name; });
  return node == nodes_.end() ? nullptr : &*node;
}

Result<> Testnet::make(const Shape& shape) {
  const Home folder(directory_);
  if (auto ours = check_owner(directory_); !ours) return ours;
  if (auto made = folder.make(); !made) return made;
  std::error_code failed;
  if (!std::filesystem::is_empty(directory_, failed)) {
    return error(Error::Kind::config, directory_.string() + " is not empty, and no testnet",
                 "name a new folder with --dir");
  }
  if (auto made = create_file(directory_ / kMark, shape.image, 0600); !made) return made;
  if (auto made = create_file(peers_file(), "", 0600); !made) return made;
  image_ = shape.image;
  return grow(shape.nodes, shape.placement, shape.relayed);
}

Result<> Testnet::grow(std::uint32_t count, const std::string& placement, bool relayed) {
  const auto before = static_cast<std::uint32_t>(nodes_.size());
  // Drawn in one go: none is taken before the nodes and the relay run.
  const std::size_t links = relayed ? std::size_t{count} * (count - 1) : 0;
  auto ports = free_ports(in_containers() ? 0 : count - before + links);
  if (!ports) return tl::unexpected(ports.error());
  auto all = PeersFile::read(peers_file());
  if (!all) return tl::unexpected(all.error());
  for (std::uint32_t i = before; i < count; ++i) {
    const std::string name = "node" + std::to_string(i + 1);
    const std::string endpoint = in_containers()
                                     ? "tcp://" + name + ":" + kContainerPort
                                     : "tcp://127.0.0.1:" + std::to_string((*ports)[i - before]);
    const auto key =
        make_home(Home(directory_ / name), config_of(name, endpoint, placement, in_containers()));
    if (!key) return tl::unexpected(key.error());
    if (auto added = all->add({*key, endpoint, PeerRole::primary, name}); !added) return added;
    nodes_.push_back({name, Home(directory_ / name)});
  }
  if (auto written = all->write(peers_file()); !written) return written;
  if (!in_containers()) ports->erase(ports->begin(), ports->begin() + (count - before));
  for (std::size_t i = 0; in_containers() && i < links; ++i) {
    ports->push_back(static_cast<std::uint16_t>(kFirstPort + i));
  }
  return introduce(*ports);
}

// Has each node know all others; through a relay, where there are ports for its links.
Result<> Testnet::introduce(const std::vector<std::uint16_t>& ports) {
  const auto all = read_peers(peers_file());
  if (!all) return tl::unexpected(all.error());
  std::vector<Link> links;
  for (const Node& node : nodes_) {
    auto file = PeersFile::read(node.home.peers_file());
    if (!file) return tl::unexpected(file.error());
    for (report::PeerEntry peer : *all) {
      if (peer.name == node.name || file->find(peer.name) != nullptr) continue;
      if (!ports.empty()) {
        const std::uint16_t port = ports[links.size()];
        links.push_back({node.name, peer.name, port, peer.endpoint.substr(std::strlen("tcp://"))});
        peer.endpoint = std::string("tcp://") + (in_containers() ? kRelay : "127.0.0.1") + ":" +
                        std::to_string(port);
      }
      if (auto added = file->add(peer); !added) return added;
    }
    if (auto written = file->write(node.home.peers_file()); !written) return written;
    static_cast<void>(signal(node, SIGHUP));  // where it runs it reads the file again
  }
  return links.empty() ? Result<>() : write_links(links_file(), links);
}

Result<> Testnet::shrink(std::uint32_t count) {
  const std::vector<Node> leaving(nodes_.begin() + count, nodes_.end());
  std::vector<Running> running;
  std::vector<std::filesystem::path> files{peers_file()};
  for (const Node& node : leaving) {
    if (const auto pid = node.home.pid()) {
      running.push_back({node.name, node.home.lock_file(), *pid});
    }
  }
  for (std::uint32_t i = 0; i < count; ++i) files.push_back(nodes_[i].home.peers_file());
  for (const auto& path : files) {
    auto file = PeersFile::read(path);
    if (!file) return tl::unexpected(file.error());
    for (const Node& node : leaving) {
      if (const auto* peer = file->find(node.name)) file->remove(PeerKey(peer->peer));
    }
    if (auto written = file->write(path); !written) return written;
  }
  nodes_.resize(count, leaving.front());
  for (const Node& node : nodes_) static_cast<void>(signal(node, SIGHUP));
  if (auto ended = end_processes(std::move(running), false); !ended) return ended;
  for (const Node& node : leaving) {
    std::error_code failed;
    std::filesystem::remove_all(node.home.directory(), failed);
    if (failed) return io_error("cannot remove " + node.home.directory().string(), failed.value());
  }
  return {};
}

Result<> Testnet::resize(std::uint32_t count) {
  if (relayed()) {
    return error(Error::Kind::config, "a testnet with a relay keeps its size",
                 "make one without: quarry testnet up");
  }
  QUARRY_CHECK(count >= 1 && count <= kMostNodes);
  return count < nodes_.size() ? shrink(count) : grow(count, "one", false);
}

Result<> Testnet::configure(const Node& node, const std::string& line) {
  const auto text = read_file(node.home.config_file(), kMostConfig);
  if (!text) return tl::unexpected(text.error());
  const std::string more = *text + line + "\n";
  return replace_file(node.home.config_file(), bytes_of(more));
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

Result<pid_t> Testnet::launch(Containers::What what) {
  if (in_containers()) {
    auto words = Containers(directory_, image_).start_words(what);
    auto started = start_process("docker", std::move(words), what.log);
    if (started) launched_.emplace_back(*started, what.log);
    return started;
  }
  auto words = what.small_bytes > 0 ? on_small_disk(what) : what.words;
  return start_process(std::string(words.front()), words, what.log);
}

// A container that is only about to be would be overlooked by whoever ends all of them.
Result<> Testnet::wait_launched() {
  Result<> all;
  for (const auto& [pid, log] : std::exchange(launched_, {})) {
    int how = 0;
    while (::waitpid(pid, &how, 0) < 0 && errno == EINTR) {
    }
    if (how != 0) {
      all = error(Error::Kind::unavailable, "a container does not start", "see " + log.string());
    }
  }
  return all;
}

Result<> Testnet::start(Node& node) {
  auto begun = begin(node);
  auto launched = wait_launched();
  return begun ? launched : begun;
}

Result<> Testnet::begin(Node& node) {
  if (node.home.running() == PidLock::Held::yes) return {};
  Containers::What what{node.name,
                        {program(), "node", "--home", node.home.directory().string()},
                        node.home.log_file()};
  if (node.disk_bytes > 0) {
    if (auto made = Home(node.home.store()).make(); !made) return made;
    what.small = node.home.store();
    what.small_bytes = node.disk_bytes;
  }
  auto started = launch(std::move(what));
  if (!started) return tl::unexpected(started.error());
  node.started = *started;
  return {};
}

Result<> Testnet::start() {
  if (in_containers()) {
    if (auto ready = Containers(directory_, image_).prepare(); !ready) return ready;
  }
  if (relayed() && PidLock::held(relay_lock()) != PidLock::Held::yes) {
    auto relay = launch(
        {kRelay, {program(), "testnet", "relay", "--dir", directory_.string()}, relay_log()});
    if (!relay) return tl::unexpected(relay.error());
  }
  for (Node& node : nodes_) {
    if (auto begun = begin(node); !begun) return begun;
  }
  return wait_launched();
}

std::string Testnet::program() const { return in_containers() ? "quarry" : own_program(); }

std::filesystem::path Testnet::lock_of(const Worker& worker) const {
  return directory_ / worker.node / (worker.name + kWorkerLock);
}

bool Testnet::runs(const Worker& worker) const {
  return PidLock::held(lock_of(worker)) == PidLock::Held::yes;
}

Result<> Testnet::start(const Worker& worker) {
  if (runs(worker)) return {};
  std::vector<std::string> words{program()};
  words.insert(words.end(), worker.words.begin(), worker.words.end());
  words.insert(words.end(), {"--home", (directory_ / worker.node).string()});
  Containers::What what{worker.name, with_lock(lock_of(worker), words),
                        directory_ / worker.node / (worker.name + ".log")};
  what.alone = true;
  if (auto begun = launch(std::move(what)); !begun) return tl::unexpected(begun.error());
  return wait_launched();
}

Result<> Testnet::stop() {
  static_cast<void>(wait_launched());
  std::vector<Running> running;
  const auto add = [&](const std::string& name, const std::filesystem::path& lock) {
    if (const auto pid = PidLock::holder(lock)) running.push_back({name, lock, *pid});
  };
  for (const Node& node : nodes_) {
    add(node.name, node.home.lock_file());
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(node.home.directory(), ignored)) {
      const std::string name = file.path().filename();
      if (name.ends_with(kWorkerLock)) add(name, file.path());
    }
  }
  add("the relay", relay_lock());
  auto ended = end_processes(std::move(running), false);
  if (!in_containers()) return ended;
  auto removed = Containers(directory_, image_).remove();
  return ended ? removed : ended;
}

Result<> Testnet::stop(const Node& node, bool at_once) {
  const auto pid = node.home.pid();
  if (!pid) return does_not_run(node);
  return end_processes({{node.name, node.home.lock_file(), *pid}}, at_once);
}

Result<> Testnet::stop(const Worker& worker, bool at_once) {
  const auto pid = PidLock::holder(lock_of(worker));
  if (!pid) return error(Error::Kind::unavailable, worker.name + " does not run");
  return end_processes({{worker.name, lock_of(worker), *pid}}, at_once);
}

Result<> Testnet::remove() {
  std::error_code failed;
  for (const Node& node : nodes_) {
    std::filesystem::remove_all(node.home.directory(), failed);
    if (failed) return io_error("cannot remove " + node.home.directory().string(), failed.value());
  }
  for (const auto& file :
       {links_file(), relay_lock(), relay_log(), peers_file(), directory_ / kMark}) {
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
