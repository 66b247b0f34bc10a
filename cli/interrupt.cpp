#include "cli/interrupt.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include "msg/check.hpp"

namespace quarry::cli {

Interrupt::Interrupt() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  fd_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  QUARRY_CHECK(fd_ >= 0);
}

Interrupt::~Interrupt() {
  ::close(fd_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupt::clear() {
  signalfd_siginfo info{};
  while (::read(fd_, &info, sizeof info) == sizeof info) {
  }
}

}  // namespace quarry::cli
