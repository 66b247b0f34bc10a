#include "bus/outbox.hpp"

#include "msg/worker.hpp"
#include "tests/bus/support.hpp"

namespace quarry::bus {
namespace {

using Kind = Socket::Kind;
using Door = DoorOutbox<worker::Protocol>;

constexpr std::size_t kBudget = 100'000;

struct Client {
  explicit Client(Context& context, const std::string& at)
      : socket(must(Socket::open(context, {Kind::dealer, 1'000'000, 4, 4}))) {
    must(socket.connect(at));
    Encoded hello = text("hello");
    REQUIRE(socket.send(hello) == Socket::Sent::yes);
  }
  // Nonces of the pings received now, and how many messages brought them.
  std::vector<std::uint64_t> nonces;
  std::size_t messages = 0, bytes = 0;
  void read() {
    Message message;
    while (socket.receive(message) == Socket::Received::message) {
      std::vector<worker::FromDoor> items;
      REQUIRE_FALSE(decoder.read(message.envelope.view(), message.payload, items));
      for (const auto& item : items) {
        if (const auto* ping = std::get_if<worker::Ping>(&item)) nonces.push_back(ping->nonce);
        if (const auto* keep = std::get_if<worker::Keep>(&item)) bytes += keep->value.size();
      }
      ++messages;
    }
  }
  Socket socket;
  Decoder<worker::Protocol> decoder{Network{}};
};

struct Stage {
  Context context;
  std::string at = inproc("door");
  Socket door = must(Socket::open(context, {Kind::router, 1'000'000, 4, 4}));
  Door outbox{"main", kBudget};
  Stage() { must(door.bind(at)); }
  // As a loop does: room in a pipe is told like a message.
  void look() {
    Message message;
    CHECK(door.receive(message) == Socket::Received::nothing);
  }
  Route next() {
    Message message;
    REQUIRE(patiently([&] { return door.receive(message) == Socket::Received::message; }));
    return message.route;
  }
};

worker::Keep keep(std::size_t size) {
  return {JobId{1}, Key(std::string(32, 'k')), Payload::of(std::string(size, 'v'))};
}

TEST_CASE("What is added in a turn goes out as one message per partner, in order") {
  Stage stage;
  Client a(stage.context, stage.at);
  const Route to_a = stage.next();
  Client b(stage.context, stage.at);
  const Route to_b = stage.next();
  for (std::uint64_t i = 0; i < 100; ++i) {
    stage.outbox.add(to_a, worker::Ping{i});
    stage.outbox.add(to_b, worker::Ping{1000 + i});
  }
  CHECK(stage.outbox.flush(stage.door).empty());
  CHECK(stage.outbox.empty());
  for (Client* client : {&a, &b}) {
    client->read();
    CHECK(client->messages == 1);
    REQUIRE(client->nonces.size() == 100);
    CHECK(std::is_sorted(client->nonces.begin(), client->nonces.end()));
    CHECK(client->nonces.front() == (client == &a ? 0u : 1000u));
  }
}

TEST_CASE("A batch closes at 256 items, and a large value travels alone") {
  Stage stage;
  Client client(stage.context, stage.at);
  const Route to = stage.next();
  for (std::uint64_t i = 0; i < 300; ++i) stage.outbox.add(to, worker::Ping{i});
  stage.outbox.add(to, keep(limits::kTravelsAlone));
  stage.outbox.add(to, keep(limits::kTravelsAlone));
  CHECK(stage.outbox.flush(stage.door).empty());
  client.read();
  CHECK(client.messages == 3);  // 256; the rest and the first value; the second value
  CHECK(client.nonces.size() == 300);
  CHECK(client.bytes == 2 * limits::kTravelsAlone);
}

TEST_CASE("What a full pipe does not take waits in order, and goes out later") {
  Stage stage;
  Client client(stage.context, stage.at);
  const Route to = stage.next();
  for (std::uint64_t i = 0; i < 100; ++i) {
    stage.outbox.add(to, worker::Ping{i});
    CHECK(stage.outbox.flush(stage.door).empty());
  }
  CHECK_FALSE(stage.outbox.empty());
  CHECK(stage.outbox.bytes(to) > 0);
  REQUIRE(patiently([&] {
    client.read();
    stage.look();
    CHECK(stage.outbox.flush(stage.door).empty());
    return client.nonces.size() == 100;
  }));
  CHECK(std::is_sorted(client.nonces.begin(), client.nonces.end()));
  CHECK(stage.outbox.empty());
  CHECK(stage.outbox.bytes(to) == 0);
}

TEST_CASE("A partner that does not read is given up beyond its budget, and holds up no other") {
  Stage stage;
  Client idle(stage.context, stage.at);
  const Route to_idle = stage.next();
  Client busy(stage.context, stage.at);
  const Route to_busy = stage.next();
  std::vector<Door::Lost> lost;
  for (std::uint64_t i = 0; i < 100 && lost.empty(); ++i) {
    stage.outbox.add(to_idle, keep(10'000));
    stage.outbox.add(to_busy, worker::Ping{i});
    lost = stage.outbox.flush(stage.door);
    CHECK(stage.outbox.bytes(to_idle) <= kBudget + 20'000);
    busy.read();
    stage.look();
  }
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].route == to_idle);
  CHECK_FALSE(lost[0].gone);
  CHECK(stage.outbox.empty());
  CHECK(busy.nonces.size() > 10);
}

TEST_CASE("A partner that is gone is told as gone") {
  Stage stage;
  const Route nobody(std::string_view("nobody"));
  stage.outbox.add(nobody, worker::Ping{1});
  const auto lost = stage.outbox.flush(stage.door);
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].route == nobody);
  CHECK(lost[0].gone);
  CHECK(stage.outbox.empty());
}

}  // namespace
}  // namespace quarry::bus
