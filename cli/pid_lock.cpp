#include "cli/pid_lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "cli/files.hpp"

namespace quarry::cli {
namespace {

// Who only looks whether it is held holds it for a moment; this long is waited for them.
constexpr int kLookersMs = 300;

}  // namespace

PidLock::PidLock(PidLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

PidLock::~PidLock() {
  if (fd_ < 0) return;
  if (::ftruncate(fd_, 0) != 0) {
    // A pid that stays behind without its lock says nothing.
  }
  ::close(fd_);
}

Result<std::optional<PidLock>> PidLock::take(const std::filesystem::path& file) {
  const auto failed = [&](const char* what) {
    return error(Error::Kind::io,
                 std::string("cannot ") + what + " " + file.string() + ": " + std::strerror(errno));
  };
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open");
  PidLock lock(fd);
  for (int waited_ms = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += 10) {
    const bool held = errno == EWOULDBLOCK;
    if (held && waited_ms < kLookersMs) {
      ::poll(nullptr, 0, 10);
      continue;
    }
    auto why = failed("lock");
    ::close(std::exchange(lock.fd_, -1));  // what another process wrote there stays
    if (held) return std::nullopt;
    return why;
  }
  const std::string line = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || !write_all(fd, bytes_of(line))) return failed("write");
  return std::optional<PidLock>(std::move(lock));
}

PidLock::Held PidLock::held(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Held::unknown;
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  return free ? Held::no : Held::yes;
}

std::optional<pid_t> PidLock::holder(const std::filesystem::path& file) {
  if (held(file) != Held::yes) return std::nullopt;
  const auto text = read_file(file, 32);
  if (!text) return std::nullopt;
  pid_t pid = 0;
  std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

}  // namespace quarry::cli
