// Processes of a testnet: they outlive the program that starts them, and each is known by the lock
// that it holds.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "msg/result.hpp"

namespace quarry::cli {

// `program` is looked for in $PATH. Without the environment that is a node's own configuration's to
// give. Its output is appended to the log.
Result<pid_t> start_process(const std::string& program, std::vector<std::string> words,
                            const std::filesystem::path& log);

// Runs one to its end: what it printed, on stdout and stderr. An error where it ends badly.
Result<std::string> run_process(std::vector<std::string> words);

// Words for a process that holds no lock by itself: it holds this one, and its pid stands there.
std::vector<std::string> with_lock(const std::filesystem::path& lock,
                                   const std::vector<std::string>& words);

struct Running {
  std::string name;
  std::filesystem::path lock;
  pid_t pid = 0;
};
// Ends them, and waits for it.
Result<> end_processes(std::vector<Running> running, bool at_once);

}  // namespace quarry::cli
