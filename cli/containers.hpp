// The containers of a testnet: each process of it in one of its own, all on a network of their own
// in which they have the names of the nodes. The testnet's folder is in each at the same path, and
// they share the host's pids, so that a home and its sockets and lock mean the same on both sides.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "msg/result.hpp"

namespace quarry::cli {

class Containers {
 public:
  // Of the testnet in this folder.
  Containers(std::filesystem::path directory, std::string image);

  struct What {
    std::string name;                // of the process, and of the host in their network
    std::vector<std::string> words;  // of `quarry`
    std::filesystem::path log;
    std::filesystem::path small{};  // a folder that is a file system of its own, in memory
    std::uint64_t small_bytes = 0;
    bool alone = false;  // without a network
  };
  // Makes the network where it is missing. An engine or an image that is not there is an error.
  Result<> prepare() const;
  // What to run to start it; it ends when the container runs.
  std::vector<std::string> start_words(const What& what) const;
  // All of them, and the network.
  Result<> remove() const;

 private:
  std::string label() const { return "quarry.testnet=" + directory_.string(); }
  std::string network() const;

  std::filesystem::path directory_;
  std::string image_;
};

}  // namespace quarry::cli
