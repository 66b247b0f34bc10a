// The command of an --exec worker: it is run by /bin/sh once for each job, some at a time, and the
// other jobs that the worker holds wait for their turn. Knows jobs by their ids, and never what an
// end means.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "actors/workers/work.hpp"
#include "bus/children.hpp"

namespace quarry::workers {

struct ExecOptions {
  std::string command;
  std::string name;
  std::uint32_t concurrency = 1;         // runs at a time
  std::uint32_t credit = 2;              // jobs held, with those that run
  Duration timeout{};                    // of one run
  std::vector<std::string> environment;  // NAME=value: the same for all jobs
};

class ExecRuns {
 public:
  using Ended = bus::Children::Ended;

  static Result<ExecRuns> open(ExecOptions options);

  // False when it holds as many as its credit. A job that is given once more while it is held (the
  // door came back) is run once.
  bool add(JobId job, bus::Children::Program program);
  bool holds(JobId job) const;
  int ready_descriptor() const { return children_.descriptor(); }
  // Appends those that have ended, and starts others. A run that could not start ends with 126, as
  // a shell has it.
  void take_ended(std::vector<Ended>& to);

  // What a person should know of an end that was no answer: "exit code 1: cat: no such file".
  std::string told(const Ended& end) const;
  // Writes it to the log, at most a line a second.
  void report(const Key& key, const std::string& told);

 private:
  struct Waiting {
    JobId job;
    bus::Children::Program program;
  };
  ExecRuns(ExecOptions options, bus::Children children)
      : options_(std::move(options)), children_(std::move(children)) {}
  void start_some(std::vector<Ended>& failed);

  ExecOptions options_;
  bus::Children children_;
  std::deque<Waiting> waiting_;
  Time report_at_{};
  std::uint64_t unreported_ = 0;
};

}  // namespace quarry::workers
