// A storage that is any program: what to do in its environment, a value that it has on its stdout,
// one that it is to keep on its stdin, what came of it in its exit code. A code that is no answer
// is a job that failed. Where keys are digests of their values, what it prints is checked (N17);
// elsewhere that is the program's own duty.
#pragma once

#include <memory>

#include "actors/workers/exec_runs.hpp"

namespace quarry::workers {

struct ExecStorage {
  static constexpr int kDone = 0;     // found, kept, removed
  static constexpr int kNoData = 66;  // as sysexits.h has it: the input is not there

  // `keeps`: it keeps and removes as well. Else it is asked for look-ups only.
  static Result<std::unique_ptr<Work>> open(ExecOptions options, const Network& network,
                                            bool keeps);
};

}  // namespace quarry::workers
