#include "cli/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/files.hpp"
#include "cli/pid_lock.hpp"

extern char** environ;

namespace quarry::cli {
namespace {

// A node ends within two seconds; one that has not by then is killed.
constexpr int kEndWithinMs = 5000;
constexpr int kLookEveryMs = 20;
constexpr std::size_t kMostOutput = 1024 * 1024;
// What a node is told by its own configuration, and not by the environment of whoever starts it.
constexpr std::array<std::string_view, 6> kNotInherited{
    "QUARRY_HOME=",  "QUARRY_LISTEN=",    "QUARRY_NAME=",
    "QUARRY_PEERS=", "QUARRY_PLACEMENT=", "NOTIFY_SOCKET="};

tl::unexpected<Error> io_error(const std::string& what, int code) {
  return error(Error::Kind::io, what + ": " + std::strerror(code));
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

std::vector<char*> inherited() {
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const auto is = [&](std::string_view name) {
      return std::string_view(*variable).starts_with(name);
    };
    if (std::none_of(kNotInherited.begin(), kNotInherited.end(), is)) {
      environment.push_back(*variable);
    }
  }
  environment.push_back(nullptr);
  return environment;
}

// In a session of its own, with no signal blocked. posix_spawn, and not fork: this program may have
// a ZeroMQ context, of which a child may run nothing.
Result<pid_t> spawn(const std::string& program, std::vector<std::string> words,
                    const posix_spawn_file_actions_t& files) {
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none, fallen_back;
  sigemptyset(&none);
  sigemptyset(&fallen_back);
  sigaddset(&fallen_back, SIGPIPE);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &fallen_back);
  posix_spawnattr_setflags(&how,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int code = ::posix_spawnp(&pid, program.c_str(), &files, &how, pointers(words).data(),
                                  inherited().data());
  posix_spawnattr_destroy(&how);
  if (code == 0) return pid;
  return io_error("cannot start " + program, code);
}

}  // namespace

Result<pid_t> start_process(const std::string& program, std::vector<std::string> words,
                            const std::filesystem::path& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  auto started = spawn(program, std::move(words), files);
  posix_spawn_file_actions_destroy(&files);
  return started;
}

Result<std::string> run_process(std::vector<std::string> words) {
  const std::string program = words.front();
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return io_error("cannot make a pipe", errno);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, pipe[1], 1);
  posix_spawn_file_actions_adddup2(&files, pipe[1], 2);
  const auto pid = spawn(program, std::move(words), files);
  posix_spawn_file_actions_destroy(&files);
  ::close(pipe[1]);
  auto said = pid ? read_descriptor(pipe[0], program, kMostOutput)
                  : Result<std::string>(tl::unexpected(pid.error()));
  ::close(pipe[0]);
  if (!pid) return said;
  int how = 0;
  while (::waitpid(*pid, &how, 0) < 0 && errno == EINTR) {
  }
  if (!said || (WIFEXITED(how) && WEXITSTATUS(how) == 0)) return said;
  while (said->ends_with('\n')) said->pop_back();
  return error(Error::Kind::io, program + " fails: " + said->substr(said->rfind('\n') + 1));
}

std::vector<std::string> with_lock(const std::filesystem::path& lock,
                                   const std::vector<std::string>& words) {
  std::vector<std::string> all{
      "sh", "-c",
      R"(: >>"$0"; exec flock --no-fork "$0" sh -c 'echo $$ >"$0"; exec "$@"' "$0" "$@")",
      lock.string()};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

Result<> end_processes(std::vector<Running> running, bool at_once) {
  for (const int signal : {at_once ? SIGKILL : SIGTERM, SIGKILL}) {
    for (Running& one : running) {
      // One that has just started may not have written its pid yet: then it was another's.
      one.pid = PidLock::holder(one.lock).value_or(one.pid);
      if (::kill(one.pid, signal) != 0 && errno != ESRCH) {
        return io_error("cannot end " + one.name + " (pid " + std::to_string(one.pid) + ")", errno);
      }
      ::kill(one.pid, SIGCONT);  // one that is paused hears nothing else
    }
    for (int waited_ms = 0; !running.empty() && waited_ms < kEndWithinMs;
         waited_ms += kLookEveryMs) {
      // The lock falls with the process, also where nobody reaps it.
      std::erase_if(running, [](const Running& one) {
        return PidLock::held(one.lock) != PidLock::Held::yes;
      });
      if (!running.empty()) ::poll(nullptr, 0, kLookEveryMs);
    }
    if (running.empty()) return {};
  }
  return error(Error::Kind::io, running.front().name + " (pid " +
                                    std::to_string(running.front().pid) + ") does not end");
}

}  // namespace quarry::cli
