// Why a thread of this process ended on its own, as something to wait for: the first reason that
// was given, from whichever thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <string>

#include "msg/check.hpp"

namespace quarry::cli {

class Failure {
 public:
  Failure() : fd_(eventfd(0, EFD_CLOEXEC)) { QUARRY_CHECK(fd_ >= 0); }
  ~Failure() { close(fd_); }
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;

  int fd() const { return fd_; }
  void report(std::string reason) {
    const std::scoped_lock lock(mutex_);
    if (reason_.empty()) reason_ = std::move(reason);
    const std::uint64_t one = 1;
    QUARRY_CHECK(write(fd_, &one, sizeof one) == sizeof one);
  }
  std::string reason() {
    const std::scoped_lock lock(mutex_);
    return reason_;
  }

 private:
  int fd_;
  std::mutex mutex_;
  std::string reason_;
};

}  // namespace quarry::cli
