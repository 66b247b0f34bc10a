#include "bus/children.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "bus/clock.hpp"
#include "msg/check.hpp"

extern char** environ;

namespace quarry::bus {
namespace {

constexpr std::size_t kChunk = 64 * 1024;  // bytes read at a time: what a pipe holds
// Reads after a child's end: what it left in a pipe, and not what a grandchild goes on writing.
constexpr int kLastReads = 32;
constexpr int kEvents = 64;
constexpr std::uint64_t kTimer = UINT64_MAX;

std::string reason(int code) { return std::strerror(code); }

// glibc 2.36 declares pidfd_open() for C only.
int open_process(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

// Both ends of a pipe; ours never blocks. Closed when it goes, but for what was taken.
struct Pipe {
  int ours = -1;
  int theirs = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_fd(ours);
    close_fd(theirs);
  }
  bool open(bool we_write) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    ours = ends[we_write ? 1 : 0];
    theirs = ends[we_write ? 0 : 1];
    // Where our own standard descriptors are closed it may be one of them, and in the way.
    if (theirs < 3) {
      const int above = ::fcntl(theirs, F_DUPFD_CLOEXEC, 3);
      close_fd(theirs);
      theirs = above;
    }
    return theirs >= 0 && ::fcntl(ours, F_SETFL, O_NONBLOCK) == 0;
  }
};

// What posix_spawn is to do between the processes: pipes in place of the standard descriptors, all
// others closed, a group of its own, no signal blocked or ignored.
class Between {
 public:
  explicit Between(const std::array<Pipe, 3>& pipes) {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&files, pipes[i].theirs, i);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attributes, &set);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Between() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
  }
  Between(const Between&) = delete;
  Between& operator=(const Between&) = delete;

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// Of two variables of one name some programs take the first and some the last: so there is one.
std::vector<std::string> with_our_own(std::vector<std::string> environment) {
  std::set<std::string, std::less<>> names;
  for (const std::string& variable : environment) names.emplace(name_of(variable));
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    if (!names.contains(name_of(*at))) environment.emplace_back(*at);
  }
  return environment;
}

// 0, or why not.
int spawn(std::vector<std::string> arguments, std::vector<std::string> environment,
          const std::array<Pipe, 3>& pipes, int& pid) {
  Between between(pipes);
  environment = with_our_own(std::move(environment));
  return ::posix_spawnp(&pid, arguments.front().c_str(), &between.files, &between.attributes,
                        pointers(arguments).data(), pointers(environment).data());
}

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  text = text.substr(text.rfind('\n') + 1);
  return std::string(text.substr(0, Children::kComplaint));
}

}  // namespace

Result<Children> Children::open() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  Children made(epoll, timer);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kTimer;
  if (epoll < 0 || timer < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) != 0) {
    return error(Error::Kind::unavailable, "no descriptors to run programs: " + reason(errno),
                 "raise the limit of open files (ulimit -n)");
  }
  return made;
}

Children::Children(Children&& other) noexcept
    : epoll_(std::exchange(other.epoll_, -1)),
      timer_(std::exchange(other.timer_, -1)),
      children_(std::move(other.children_)),
      ids_(std::move(other.ids_)),
      last_(other.last_) {}

Children::~Children() {
  for (auto& [number, child] : children_) kill_group(child);
  for (auto& [number, child] : children_) {
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    close_all(child);
  }
  close_fd(timer_);
  close_fd(epoll_);
}

Result<> Children::start(std::uint64_t id, Program program) {
  QUARRY_CHECK(!program.arguments.empty() && !ids_.contains(id));
  const std::string name = program.arguments.front();
  std::array<Pipe, 3> pipes;
  for (int i = 0; i < 3; ++i) {
    if (pipes[i].open(i == 0)) continue;
    return error(Error::Kind::unavailable, "no pipe for " + name + ": " + reason(errno),
                 "raise the limit of open files (ulimit -n)");
  }
  Child child;
  const int failed =
      spawn(std::move(program.arguments), std::move(program.environment), pipes, child.pid);
  if (failed != 0) {
    return error(Error::Kind::unavailable, "cannot start " + name + ": " + reason(failed));
  }
  const std::uint64_t number = ++last_;
  child.id = child.end.id = id;
  child.process = open_process(child.pid);
  for (int i = 0; i < 3; ++i) child.pipes[i] = std::exchange(pipes[i].ours, -1);
  child.input = std::move(program.input);
  child.keep_output = program.keep_output;
  child.most_output = program.most_output;
  child.deadline = now() + program.timeout;
  const bool watched = child.process >= 0 && watch(child.process, number, Stream::end, EPOLLIN) &&
                       watch(child.pipes[0], number, Stream::input, EPOLLOUT) &&
                       watch(child.pipes[1], number, Stream::output, EPOLLIN) &&
                       watch(child.pipes[2], number, Stream::complaints, EPOLLIN);
  if (!watched) {
    const std::string why = reason(errno);
    kill_group(child);
    ::waitpid(child.pid, nullptr, 0);
    close_all(child);
    return error(Error::Kind::unavailable, "cannot watch " + name + ": " + why,
                 "raise the limit of open files (ulimit -n)");
  }
  ids_.insert(id);
  feed(children_.emplace(number, std::move(child)).first->second);
  set_timer();
  return {};
}

bool Children::watch(int fd, std::uint64_t number, Stream stream, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number << 2 | static_cast<std::uint64_t>(stream);
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Children::close_pipe(Child& child, Stream stream) {
  close_fd(child.pipes[static_cast<std::size_t>(stream)]);
}

void Children::close_all(Child& child) {
  for (int& pipe : child.pipes) close_fd(pipe);
  close_fd(child.process);
}

void Children::feed(Child& child) {
  const int fd = child.pipes[0];
  if (fd < 0) return;
  const std::string_view all = text_of(child.input.view());
  while (child.fed < all.size()) {
    const ssize_t wrote = ::write(fd, all.data() + child.fed, all.size() - child.fed);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) return;
    if (wrote < 0) break;  // it reads no more
    child.fed += static_cast<std::size_t>(wrote);
  }
  close_pipe(child, Stream::input);
  child.input = {};
}

// False when nothing is left for now.
bool Children::read_some(Child& child, Stream stream) {
  const int fd = child.pipes[static_cast<std::size_t>(stream)];
  if (fd < 0) return false;
  std::array<char, kChunk> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    close_pipe(child, stream);
    return false;
  }
  take(child, stream, {buffer.data(), static_cast<std::size_t>(got)});
  return true;
}

void Children::take(Child& child, Stream stream, std::string_view bytes) {
  if (stream == Stream::complaints) {
    // More than a line is kept: the last may come in pieces.
    std::string& said = child.end.complaint;
    said += bytes;
    if (said.size() > 8 * kComplaint) said.erase(0, said.size() - 4 * kComplaint);
    return;
  }
  std::string& kept = child.end.output;
  kept += bytes.substr(0, child.keep_output - std::min(child.keep_output, kept.size()));
  child.end.output_bytes += bytes.size();
  if (child.end.output_bytes > child.most_output) kill_for(child, Ended::How::flooded);
}

// Before the leader is reaped, so that its number still names this group and no other.
void Children::kill_group(const Child& child) {
  ::kill(-child.pid, SIGKILL);
  ::kill(child.pid, SIGKILL);
}

void Children::kill_for(Child& child, Ended::How why) {
  if (std::exchange(child.killed, true)) return;
  child.end.how = why;
  kill_group(child);
}

void Children::reap(Child& child) {
  kill_group(child);
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(child.process), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
  if (child.killed) return;
  child.end.how = info.si_code == CLD_EXITED ? Ended::How::exited : Ended::How::signalled;
  child.end.code = info.si_status;
}

void Children::end(Table::iterator at, std::vector<Ended>& to) {
  Child& child = at->second;
  for (const Stream stream : {Stream::output, Stream::complaints}) {
    for (int reads = 0; reads < kLastReads && read_some(child, stream); ++reads) {
    }
  }
  reap(child);
  close_all(child);
  child.end.complaint = last_line(child.end.complaint);
  to.push_back(std::move(child.end));
  ids_.erase(child.id);
  children_.erase(at);
}

void Children::take_ended(std::vector<Ended>& to) {
  std::array<epoll_event, kEvents> events;
  const int count = ::epoll_wait(epoll_, events.data(), kEvents, 0);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kTimer) continue;
    const auto at = children_.find(events[i].data.u64 >> 2);
    if (at == children_.end()) continue;
    const auto stream = static_cast<Stream>(events[i].data.u64 & 3);
    if (stream == Stream::end) {
      end(at, to);
    } else if (stream == Stream::input) {
      feed(at->second);
    } else {
      read_some(at->second, stream);
    }
  }
  const Time time = now();
  for (auto& [number, child] : children_) {
    if (child.deadline <= time) kill_for(child, Ended::How::timed_out);
  }
  set_timer();
}

// To the next deadline; setting it also forgets that it has rung.
void Children::set_timer() {
  Time next = kNever;
  for (const auto& [number, child] : children_) {
    if (!child.killed) next = std::min(next, child.deadline);
  }
  itimerspec at{};
  if (next != kNever) {
    const auto since = std::max<Duration>(next.time_since_epoch(), Duration(1));
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since);
    at.it_value = {whole.count(), (since - whole).count()};
  }
  QUARRY_CHECK(::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr) == 0);
}

}  // namespace quarry::bus
