#include "cli/home.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace quarry::cli {
namespace {

std::string reason() { return std::strerror(errno); }

Result<> make_private(const std::filesystem::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return error(Error::Kind::io, "cannot make " + directory.string() + ": " + reason());
  }
  return {};
}

}  // namespace

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

Result<PidLock> Home::lock() const {
  if (auto fits = check(); !fits) return tl::unexpected(fits.error());
  for (const auto& folder : {run(), state(), store()}) {
    if (auto made = make_private(folder); !made) return tl::unexpected(made.error());
  }
  // Sockets take the umask: what keeps others away is the folder.
  if (::chmod(run().c_str(), 0700) != 0) {
    return error(Error::Kind::io, "cannot close " + run().string() + " to others: " + reason());
  }
  auto lock = PidLock::take(lock_file());
  if (!lock) return tl::unexpected(lock.error());
  if (*lock) return std::move(**lock);
  const auto who = pid();
  return error(Error::Kind::busy,
               "a node runs on the home " + directory_.string() + " already" +
                   (who ? " (pid " + std::to_string(*who) + ")" : ""),
               "end it first, or give this one a home of its own");
}

std::vector<std::filesystem::path> Home::left_behind() const {
  return {control_socket(),  verifier_socket(),  storage_socket(),        consumer_socket(),
          producer_socket(), admission_socket(), bridge_lock("consumer"), bridge_lock("producer")};
}

std::filesystem::path home_directory(const std::string& option) {
  if (!option.empty()) return option;
  if (const char* home = std::getenv("QUARRY_HOME"); home != nullptr && *home != '\0') return home;
  const char* user = std::getenv("HOME");
  return std::filesystem::path(user != nullptr && *user != '\0' ? user : "/") / ".quarry";
}

}  // namespace quarry::cli
