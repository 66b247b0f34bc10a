#include "bus/socket.hpp"

#include <sys/stat.h>

#include "tests/bus/support.hpp"
#include "tests/bus/temporary.hpp"

namespace quarry::bus {
namespace {

using Catch::Matchers::Contains;
using Kind = Socket::Kind;

struct Pair {
  Context context;
  std::string at = inproc("pair");
  Socket router = must(Socket::open(context, {Kind::router, 10'000, 2, 2}));
  RawSocket raw{context, ZMQ_DEALER};
  Pair() {
    must(router.bind(at));
    raw.connect(at);
  }
};

TEST_CASE("A message is an envelope and at most one payload; more frames are dropped as a flood") {
  Pair pair;
  Message got;
  CHECK(pair.router.receive(got) == Socket::Received::nothing);
  for (std::size_t frames : {1, 2, 3, 4, 10'000}) {
    REQUIRE(pair.raw.send(std::vector<std::string>(frames, "f")));
    REQUIRE(pair.raw.send({"next"}));
    const auto received = pair.router.receive(got);
    CHECK((received == Socket::Received::flood) == (frames > 2));
    CHECK_FALSE(got.route.empty());
    REQUIRE(pair.router.receive(got) == Socket::Received::message);
    CHECK(text_of(got.envelope.view()) == "next");
    CHECK(got.payload.size() == 0);
  }
}

TEST_CASE("A message without values is one frame, one with values two, in order") {
  Pair pair;
  Socket dealer = must(Socket::open(pair.context, {Kind::dealer, 10'000}));
  const std::string at = inproc("frames");
  RawSocket end(pair.context, ZMQ_DEALER);
  end.bind(at);
  must(dealer.connect(at));
  Encoded plain = text("plain"), empty = text("empty", {Payload()});
  Encoded full = text("full", {Payload::of("one"), Payload::of("two")});
  CHECK(dealer.send(plain) == Socket::Sent::yes);
  CHECK(dealer.send(empty) == Socket::Sent::yes);
  CHECK(dealer.send(full) == Socket::Sent::yes);
  CHECK(end.receive() == std::vector<std::string>{"plain"});
  CHECK(end.receive() == std::vector<std::string>{"empty"});
  CHECK(end.receive() == std::vector<std::string>{"full", "onetwo"});
}

TEST_CASE("A full pipe answers full and takes nothing; what it did not take can be sent later") {
  Pair pair;
  REQUIRE(pair.raw.send({"hello"}));
  Message got;
  REQUIRE(pair.router.receive(got) == Socket::Received::message);
  const Route route = got.route;
  std::size_t taken = 0;
  Encoded message = text("m", {Payload::of("value")});
  while (pair.router.send(route, message) == Socket::Sent::yes) {
    REQUIRE(++taken < 10'000);
    message = text("m", {Payload::of("value")});
  }
  CHECK(pair.router.send(route, message) == Socket::Sent::full);
  CHECK(message.envelope == "m");
  REQUIRE(message.values.size() == 1);
  CHECK(text_of(message.values[0].view()) == "value");
  for (std::size_t i = 0; i < taken; ++i) {
    CHECK(pair.raw.receive() == std::vector<std::string>{"m", "value"});
  }
  CHECK(pair.router.send(route, message) == Socket::Sent::yes);
  CHECK(message.envelope.empty());
  CHECK(pair.raw.receive() == std::vector<std::string>{"m", "value"});
  CHECK(pair.raw.receive(50ms).empty());
}

TEST_CASE("A partner that is gone or never was is answered gone, never dropped in silence") {
  Pair pair;
  Message got;
  Encoded message = text("m");
  CHECK(pair.router.send(Route(std::string_view("nobody")), message) == Socket::Sent::gone);
  CHECK(message.envelope == "m");
  Route route;
  {
    RawSocket short_lived(pair.context, ZMQ_DEALER);
    short_lived.connect(pair.at);
    REQUIRE(short_lived.send({"hello"}));
    REQUIRE(pair.router.receive(got) == Socket::Received::message);
    route = got.route;
    CHECK(pair.router.send(route, message) == Socket::Sent::yes);
  }
  const Time give_up = now() + kPatience;
  Socket::Sent sent = Socket::Sent::yes;
  while (sent != Socket::Sent::gone && now() < give_up) {
    // As a loop does: the end of a pipe is read like a message.
    CHECK(pair.router.receive(got) == Socket::Received::nothing);
    message = text("m");
    sent = pair.router.send(route, message);
  }
  CHECK(sent == Socket::Sent::gone);
}

TEST_CASE("Replies never go to a newcomer that claims another's routing id") {
  Pair pair;
  RawSocket first(pair.context, ZMQ_DEALER), second(pair.context, ZMQ_DEALER);
  Message got;
  first.set(ZMQ_ROUTING_ID, std::string("same"));
  second.set(ZMQ_ROUTING_ID, std::string("same"));
  first.connect(pair.at);
  REQUIRE(first.send({"first"}));
  REQUIRE(pair.router.receive(got) == Socket::Received::message);
  second.connect(pair.at);
  second.send({"second"});
  CHECK(pair.router.receive(got) == Socket::Received::nothing);
  Encoded reply = text("reply");
  REQUIRE(pair.router.send(Route(std::string_view("same")), reply) == Socket::Sent::yes);
  CHECK(first.receive() == std::vector<std::string>{"reply"});
  CHECK(second.receive(50ms).empty());
}

TEST_CASE("A socket to nobody takes messages up to its HWM and no further") {
  Context context;
  const Identity identity = Identity::generate();
  Socket::Options options{Kind::dealer, 100, 3, 2};
  options.identity = &identity;
  options.server = identity.key;
  Socket socket = must(Socket::open(context, options));
  must(socket.connect("tcp://127.0.0.1:19999"));
  int taken = 0;
  for (Encoded message = text("m"); socket.send(message) == Socket::Sent::yes;
       message = text("m")) {
    REQUIRE(++taken <= 3);
  }
  CHECK(taken == 3);
}

TEST_CASE("Sockets always have their limits and TCP's own upkeep set, and never heartbeats") {
  Context context;
  const Identity identity = Identity::generate();
  const Kind kind = GENERATE(Kind::router, Kind::dealer);
  Socket::Options options{kind, 5000, 7, 3, 1000};
  options.identity = &identity;
  options.ipv6 = GENERATE(false, true);
  const Socket socket = must(Socket::open(context, options));
  CHECK(socket.option(ZMQ_IPV6) == options.ipv6);
  CHECK(socket.option(ZMQ_MAXMSGSIZE) == 5033);
  CHECK(socket.option(ZMQ_SNDHWM) == 7);
  CHECK(socket.option(ZMQ_RCVHWM) == 3);
  CHECK(socket.option(ZMQ_LINGER) == 1000);
  CHECK(socket.option(ZMQ_TCP_KEEPALIVE) == 1);
  CHECK(socket.option(ZMQ_TCP_KEEPALIVE_IDLE) == 30);
  CHECK(socket.option(ZMQ_TCP_KEEPALIVE_INTVL) == 10);
  CHECK(socket.option(ZMQ_TCP_KEEPALIVE_CNT) == 3);
  CHECK(socket.option(ZMQ_TCP_MAXRT) > 0);
  CHECK(socket.option(ZMQ_HANDSHAKE_IVL) == 5000);
  CHECK(socket.option(ZMQ_HEARTBEAT_IVL) == 0);
  CHECK(socket.option(ZMQ_IMMEDIATE) == 0);
  CHECK(socket.option(ZMQ_MECHANISM) == ZMQ_CURVE);
  CHECK(socket.option(ZMQ_CURVE_SERVER) == (kind == Kind::router ? 1 : 0));
}

TEST_CASE("MAXMSGSIZE always leaves room for CURVE's handshake") {
  Context context;
  CHECK(must(Socket::open(context, {Kind::router, 1})).option(ZMQ_MAXMSGSIZE) >= 512);
}

TEST_CASE("No socket without CURVE is ever bound or connected over tcp") {
  Context context;
  Socket router = must(Socket::open(context, {Kind::router, 100}));
  Socket dealer = must(Socket::open(context, {Kind::dealer, 100}));
  CHECK_THAT(router.bind("tcp://127.0.0.1:*").error().line(), Contains("CURVE"));
  CHECK_THAT(dealer.connect("tcp://127.0.0.1:19999").error().line(), Contains("CURVE"));
  for (const char* other : {"udp://127.0.0.1:19999", "ws://127.0.0.1:19999", "tipc://{1,2,3}",
                            "pgm://127.0.0.1:19999", "nonsense", ""}) {
    CHECK_FALSE(router.bind(other));
    CHECK_FALSE(dealer.connect(other));
  }
}

struct Doors {
  Context context;
  Identity identity = Identity::generate();
  Socket open() {
    Socket::Options options{Kind::router, 100};
    options.identity = &identity;
    return must(Socket::open(context, options));
  }
  std::string refusal(const std::string& endpoint) {
    const auto bound = open().bind(endpoint);
    REQUIRE_FALSE(bound);
    CHECK_THAT(bound.error().line(), !Contains("\n"));
    return bound.error().line();
  }
};

TEST_CASE("A door that cannot be opened says why and what to do, in one line") {
  Doors doors;
  Socket taken = doors.open();
  must(taken.bind("tcp://127.0.0.1:*"));
  const std::string port = taken.endpoint().substr(taken.endpoint().rfind(':') + 1);
  CHECK_THAT(doors.refusal(taken.endpoint()), Contains("port " + port + " is in use"));
  CHECK_THAT(doors.refusal("tcp://192.0.2.77:7001"), Contains("no address"));
  CHECK_THAT(doors.refusal("tcp://127.0.0.1:port"), Contains("not an address"));
  CHECK_THAT(doors.refusal("tcp://127.0.0.1:99999"), Contains("not an address"));
  CHECK_THAT(doors.refusal("tcp://127.0.0.1"), Contains("not an address"));
}

TEST_CASE("Listen ports always lie below those the system gives to outgoing connections") {
  Doors doors;
  CHECK_THAT(doors.refusal("tcp://127.0.0.1:40000"), Contains("below 32768"));
  for (int i = 0; i < 10; ++i) {
    Socket socket = doors.open();
    must(socket.bind("tcp://127.0.0.1:*"));
    const std::string at = socket.endpoint();
    const int port = std::stoi(at.substr(at.rfind(':') + 1));
    CHECK(port >= 1024);
    CHECK(port < 32768);
  }
}

TEST_CASE("An ipc path of more than 107 bytes is refused, and one of 107 is not") {
  Doors doors;
  TemporaryFolder folder;
  const std::string start = folder.path.string() + "/";
  const std::string fits = start + std::string(107 - start.size(), 's');
  CHECK_THAT(doors.refusal("ipc://" + fits + "s"), Contains("107"));
  CHECK_FALSE(doors.open().connect("ipc://" + fits + "s"));
  must(doors.open().bind("ipc://" + fits));
}

TEST_CASE("An ipc socket is never put into a folder that others may enter") {
  Doors doors;
  TemporaryFolder folder;
  REQUIRE(chmod(folder.path.c_str(), 0755) == 0);
  CHECK_THAT(doors.refusal("ipc://" + (folder.path / "s").string()), Contains("chmod 700"));
  CHECK_THAT(doors.refusal("ipc://" + (folder.path / "none" / "s").string()),
             Contains("no folder"));
}

TEST_CASE("A context without room for another socket says so") {
  Context context({1, 10});
  std::vector<Socket> sockets;
  for (;;) {
    auto socket = Socket::open(context, {Kind::dealer, 100});
    if (!socket) {
      CHECK_THAT(socket.error().line(), Contains("no socket"));
      break;
    }
    sockets.push_back(std::move(*socket));
    REQUIRE(sockets.size() <= 10);
  }
}

}  // namespace
}  // namespace quarry::bus
