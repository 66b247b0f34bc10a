#include "cli/client.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <optional>
#include <thread>

#include "bus/clock.hpp"
#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

using namespace std::chrono_literals;

const Network kNetwork{"test", 2, 1000, ""};

// A control door that answers each item by a script; on a thread of its own, as a node is another
// process.
class Door {
 public:
  using Answer = std::function<void(Door&, const bus::Route&, const control::FromClient&)>;

  Door(bus::Context& context, const std::string& endpoint, Answer answer)
      : answer_(std::move(answer)) {
    bus::Socket::Options options;
    options.kind = bus::Socket::Kind::router;
    options.max_frame = 1 << 20;
    auto socket = bus::Socket::open(context, options);
    REQUIRE(socket);
    REQUIRE(socket->bind(endpoint));
    socket_.emplace(std::move(*socket));
    ending_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { run(); });
  }
  ~Door() {
    const std::uint64_t one = 1;
    CHECK(::write(ending_, &one, sizeof one) == sizeof one);
    thread_.join();
    ::close(ending_);
  }
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  template <class Item>
  void say(const bus::Route& to, const Item& item) {
    outbox_.add(to, item);
  }
  void say_raw(const bus::Route& to, std::string envelope) {
    Encoded message{std::move(envelope), {}, 0};
    socket_->send(to, message);
  }
  std::vector<control::FromClient> heard() const { return heard_; }

 private:
  void run() {
    for (;;) {
      if (socket_->wait(ending_, 60s) != bus::Socket::Woken::message) return;
      bus::Message message;
      if (socket_->receive(message) != bus::Socket::Received::message) continue;
      std::vector<control::FromClient> items;
      if (decoder_.read(message.envelope.view(), std::move(message.payload), items)) return;
      for (const auto& item : items) {
        heard_.push_back(item);
        answer_(*this, message.route, item);
      }
      outbox_.flush(*socket_);
    }
  }

  Answer answer_;
  std::optional<bus::Socket> socket_;
  Decoder<control::Protocol> decoder_{kNetwork};
  bus::DoorOutbox<control::Protocol> outbox_{"test", 1 << 20};
  std::vector<control::FromClient> heard_;
  int ending_ = -1;
  std::thread thread_;
};

control::Welcome welcome() {
  control::Welcome welcome;
  welcome.network = kNetwork.name;
  welcome.key_length = kNetwork.key_length;
  welcome.max_value = kNetwork.max_value;
  return welcome;
}

template <class Item>
const Item* as(const control::FromClient& item) {
  return std::get_if<Item>(&item);
}

// Welcomes, then does as `then` says.
Door::Answer welcoming(Door::Answer then) {
  return [then](Door& door, const bus::Route& from, const control::FromClient& item) {
    if (as<control::Hello>(item)) {
      door.say(from, welcome());
    } else {
      then(door, from, item);
    }
  };
}

Result<std::unique_ptr<Client>> connect(bus::Context& context) {
  return Client::connect(context, "inproc://door", Client::Options{30s, -1});
}

TEST_CASE("a client learns the network from its welcome") {
  bus::Context context;
  Door door(context, "inproc://door", welcoming([](auto&&...) {}));
  const auto client = connect(context);
  REQUIRE(client);
  CHECK((*client)->network() == kNetwork);
}

TEST_CASE("a call gives back what answers it and its count, and answers pings meanwhile") {
  bus::Context context;
  CallId call;
  Door door(context, "inproc://door", welcoming([&](Door& d, const auto& from, const auto& item) {
              if (const auto* status = as<control::Status>(item)) {
                call = status->call;
                d.say(from, control::Ping{77});
              }
              if (const auto* pong = as<control::Pong>(item)) {
                control::FetchInfo info;
                info.call = call;
                info.key = Key(std::string_view("ab"));
                d.say(from, info);
                d.say(from, report::Done{CallId{12345}, 9});
                d.say(from, report::Done{call, pong->nonce});
              }
            }));
  const auto client = connect(context);
  REQUIRE(client);
  Client::Items answers;
  const auto count = (*client)->call(control::Status{}, answers);
  REQUIRE(count);
  CHECK(*count == 77);
  REQUIRE(std::get_if<control::FetchInfo>(&answers[0]) != nullptr);
  CHECK(std::get<control::FetchInfo>(answers[0]).key == Key(std::string_view("ab")));
}

TEST_CASE("a refused call is an error of the reason's kind, with the node's own words") {
  bus::Context context;
  Door door(context, "inproc://door", welcoming([](Door& d, const auto& from, const auto& item) {
              if (const auto* put = as<control::Put>(item)) {
                d.say(from, report::Failed{put->call, Reason::failed, "no space left on device"});
              }
            }));
  const auto client = connect(context);
  REQUIRE(client);
  Client::Items answers;
  const auto put =
      (*client)->call(control::Put{{}, Key(std::string_view("ab")), Payload::of("value")}, answers);
  REQUIRE_FALSE(put);
  CHECK(put.error().kind == Error::Kind::io);
  CHECK(put.error().what == "the node refuses: failed (no space left on device)");
}

TEST_CASE("a client that is put out says why") {
  bus::Context context;
  Door door(context, "inproc://door", [](Door& d, const auto& from, const auto&) {
    d.say(from, control::Refused{Reason::full, "512 clients"});
  });
  const auto client = connect(context);
  REQUIRE_FALSE(client);
  CHECK(client.error().kind == Error::Kind::refused);
  CHECK(client.error().what == "the running node refuses this program: full (512 clients)");
}

TEST_CASE("a node of another protocol version is named by its version") {
  bus::Context context;
  Door door(context, "inproc://door", [](Door& d, const auto& from, const auto&) {
    d.say_raw(from, "\x95\x02\x02\xa4test\x90\xc0");
  });
  const auto client = connect(context);
  REQUIRE_FALSE(client);
  CHECK(client.error().kind == Error::Kind::refused);
  CHECK(client.error().what ==
        "the running node speaks version 2 of the control protocol, this program version 1");
}

TEST_CASE("waiting ends when the person interrupts, and goes on afterwards") {
  bus::Context context;
  Door door(context, "inproc://door", welcoming([](Door& d, const auto& from, const auto& item) {
              if (const auto* withdraw = as<control::Withdraw>(item)) {
                d.say(from, control::Ended{withdraw->tag, withdraw->key, Terminal::cancelled});
              }
            }));
  const int interrupt = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const auto client = Client::connect(context, "inproc://door", Client::Options{30s, interrupt});
  REQUIRE(client);
  std::uint64_t one = 1;
  REQUIRE(::write(interrupt, &one, sizeof one) == sizeof one);
  Client::Items items;
  CHECK((*client)->wait(items, kNever) == Client::Woken::interrupted);
  REQUIRE(::read(interrupt, &one, sizeof one) == sizeof one);
  (*client)->send(control::Withdraw{Tag(std::string_view("t")), Key(std::string_view("ab"))});
  CHECK((*client)->wait(items, kNever) == Client::Woken::items);
  REQUIRE(items.size() == 1);
  CHECK(std::get<control::Ended>(items[0]).how == Terminal::cancelled);
  ::close(interrupt);
}

TEST_CASE("a client that leaves says so") {
  bus::Context context;
  const int left = ::eventfd(0, EFD_CLOEXEC);
  {
    const Door door(context, "inproc://door", welcoming([&](Door&, const auto&, const auto& item) {
                      if (as<control::Bye>(item)) ::eventfd_write(left, 1);
                    }));
    REQUIRE(connect(context));
    pollfd waiting{left, POLLIN, 0};
    CHECK(::poll(&waiting, 1, 30'000) == 1);
  }
  ::close(left);
}

TEST_CASE("where no node runs, that is said at once and with how to start one") {
  const Folder folder;
  const Home home(folder.path());
  const auto never = Client::connect(home);
  REQUIRE_FALSE(never);
  CHECK(never.error().kind == Error::Kind::unavailable);
  CHECK(never.error().line() == "no node runs on the home " + folder.path().string() +
                                    "; start one with: quarry node --home " +
                                    folder.path().string());
  REQUIRE(home.lock());
  CHECK(Client::connect(home).error().kind == Error::Kind::unavailable);
}

TEST_CASE("a node that goes away while its client waits is noticed") {
  const Folder folder;
  const Home home(folder.path());
  bus::Context context;
  std::optional<PidLock> lock;
  REQUIRE(home.lock().map([&](PidLock taken) { lock.emplace(std::move(taken)); }));
  Door door(context, home.control_endpoint(), welcoming([](auto&&...) {}));
  const auto client = Client::connect(context, home, Client::Options{30s, -1});
  REQUIRE(client);
  lock.reset();
  Client::Items items;
  const auto woken = (*client)->wait(items, kNever);
  REQUIRE_FALSE(woken);
  CHECK(woken.error().kind == Error::Kind::unavailable);
}

}  // namespace
}  // namespace quarry::cli
