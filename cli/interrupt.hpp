// Ctrl-C and SIGTERM as something to wait for. While one of these lives they do not end the
// program. Made before any thread is, so that no other thread takes them.
#pragma once

#include <signal.h>

namespace quarry::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  int fd() const { return fd_; }
  // Forgets those that came, so that the next can be waited for.
  void clear();

 private:
  sigset_t before_;
  int fd_;
};

}  // namespace quarry::cli
