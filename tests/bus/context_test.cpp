#include "bus/context.hpp"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "tests/bus/support.hpp"

namespace quarry::bus {
namespace {

TEST_CASE("Routing ids are never predictable: a context seeds rand() before its first socket") {
  std::srand(1);
  const int predictable = std::rand();
  std::vector<int> drawn;
  for (int i = 0; i < 3; ++i) {
    std::srand(1);
    Context context;
    drawn.push_back(std::rand());
  }
  CHECK_FALSE((drawn[0] == predictable && drawn[1] == predictable));
  CHECK_FALSE((drawn[0] == drawn[1] && drawn[1] == drawn[2]));
}

TEST_CASE("A context never lingers, has room for many sockets, and ignores SIGPIPE") {
  std::signal(SIGPIPE, SIG_DFL);
  Context context;
  CHECK(zmq_ctx_get(context.raw(), ZMQ_BLOCKY) == 0);
  CHECK(zmq_ctx_get(context.raw(), ZMQ_MAX_SOCKETS) == 8192);
  CHECK(std::signal(SIGPIPE, SIG_IGN) == SIG_IGN);
}

TEST_CASE("A context raises the limit of open files to what the system allows") {
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit low = limit;
  low.rlim_cur = 200;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  Context context;
  rlimit after{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &after) == 0);
  CHECK(after.rlim_cur == limit.rlim_max);
}

TEST_CASE("A context ends at once, though messages to nobody still wait") {
  const Identity identity = Identity::generate();
  const Time begin = now();
  {
    Context context;
    Socket::Options options;
    options.max_frame = 100;
    options.identity = &identity;
    options.server = identity.key;
    Socket socket = must(Socket::open(context, options));
    must(socket.connect("tcp://127.0.0.1:19999"));
    Encoded message = text("never read");
    REQUIRE(socket.send(message) == Socket::Sent::yes);
  }
  CHECK(now() - begin < 5s);
}

}  // namespace
}  // namespace quarry::bus
