// The network door: CURVE, ZAP, and what strangers and liars may do to it.
#include "bus/zap.hpp"
#include "tests/bus/support.hpp"

namespace quarry::bus {
namespace {

using Kind = Socket::Kind;
using Frames = std::vector<std::string>;

// A door with its ZAP handler, on a loop that runs while a test waits for something.
struct Net {
  Context context;
  Loop loop;
  Runner runner{loop};
  Identity node = Identity::generate();
  std::unique_ptr<Zap> zap = must(Zap::open(context, loop));
  Socket door = open_door();
  std::string address = door.endpoint();
  Probe server;
  std::vector<std::string> got;
  std::vector<std::optional<PeerKey>> from;
  int floods = 0;

  Net() {
    loop.watch(door, server);
    loop.add(server);
    server.on_received = [this](Socket&, Message message, Time) {
      got.emplace_back(text_of(message.envelope.view()));
      from.push_back(message.envelope.peer());
    };
    server.on_flooded = [this](Socket&, const Route&) { ++floods; };
  }
  Socket open_door() {
    Socket::Options options{Kind::router, 1000};
    options.identity = &node;
    Socket socket = must(Socket::open(context, options));
    must(socket.bind("tcp://127.0.0.1:*"));
    return socket;
  }
  Identity admitted() {
    const Identity who = Identity::generate();
    zap->admit(who.key);
    return who;
  }
  Socket dial(const Identity& who, std::size_t max_frame = 1000) {
    Socket::Options options{Kind::dealer, max_frame};
    options.identity = &who;
    options.server = node.key;
    Socket socket = must(Socket::open(context, options));
    must(socket.connect(address));
    return socket;
  }
  std::unique_ptr<RawSocket> dial_raw(const Identity& who) {
    auto socket = std::make_unique<RawSocket>(context, ZMQ_DEALER);
    socket->dial_as(who, node.key);
    socket->connect(address);
    return socket;
  }
  bool until(const std::function<bool()>& done, Duration patience = kPatience) {
    return runner.until(done, patience);
  }
  bool comes(const std::string& words, Duration patience = kPatience) {
    return until([&] { return std::find(got.begin(), got.end(), words) != got.end(); }, patience);
  }
  // Nothing like this comes, though another's message, sent later, has.
  bool never_comes(const std::string& words) {
    const Identity other = admitted();
    Socket witness = dial(other);
    Encoded message = text("witness");
    REQUIRE(witness.send(message) == Socket::Sent::yes);
    REQUIRE(comes("witness"));
    return !comes(words, 200ms);
  }
};

void say(Socket& socket, const std::string& words) {
  Encoded message = text(words);
  REQUIRE(socket.send(message) == Socket::Sent::yes);
}

TEST_CASE("N14 a door that does not know yet whom it admits lets handshakes wait") {
  Net net;
  net.zap->hold();
  const Identity who = Identity::generate();
  Socket peer = net.dial(who);
  say(peer, "hello");
  CHECK_FALSE(net.until([&] { return !net.got.empty() || net.zap->refused() > 0; }, 200ms));
  net.zap->admit(who.key);
  net.zap->let_in();
  CHECK(net.comes("hello"));
  CHECK(net.zap->refused() == 0);
}

TEST_CASE("An admitted peer's key comes with each of its messages") {
  Net net;
  const Identity a = net.admitted(), b = net.admitted();
  Socket from_a = net.dial(a), from_b = net.dial(b);
  for (const char* words : {"a1", "a2", "a3"}) say(from_a, words);
  for (const char* words : {"b1", "b2", "b3"}) say(from_b, words);
  REQUIRE(net.until([&] { return net.got.size() == 6; }));
  for (std::size_t i = 0; i < 6; ++i) CHECK(net.from[i] == (net.got[i][0] == 'a' ? a : b).key);
}

TEST_CASE("A client that is not admitted never gets a message through") {
  Net net;
  const Identity stranger = Identity::generate();
  Socket outside = net.dial(stranger);
  say(outside, "let me in");
  REQUIRE(net.until([&] { return net.zap->refused() == 1; }));
  CHECK(net.never_comes("let me in"));
}

TEST_CASE(
    "A refused socket is dead for good, and a new one of the same key, once admitted, is not") {
  Net net;
  const Identity late = Identity::generate();
  Socket refused = net.dial(late);
  say(refused, "too early");
  REQUIRE(net.until([&] { return net.zap->refused() == 1; }));
  net.zap->admit(late.key);
  CHECK_FALSE(net.comes("too early", 500ms));
  Socket anew = net.dial(late);
  say(anew, "now");
  CHECK(net.comes("now"));
}

TEST_CASE("A client without CURVE, or that expects another node, never gets a message through") {
  Net net;
  RawSocket plain(net.context, ZMQ_DEALER);
  plain.connect(net.address);
  plain.send({"plain"});
  const Identity who = net.admitted();
  RawSocket mistaken(net.context, ZMQ_DEALER);
  mistaken.dial_as(who, Identity::generate().key);
  mistaken.connect(net.address);
  mistaken.send({"mistaken"});
  CHECK(net.never_comes("plain"));
  CHECK(net.never_comes("mistaken"));
}

TEST_CASE("A door without its ZAP handler lets nobody in") {
  Net net;
  const Identity who = net.admitted();
  net.zap.reset();
  Socket socket = net.dial(who);
  say(socket, "anybody there?");
  CHECK_FALSE(net.comes("anybody there?", 500ms));
  CHECK(net.door.option(93) == 1);
}

TEST_CASE("An expelled peer whose connection is shut down does not come back") {
  Net net;
  const Identity who = net.admitted();
  net.server.on_received = [&](Socket&, Message message, Time) {
    net.got.emplace_back(text_of(message.envelope.view()));
    net.zap->expel(*message.envelope.peer());
    Socket::shut_down(message);
  };
  Socket socket = net.dial(who);
  say(socket, "one");
  REQUIRE(net.comes("one"));
  REQUIRE(net.until([&] { return net.zap->refused() > 0; }));  // it dialled again
  Encoded two = text("two");
  socket.send(two);
  CHECK_FALSE(net.comes("two", 300ms));
}

TEST_CASE("A peer that is expelled is refused at its next handshake, and not before") {
  Net net;
  const Identity who = net.admitted();
  Socket socket = net.dial(who);
  say(socket, "one");
  REQUIRE(net.comes("one"));
  net.zap->expel(who.key);
  say(socket, "two");
  CHECK(net.comes("two"));  // so admission is checked on each message, by the door's actor
  CHECK(net.from.back() == who.key);
  Socket another = net.dial(who);
  say(another, "three");
  CHECK(net.until([&] { return net.zap->refused() == 1; }));
  CHECK_FALSE(net.comes("three", 200ms));
}

TEST_CASE("A flood of frames is dropped and counted, and its connection ended") {
  Net net;
  const Identity flooder = net.admitted(), calm = net.admitted();
  const auto raw = net.dial_raw(flooder);
  Socket other = net.dial(calm);
  REQUIRE(raw->send({"hello"}));
  REQUIRE(net.comes("hello"));
  say(other, "calm");
  REQUIRE(net.comes("calm"));
  // It may reconnect; the flood itself never arrives, and its connection does not stay.
  RawSocket monitor(net.context, ZMQ_PAIR);
  REQUIRE(zmq_socket_monitor(raw->raw(), "inproc://flooder", ZMQ_EVENT_DISCONNECTED) == 0);
  monitor.connect("inproc://flooder");
  REQUIRE(raw->send(Frames(5000, "f")));
  REQUIRE(net.until([&] { return net.floods == 1; }));
  CHECK(net.loop.floods() == 1);
  CHECK(net.got.size() == 2);
  CHECK(net.until([&] { return !monitor.receive(1ms).empty(); }));
  say(other, "still here");
  CHECK(net.comes("still here"));
  REQUIRE(zmq_socket_monitor(raw->raw(), nullptr, 0) == 0);
}

// libzmq gives a message out when its last frame has come, and holds all of it until then.
// Far more than a door reads ahead, in one message: libzmq sends it when it has all of it.
void flood(RawSocket& socket) {
  const std::string frame(1000, 'f');
  for (int i = 0; i < 300'000; ++i) {
    REQUIRE(zmq_send(socket.raw(), frame.data(), frame.size(), ZMQ_SNDMORE) > 0);
  }
  REQUIRE(socket.send({"the end"}));
}

TEST_CASE("A message without end does not grow a door: its connection is ended") {
  Net net;
  const Identity flooder = net.admitted(), calm = net.admitted();
  const auto raw = net.dial_raw(flooder);
  Socket other = net.dial(calm);
  say(other, "calm");
  REQUIRE(net.comes("calm"));
  flood(*raw);
  CHECK(net.until([&] { return net.context.flood_watch().ended() > 0; }));
  CHECK(net.floods == 0);
  say(other, "still here");
  CHECK(net.comes("still here"));
}

TEST_CASE("A message without end does not grow a dialler: its connection is ended") {
  Net net;
  RawSocket server(net.context, ZMQ_ROUTER);
  server.set(ZMQ_CURVE_SERVER, 1);
  server.set(93, 1);  // no ZAP where no domain is set: it admits all
  server.set(ZMQ_CURVE_SECRETKEY, net.node.secret);
  server.bind("tcp://127.0.0.1:*");
  char endpoint[64];
  std::size_t size = sizeof endpoint;
  REQUIRE(zmq_getsockopt(server.raw(), ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
  net.address = endpoint;
  const Identity who = Identity::generate();
  Socket socket = net.dial(who);
  net.loop.watch(socket, net.server);
  say(socket, "hello");
  const Frames hello = server.receive();
  REQUIRE(hello.size() == 2);
  REQUIRE(zmq_send(server.raw(), hello[0].data(), hello[0].size(), ZMQ_SNDMORE) > 0);
  flood(server);
  CHECK(net.until([&] { return net.context.flood_watch().ended() > 0; }));
  CHECK(net.floods == 0);
}

TEST_CASE("A connection that delivers is not ended, however much comes over it") {
  Net net;
  const Identity busy = net.admitted();
  Socket socket = net.dial(busy);
  const std::string words(1000, 'w');
  net.server.on_received = [&](Socket&, Message, Time) { net.got.resize(net.got.size() + 1); };
  for (std::size_t sent = 0; sent < 3000; ++sent) {
    say(socket, words);
    REQUIRE(net.until([&] { return net.got.size() == sent + 1; }));
  }
  CHECK(net.context.flood_watch().ended() == 0);
}

TEST_CASE(
    "A frame of the largest size passes; a larger one ends the connection, and a new socket "
    "recovers") {
  Net net;
  const Identity who = net.admitted();
  Socket socket = net.dial(who, 100'000);
  say(socket, std::string(1000, 'x'));
  REQUIRE(net.comes(std::string(1000, 'x')));
  say(socket, std::string(1001, 'y'));
  CHECK(net.never_comes(std::string(1001, 'y')));
  Socket anew = net.dial(who);
  say(anew, "recovered");
  CHECK(net.comes("recovered"));
}

TEST_CASE("A reply larger than its dialler allows ends the connection, and a new socket recovers") {
  Net net;
  const Identity who = net.admitted();
  net.server.on_received = [&](Socket& door, Message message, Time) {
    const std::string words(text_of(message.envelope.view()));
    Encoded reply = text(std::string(words == "much" ? 5000 : 100, 'r'));
    CHECK(door.send(message.route, reply) == Socket::Sent::yes);
  };
  Probe client;
  std::vector<std::size_t> sizes;
  client.on_received = [&](Socket&, Message message, Time) {
    sizes.push_back(message.envelope.size());
  };
  std::optional<Socket> socket(net.dial(who));
  net.loop.watch(*socket, client);
  say(*socket, "little");
  REQUIRE(net.until([&] { return sizes.size() == 1; }));
  say(*socket, "much");
  CHECK_FALSE(net.until([&] { return sizes.size() == 2; }, 300ms));
  socket.emplace(net.dial(who));
  net.loop.watch(*socket, client);
  say(*socket, "little");
  CHECK(net.until([&] { return sizes.size() == 2; }));
}

TEST_CASE("A peer that dials without end is refused once its bucket is empty; others are not") {
  Net net;
  const Identity busy = net.admitted(), calm = net.admitted();
  for (int i = 0; i < static_cast<int>(Zap::kHandshakeBurst) + 10; ++i) {
    Socket socket = net.dial(busy);
    const std::size_t before = net.got.size();
    const std::uint64_t refused = net.zap->refused();
    say(socket, "again");
    REQUIRE(net.until([&] { return net.got.size() > before || net.zap->refused() > refused; }));
  }
  CHECK(net.zap->refused() > 0);
  CHECK(net.got.size() >= static_cast<std::size_t>(Zap::kHandshakeBurst));
  Socket socket = net.dial(calm);
  say(socket, "calm");
  CHECK(net.comes("calm"));
}

TEST_CASE("A process has one ZAP handler") {
  Net net;
  CHECK_FALSE(Zap::open(net.context, net.loop));
}

// The handler itself, asked as libzmq asks it.
TEST_CASE("ZAP admits a known key under CURVE in our domain and nothing else, and never says 300") {
  Net net;
  const Identity known = net.admitted();
  const std::string key(text_of(known.key.view())), address = "192.0.2.1";
  const auto ask = [&](const Frames& request) {
    RawSocket socket(net.context, ZMQ_REQ);
    socket.connect("inproc://zeromq.zap.01");
    REQUIRE(socket.send(request));
    Frames reply;
    REQUIRE(net.until([&] { return !(reply = socket.receive(1ms)).empty(); }));
    return reply;
  };
  CHECK(ask({"1.0", "7", "quarry", address, "", "CURVE", key}) ==
        Frames{"1.0", "7", "200", "admitted", to_z85(known.key), ""});
  const std::string unknown(text_of(Identity::generate().key.view()));
  for (const Frames& request : std::vector<Frames>{
           {"1.0", "8", "quarry", address, "", "CURVE", unknown},
           {"1.0", "8", "quarry", address, "", "CURVE", key.substr(1)},
           {"1.0", "8", "quarry", address, "", "CURVE", key, "more"},
           {"1.0", "8", "quarry", address, "", "CURVE"},
           {"1.0", "8", "quarry", address, "", "NULL"},
           {"1.0", "8", "quarry", address, "", "PLAIN", key},
           {"1.0", "8", "", address, "", "CURVE", key},
           {"1.0", "8", "other", address, "", "CURVE", key},
           {"2.0", "8", "quarry", address, "", "CURVE", key},
       }) {
    CHECK(ask(request) == Frames{"1.0", "8", "400", "not admitted", "", ""});
  }
  CHECK(ask({""})[2] == "400");
}

TEST_CASE("An address that dials without end is refused once its bucket is empty; others are not") {
  Net net;
  RawSocket socket(net.context, ZMQ_DEALER);
  socket.connect("inproc://zeromq.zap.01");
  const auto accepted = [&](const std::string& address, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
      const std::string key(text_of(net.admitted().key.view()));
      REQUIRE(socket.send({"", "1.0", "7", "quarry", address, "", "CURVE", key}));
      Frames reply;
      REQUIRE(net.until([&] { return !(reply = socket.receive(1ms)).empty(); }));
      if (reply[3] == "200") ++count;
    }
    return count;
  };
  const int burst = static_cast<int>(10 * Zap::kHandshakeBurst);
  CHECK(accepted("2001:db8::1", burst + 300) < burst + 300);
  CHECK(accepted("2001:db8::2", 100) < 100);  // the same /64
  CHECK(accepted("2001:db8:1::1", 20) == 20);
  CHECK(accepted("192.0.2.1", 20) == 20);
}

}  // namespace
}  // namespace quarry::bus
