#include "bus/children.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "bus/clock.hpp"
#include "tests/bus/support.hpp"
#include "tests/bus/temporary.hpp"

namespace quarry::bus {
namespace {

using How = Children::Ended::How;

class Fixture {
 public:
  static Children::Program shell(std::string script) {
    Children::Program program;
    program.arguments = {"/bin/sh", "-c", std::move(script)};
    program.keep_output = 1024;
    program.timeout = 1min;
    return program;
  }
  void start(std::uint64_t id, Children::Program program) {
    must(children.start(id, std::move(program)));
  }
  // All that have ended once `count` have.
  std::vector<Children::Ended> ended(std::size_t count = 1) {
    std::vector<Children::Ended> all;
    for (const Time give_up = now() + kPatience; all.size() < count;) {
      REQUIRE(now() < give_up);
      pollfd waits{children.descriptor(), POLLIN, 0};
      poll(&waits, 1, 1000);
      children.take_ended(all);
    }
    return all;
  }
  Children::Ended run(Children::Program program) {
    start(1, std::move(program));
    return ended().front();
  }
  Children::Ended run(std::string script) { return run(shell(std::move(script))); }

  Children children = must(Children::open());
};

// Not there, or dead and waiting for whoever inherited it.
bool gone(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string word, state;
  return !(status >> word >> word >> state) || state == "Z";
}

TEST_CASE("A child gets its input, environment and arguments, and gives its output and code") {
  Fixture f;
  setenv("QUARRY_TEST_OWN", "own", 1);
  setenv("QUARRY_TEST_BOTH", "ours", 1);
  Children::Program program = Fixture::shell(
      "cat; echo \" $QUARRY_TEST_OWN $QUARRY_TEST_BOTH $0\"; echo oops >&2; exit 65");
  program.arguments.push_back("an argument");
  program.environment = {"QUARRY_TEST_BOTH=given"};
  program.input = Payload::of("hello");
  const auto end = f.run(std::move(program));
  CHECK(end.id == 1);
  CHECK(end.how == How::exited);
  CHECK(end.code == 65);
  CHECK(end.output == "hello own given an argument\n");
  CHECK(end.output_bytes == end.output.size());
  CHECK(end.complaint == "oops");
  CHECK(f.children.running() == 0);
}

TEST_CASE("A large input comes whole, while the output is read") {
  Fixture f;
  Children::Program program = Fixture::shell("tee /dev/stderr | wc -c");
  program.input = Payload::of(std::string(3'000'000, 'x'));
  CHECK(f.run(std::move(program)).output == "3000000\n");
}

TEST_CASE("A child that never reads its input, or ends before it has, is none the worse") {
  Fixture f;
  for (const char* script : {"exit 7", "exec <&-; exec sh -c 'exit 7'"}) {
    Children::Program program = Fixture::shell(script);
    program.input = Payload::of(std::string(3'000'000, 'x'));
    const auto end = f.run(std::move(program));
    CHECK(end.how == How::exited);
    CHECK(end.code == 7);
  }
}

TEST_CASE("Output is kept up to a limit, counted, and dropped beyond") {
  Fixture f;
  Children::Program program = Fixture::shell("yes | head -c 5000000; yes | head -c 5000000 >&2");
  program.keep_output = 3;
  const auto end = f.run(std::move(program));
  CHECK(end.how == How::exited);
  CHECK(end.output == "y\ny");
  CHECK(end.output_bytes == 5'000'000);
  CHECK(end.complaint == "y");
}

TEST_CASE("A child that says more than it may is ended") {
  Fixture f;
  Children::Program program = Fixture::shell("exec yes");
  program.most_output = 100'000;
  const auto end = f.run(std::move(program));
  CHECK(end.how == How::flooded);
  CHECK(end.output_bytes > 100'000);
  CHECK(end.output_bytes < 1'000'000);
  program = Fixture::shell("printf 12345");
  program.most_output = 4;
  CHECK(f.run(program).how == How::flooded);
  program.most_output = 5;
  CHECK(f.run(program).how == How::exited);
}

TEST_CASE("A child whose time is over is killed with all that it started") {
  Fixture f;
  TemporaryFolder folder;
  const std::string file = (folder.path / "pid").string();
  Children::Program program =
      Fixture::shell("trap '' TERM INT; sleep 1000 & echo $! > " + file + "; wait; sleep 1000");
  program.timeout = 200ms;
  const Time began = now();
  const auto end = f.run(std::move(program));
  CHECK(end.how == How::timed_out);
  CHECK(now() - began >= 200ms);
  pid_t grandchild = 0;
  std::ifstream(file) >> grandchild;
  REQUIRE(grandchild > 0);
  CHECK(patiently([&] { return gone(grandchild); }));
}

TEST_CASE("A grandchild that keeps the pipes open holds up nobody, and does not stay") {
  Fixture f;
  const auto end = f.run("sleep 1000 & echo $!; exit 3");
  CHECK(end.how == How::exited);
  CHECK(end.code == 3);
  const pid_t grandchild = std::stoi(end.output);
  CHECK(patiently([&] { return gone(grandchild); }));
  // One that writes for ever, in a session of its own, where no signal of ours reaches it: it ends
  // by SIGPIPE.
  CHECK(f.run("setsid yes & exit 4").code == 4);
}

TEST_CASE("A child killed by a signal says which") {
  Fixture f;
  const auto end = f.run("kill -9 $$");
  CHECK(end.how == How::signalled);
  CHECK(end.code == SIGKILL);
}

TEST_CASE("Children begin with default signals and without our descriptors") {
  Fixture f;
  sigset_t every, before;
  sigfillset(&every);
  pthread_sigmask(SIG_SETMASK, &every, &before);
  std::signal(SIGPIPE, SIG_IGN);
  const int leaked = dup(STDERR_FILENO);  // without CLOEXEC
  const auto end =
      f.run("sed -n 's/^Sig[BI][lg][kn]:.//p' /proc/self/status; ls /proc/self/fd | wc -l");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(leaked);
  std::istringstream lines(end.output);
  std::uint64_t blocked = 1, ignored = 1;
  int descriptors = 0;
  lines >> std::hex >> blocked >> ignored >> std::dec >> descriptors;
  CHECK(blocked == 0);
  CHECK((ignored & 0x7fffffff) == 0);  // 32 and 33 are the C library's own
  CHECK(descriptors == 4);             // with the one through which ls looks
}

TEST_CASE("Many run at a time, and each comes back by its own id") {
  Fixture f;
  for (std::uint64_t id = 1; id <= 100; ++id) {
    f.start(id, Fixture::shell("echo " + std::to_string(id)));
  }
  CHECK(f.children.running() == 100);
  CHECK(f.children.runs(100));
  for (const auto& end : f.ended(100)) CHECK(end.output == std::to_string(end.id) + "\n");
  CHECK_FALSE(f.children.runs(100));
}

TEST_CASE("A program that is not there is an error that names it") {
  Fixture f;
  Children::Program program;
  program.arguments = {"/nowhere/program"};
  const auto started = f.children.start(1, std::move(program));
  REQUIRE_FALSE(started);
  CHECK(started.error().what.find("/nowhere/program: No such file") != std::string::npos);
  CHECK(f.children.running() == 0);
}

TEST_CASE("Children end with their owner") {
  pid_t pid = 0;
  TemporaryFolder folder;
  const std::string file = (folder.path / "pid").string();
  {
    Fixture f;
    f.start(1, Fixture::shell("echo $$ > " + file + ".new; mv " + file + ".new " + file +
                              "; exec sleep 1000"));
    REQUIRE(patiently([&] { return std::filesystem::exists(file); }));
    std::ifstream(file) >> pid;
    REQUIRE_FALSE(gone(pid));
  }
  CHECK(gone(pid));
}

TEST_CASE("An idle child costs no time: its descriptor is silent until something happens") {
  Fixture f;
  Children::Program program = Fixture::shell("sleep 1000");
  program.input = Payload::of(std::string(3'000'000, 'x'));
  program.timeout = 300ms;
  f.start(1, std::move(program));
  std::vector<Children::Ended> ended;
  int wakes = 0;
  for (; ended.empty(); ++wakes) {
    pollfd waits{f.children.descriptor(), POLLIN, 0};
    poll(&waits, 1, 20'000);
    f.children.take_ended(ended);
  }
  CHECK(ended.front().how == How::timed_out);
  CHECK(wakes < 20);
}

}  // namespace
}  // namespace quarry::bus
