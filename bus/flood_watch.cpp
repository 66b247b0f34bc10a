#include "bus/flood_watch.hpp"

#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <optional>

namespace quarry::bus {
namespace {

// Bytes that the kernel has received on a TCP connection since it began; none for anything else.
std::optional<std::uint64_t> received_by(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) {
    return std::nullopt;
  }
  return info.tcpi_bytes_received;
}

// Bytes that wait in the kernel.
std::uint64_t unread_of(int fd) {
  int unread = 0;
  return ioctl(fd, FIONREAD, &unread) == 0 ? static_cast<std::uint64_t>(unread) : 0;
}

template <class Call>
std::optional<std::uint16_t> port_by(Call call, int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (call(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  if (address.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  }
  return std::nullopt;
}

}  // namespace

FloodWatch::~FloodWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FloodWatch::expect(Limits& limits, std::uint16_t port, std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& known = limits[port];
  known = std::max(known, limit);
  least_limit_ = std::min(least_limit_, limit);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void FloodWatch::run() {
  seen_.resize(kDescriptors);
  std::unique_lock lock(mutex_);
  while (!ends_.wait_for(lock, kEvery, [this] { return ending_; })) look();
}

void FloodWatch::look() {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir("/proc/self/fd"), closedir);
  if (open == nullptr) return;
  while (const dirent* entry = readdir(open.get())) look_at(std::atoi(entry->d_name));
}

void FloodWatch::look_at(int fd) {
  const auto at = static_cast<std::size_t>(fd);
  if (at >= kDescriptors) return;
  const auto received = received_by(fd);
  if (!received) return;
  Seen& seen = seen_[at];
  const std::uint32_t delivered = delivered_[at].load(std::memory_order_relaxed);
  // Fewer bytes than before: the descriptor is another connection's.
  if (delivered != seen.delivered || *received < seen.received) {
    seen = {delivered != seen.delivered ? *received : 0, delivered};
  }
  if (*received - seen.received <= least_limit_) return;
  const std::uint64_t taken = *received - std::min(*received, unread_of(fd));
  if (taken <= seen.received || taken - seen.received <= limit_of(fd)) return;
  ::shutdown(fd, SHUT_RDWR);
  ++ended_;
  spdlog::warn("a connection was ended: {} bytes came over it, and no whole message",
               taken - seen.received);
  seen.received = *received;
}

std::uint64_t FloodWatch::limit_of(int fd) const {
  const auto among = [](const Limits& limits, std::optional<std::uint16_t> port) {
    const auto known = port ? limits.find(*port) : limits.end();
    return known == limits.end() ? UINT64_MAX : known->second;
  };
  return std::min(among(listened_, port_by(getsockname, fd)),
                  among(dialled_, port_by(getpeername, fd)));
}

}  // namespace quarry::bus
