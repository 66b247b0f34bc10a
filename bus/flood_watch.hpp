// Ends connections that swallow memory: libzmq hands a message on when its last frame has come, and
// holds all of it until then, so a partner whose message never ends would grow the node without
// bound, unseen by any loop. Ten times a second this compares what the kernel has received on each
// of our TCP connections with whether a whole message has come out of it meanwhile.
//
// Our connections are known by their ports: those that sockets of this process listen on, and those
// that they dial. It reads nothing, decides nothing about peers, and touches no ZeroMQ socket.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "msg/time.hpp"

namespace quarry::bus {

class FloodWatch {
 public:
  // What a partner can send between two looks comes on top of a socket's limit: at the speed of
  // CURVE on one core, some 50 MB.
  static constexpr Duration kEvery = std::chrono::milliseconds(100);
  // Connections with higher descriptors are not watched: a context has at most 8,192 sockets of two
  // descriptors each, and a connection for each of them and for each peer that dials.
  static constexpr std::size_t kDescriptors = 65'536;

  FloodWatch() = default;
  ~FloodWatch();
  FloodWatch(const FloodWatch&) = delete;
  FloodWatch& operator=(const FloodWatch&) = delete;

  // Connections to this port of ours, or to this port of others, may have received `limit` bytes
  // since a whole message last came out. The first call starts the watch. From any thread.
  void listens(std::uint16_t port, std::uint64_t limit) { expect(listened_, port, limit); }
  void dials(std::uint16_t port, std::uint64_t limit) { expect(dialled_, port, limit); }
  // A whole message came out of the connection with this descriptor. From any thread.
  void delivered(int fd) {
    if (fd >= 0 && static_cast<std::size_t>(fd) < kDescriptors) {
      delivered_[static_cast<std::size_t>(fd)].fetch_add(1, std::memory_order_relaxed);
    }
  }
  // Connections ended so far.
  std::uint64_t ended() const { return ended_; }

 private:
  using Limits = std::unordered_map<std::uint16_t, std::uint64_t>;  // by port
  struct Seen {
    std::uint64_t received = 0;  // bytes, when a message had last come out
    std::uint32_t delivered = 0;
  };
  void expect(Limits& limits, std::uint16_t port, std::uint64_t limit);
  void run();
  void look();
  void look_at(int fd);
  std::uint64_t limit_of(int fd) const;

  std::array<std::atomic<std::uint32_t>, kDescriptors> delivered_{};
  std::vector<Seen> seen_;  // by descriptor; of the watch's thread
  std::atomic<std::uint64_t> ended_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable ends_;
  bool ending_ = false;
  Limits listened_, dialled_;
  std::uint64_t least_limit_ = UINT64_MAX;
  std::thread thread_;
};

}  // namespace quarry::bus
