// A node's home: the folder that holds its configuration, key, peers, store and running state, and
// the lock that lets one node at a time run on it. Knows where things are; never reads or changes
// what they hold.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/pid_lock.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

class Home {
 public:
  explicit Home(std::filesystem::path directory) : directory_(std::move(directory)) {}

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path config_file() const { return directory_ / "quarry.toml"; }
  std::filesystem::path key_file() const { return directory_ / "node.key"; }
  std::filesystem::path peers_file() const { return directory_ / "peers"; }
  std::filesystem::path store() const { return directory_ / "store"; }
  std::filesystem::path state() const { return directory_ / "state"; }
  std::filesystem::path run() const { return directory_ / "run"; }
  std::filesystem::path lock_file() const { return run() / "lock"; }
  std::filesystem::path log_file() const { return directory_ / "node.log"; }
  std::filesystem::path control_socket() const { return run() / "control.sock"; }
  std::filesystem::path verifier_socket() const { return run() / "verifiers.sock"; }
  std::filesystem::path storage_socket() const { return run() / "storages.sock"; }
  // Where bridges in processes of their own meet the others, and what such a process holds.
  std::filesystem::path consumer_socket() const { return run() / "consumer.sock"; }
  std::filesystem::path producer_socket() const { return run() / "producer.sock"; }
  std::filesystem::path admission_socket() const { return run() / "admission.sock"; }
  std::filesystem::path bridge_lock(const std::string& bridge) const {
    return run() / (bridge + ".lock");
  }
  std::string control_endpoint() const { return "ipc://" + control_socket().string(); }
  std::string verifier_endpoint() const { return "ipc://" + verifier_socket().string(); }
  std::string storage_endpoint() const { return "ipc://" + storage_socket().string(); }

  // Whether there is a folder, and one whose sockets have paths that the system takes.
  Result<> check() const;
  // Makes the folder, readable by its owner only, where it is missing.
  Result<> make() const;
  // For the node that is about to run: makes run/, state/ and store/, and takes the lock.
  Result<PidLock> lock() const;
  // Files in run/ that no process takes along when it ends, but for the lock.
  std::vector<std::filesystem::path> left_behind() const;
  // Whether a node runs.
  PidLock::Held running() const { return PidLock::held(lock_file()); }
  // Of the running node; nothing when none runs.
  std::optional<pid_t> pid() const { return PidLock::holder(lock_file()); }

  // How to start a node here, for remedies.
  std::string start_command() const { return "quarry node --home " + directory_.string(); }

 private:
  std::filesystem::path directory_;
};

// --home, or $QUARRY_HOME, or ~/.quarry.
std::filesystem::path home_directory(const std::string& option);

}  // namespace quarry::cli
