// A verifier that is any program: the value on its stdin, what is known of it in its environment,
// the verdict in its exit code. Only codes that no accident gives are verdicts: whatever else a
// program does (another code, a signal, silence until its time is over) is a lost verdict, which
// blames nobody. What it prints is dropped.
#pragma once

#include <memory>

#include "actors/workers/exec_runs.hpp"

namespace quarry::workers {

struct ExecVerifier {
  static constexpr int kComplete = 0;
  static constexpr int kInvalid = 65;  // as sysexits.h has it: the data was wrong
  static constexpr int kUnresolved = 112;
  static constexpr int kIgnored = 113;
  static constexpr int kWithheld = 114;

  static Result<std::unique_ptr<Work>> open(ExecOptions options);
};

}  // namespace quarry::workers
