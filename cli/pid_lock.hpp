// A file that one process at a time holds, by flock; what is in it is that process's id. The kernel
// lets go of it however the process ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "msg/result.hpp"

namespace quarry::cli {

class PidLock {
 public:
  // Nothing where another process holds it.
  static Result<std::optional<PidLock>> take(const std::filesystem::path& file);
  PidLock(PidLock&& other) noexcept;
  PidLock& operator=(PidLock&&) = delete;
  ~PidLock();

  enum class Held { no, yes, unknown };  // unknown: nobody ever took it
  static Held held(const std::filesystem::path& file);
  // Of the process that holds it.
  static std::optional<pid_t> holder(const std::filesystem::path& file);

 private:
  explicit PidLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace quarry::cli
