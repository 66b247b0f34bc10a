// What an operator may set of the Engine.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quarry::engine {

struct Config {
  std::uint32_t max_clients = 1024;
  // Fetches in progress, as many as their ids have slots for. About 152 bytes each with one
  // subscriber.
  std::uint32_t max_fetches = 4 * 1024 * 1024;
  std::uint32_t max_subscriptions = 8 * 1024 * 1024;
  // Room for answers that are not judged yet. Without room the PeerSelector asks nobody.
  std::uint32_t answer_slots = 4096;
  std::uint64_t answer_bytes = 256ULL * 1024 * 1024;
  // What may wait for one client that does not read; beyond, it is put out.
  std::size_t client_outbox_bytes = 64ULL * 1024 * 1024;
};

}  // namespace quarry::engine
