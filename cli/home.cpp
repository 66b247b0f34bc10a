#include "cli/home.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/files.hpp"

namespace quarry::cli {
namespace {

// Who only looks whether a node runs holds the lock for a moment; this long is waited for them.
constexpr int kLookersMs = 300;

std::string reason() { return std::strerror(errno); }

Result<> make_private(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return error(Error::Kind::io, "cannot make " + directory.string() + ": " + reason());
  }
  return {};
}

}  // namespace

HomeLock::HomeLock(HomeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

HomeLock::~HomeLock() {
  if (fd_ < 0) return;
  if (::ftruncate(fd_, 0) != 0) {
    // A pid that stays behind without its lock says nothing.
  }
  ::close(fd_);
}

Result<> Home::check() const {
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory_, ignored)) {
    return error(Error::Kind::config, "there is no node's home at " + directory_.string(),
                 "make one with: quarry keygen --home " + directory_.string());
  }
  const std::size_t longest = verifier_socket().string().size();
  if (longest >= sizeof(sockaddr_un{}.sun_path)) {
    return error(Error::Kind::config,
                 "the path of the home " + directory_.string() + " is " +
                     std::to_string(longest + 1 - sizeof(sockaddr_un{}.sun_path)) +
                     " bytes too long for the sockets in it",
                 "use a shorter one, or one relative to the current folder");
  }
  return {};
}

Result<> Home::make() const {
  std::error_code failed;
  if (std::filesystem::is_directory(directory_, failed)) return {};
  if (directory_.has_parent_path()) {
    std::filesystem::create_directories(directory_.parent_path(), failed);
    if (failed) {
      return error(Error::Kind::io,
                   "cannot make " + directory_.parent_path().string() + ": " + failed.message());
    }
  }
  return make_private(directory_);
}

Result<HomeLock> Home::lock() const {
  if (auto fits = check(); !fits) return tl::unexpected(fits.error());
  for (const auto& folder : {run(), state(), store()}) {
    if (auto made = make_private(folder); !made) return tl::unexpected(made.error());
  }
  // Sockets take the umask: what keeps others away is the folder.
  if (::chmod(run().c_str(), 0700) != 0) {
    return error(Error::Kind::io, "cannot close " + run().string() + " to others: " + reason());
  }
  const int fd = ::open(lock_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return error(Error::Kind::io, "cannot open " + lock_file().string() + ": " + reason());
  HomeLock lock(fd);
  for (int waited_ms = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += 10) {
    const bool held = errno == EWOULDBLOCK;
    if (held && waited_ms < kLookersMs) {
      ::poll(nullptr, 0, 10);
      continue;
    }
    ::close(std::exchange(lock.fd_, -1));  // what another node wrote there stays
    if (!held) {
      return error(Error::Kind::io, "cannot lock " + lock_file().string() + ": " + reason());
    }
    const auto who = pid();
    return error(Error::Kind::busy,
                 "a node runs on the home " + directory_.string() + " already" +
                     (who ? " (pid " + std::to_string(*who) + ")" : ""),
                 "end it first, or give this one a home of its own");
  }
  const std::string line = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || !write_all(fd, bytes_of(line))) {
    return error(Error::Kind::io, "cannot write " + lock_file().string() + ": " + reason());
  }
  return lock;
}

Home::Running Home::running() const {
  const int fd = ::open(lock_file().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Running::unknown;
  const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
  ::close(fd);
  return free ? Running::no : Running::yes;
}

std::optional<pid_t> Home::pid() const {
  if (running() != Running::yes) return std::nullopt;
  const auto text = read_file(lock_file(), 32);
  if (!text) return std::nullopt;
  pid_t pid = 0;
  std::from_chars(text->data(), text->data() + text->size(), pid);
  return pid > 0 ? std::optional(pid) : std::nullopt;
}

std::filesystem::path home_directory(const std::string& option) {
  if (!option.empty()) return option;
  if (const char* home = std::getenv("QUARRY_HOME"); home != nullptr && *home != '\0') return home;
  const char* user = std::getenv("HOME");
  return std::filesystem::path(user != nullptr && *user != '\0' ? user : "/") / ".quarry";
}

}  // namespace quarry::cli
