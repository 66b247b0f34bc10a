// Programs that run as children, wrapped once: started without a fork, fed and read without ever
// blocking, ended as a group, and reaped without SIGCHLD. They take part in a loop by one
// descriptor. Decides nothing about what a program's answer means, and knows no shell.
//
// Each child is the leader of a process group of its own, with default signals and with no
// descriptors but its three pipes. When it ends, or its time does, what is left of its group is
// killed: a grandchild that holds a pipe open holds up nobody. What a child says beyond its limits
// is read and dropped, so that no child waits for us; what it does not read is dropped too.
//
// Used from one thread. Ends and reaps all children when it is destroyed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "msg/payload.hpp"
#include "msg/result.hpp"
#include "msg/time.hpp"

namespace quarry::bus {

class Children {
 public:
  struct Program {
    std::vector<std::string> arguments;    // the first is the program: a path, or found in $PATH
    std::vector<std::string> environment;  // NAME=value, in place of or beside our own
    Payload input;                         // on its stdin, which then ends
    std::size_t keep_output = 0;           // bytes of its stdout, from the start
    std::size_t most_output = SIZE_MAX;    // bytes of its stdout; beyond it is killed
    Duration timeout{};                    // then it is killed
  };
  struct Ended {
    enum class How { exited, signalled, timed_out, flooded };
    std::uint64_t id = 0;
    How how = How::exited;
    int code = 0;  // exited: its exit code; signalled: the signal
    std::string output;
    std::size_t output_bytes = 0;  // of all its output
    std::string complaint;         // the last line it wrote to stderr, at most kComplaint bytes
  };
  static constexpr std::size_t kComplaint = 200;

  // Makes SIGPIPE ignored and SIGCHLD default in this process, which children rely on.
  static Result<Children> open();
  Children(Children&&) noexcept;
  Children& operator=(Children&&) = delete;
  ~Children();

  // The id comes back with its end; it must not be one that still runs.
  Result<> start(std::uint64_t id, Program program);
  // Readable when take_ended() has something to do.
  int descriptor() const { return epoll_; }
  // Feeds, reads, kills those whose time is over; appends those that have ended.
  void take_ended(std::vector<Ended>& to);
  std::size_t running() const { return children_.size(); }
  bool runs(std::uint64_t id) const { return ids_.contains(id); }

 private:
  enum class Stream : std::uint64_t { input, output, complaints, end };
  struct Child {
    std::uint64_t id = 0;
    int pid = -1;
    int process = -1;  // pidfd
    int pipes[3] = {-1, -1, -1};
    Payload input;
    std::size_t fed = 0;
    std::size_t keep_output = 0;
    std::size_t most_output = 0;
    Time deadline;
    bool killed = false;
    Ended end;
  };
  using Table = std::map<std::uint64_t, Child>;  // by a number that is never used again

  Children(int epoll, int timer) : epoll_(epoll), timer_(timer) {}
  bool watch(int fd, std::uint64_t number, Stream stream, std::uint32_t events);
  void close_pipe(Child& child, Stream stream);
  void close_all(Child& child);
  void feed(Child& child);
  bool read_some(Child& child, Stream stream);
  void take(Child& child, Stream stream, std::string_view bytes);
  static void kill_group(const Child& child);
  void kill_for(Child& child, Ended::How why);
  void reap(Child& child);
  void end(Table::iterator at, std::vector<Ended>& to);
  void set_timer();

  int epoll_;
  int timer_;
  Table children_;
  std::set<std::uint64_t> ids_;
  std::uint64_t last_ = 0;
};

}  // namespace quarry::bus
