// A process of workers for a node that runs, or will: waits for the node, learns its network, and
// then attaches the workers to its door, each on a thread of its own, until a signal ends it. The
// node may come and go meanwhile. Knows no work.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/workers/exec_runs.hpp"
#include "cli/command_line.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

// What every command that runs workers is told.
struct WorkerFlags {
  Common common;
  std::string doors;
  std::string name;
  std::vector<std::string> keys;
  std::uint32_t concurrency = 0;
  std::uint32_t credit = 0;
  std::string timeout = "10s";
  std::string log_level = "info";
  bool json_log = false;
};
void add_worker_options(Command& to, WorkerFlags& flags);

// Which node, as it told.
struct Served {
  Network network;
  PeerKey node;
};
using MakeWork = std::function<Result<std::unique_ptr<workers::Work>>()>;
// One for each worker; called on the thread where it will live.
using Plan = std::function<Result<std::vector<MakeWork>>(const Served&)>;

// How a program is run for each job.
workers::ExecOptions exec_options(const WorkerFlags& flags, const std::string& command,
                                  const Served& served);

// Returns when the workers have ended: in good order, or with what went wrong.
Exit run_workers(const WorkerFlags& flags, WorkerRole role, const Plan& plan);

}  // namespace quarry::cli
