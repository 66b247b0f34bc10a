// The shell over real sockets: a peer over tcp and CURVE, the LMDB storage over inproc, and links.
#include "actors/producer_bridge/actor.hpp"

#include <unistd.h>

#include "actors/workers/lmdb_storage.hpp"
#include "actors/workers/worker_actor.hpp"
#include "tests/bus/support.hpp"

namespace quarry::producer_bridge {
namespace {

using bus::must;
using namespace std::chrono_literals;

// A peer that dials the node and collects what it says.
class Dialler : public bus::Probe {
 public:
  Dialler(bus::Context& context, const Node& node, const bus::Identity& identity,
          const std::string& endpoint)
      : socket_(open(context, node, identity)), decoder_(node.network), outbox_(node.network.name) {
    must(socket_.connect(endpoint));
    on_received = [this](bus::Socket&, bus::Message message, Time) {
      REQUIRE_FALSE(decoder_.read(message.envelope.view(), std::move(message.payload), said));
      outbox_.flush(socket_);
    };
  }
  template <class Item>
  void say(const Item& item) {
    outbox_.add(item);
    outbox_.flush(socket_);
  }
  bus::Socket& socket() { return socket_; }
  template <class Item>
  std::vector<Item> heard() const {
    std::vector<Item> items;
    for (const auto& item : said) {
      if (const auto* wanted = std::get_if<Item>(&item)) items.push_back(*wanted);
    }
    return items;
  }
  std::vector<peer::FromServer> said;

 private:
  static bus::Socket open(bus::Context& context, const Node& node, const bus::Identity& identity) {
    bus::Socket::Options options;
    options.max_frame = limits::max_payload(node.network);
    options.identity = &identity;
    options.server = node.identity.key;
    return must(bus::Socket::open(context, options));
  }
  bus::Socket socket_;
  Decoder<peer::Protocol> decoder_;
  bus::Outbox<peer::Protocol> outbox_;
};

// One node's ProducerBridge with the built-in storage; the test plays Engine and PeerSelector.
class Fixture {
 public:
  Fixture()
      : engine_(context_, node_.producer_link, node_.network, from_engine_side),
        selector_(context_, node_.admission_link, node_.network, from_selector_side) {
    char pattern[] = "/tmp/quarry-bridge-XXXXXX";
    REQUIRE(mkdtemp(pattern) != nullptr);
    directory_ = pattern;
    node_.identity = bus::Identity::generate();
    node_.instance = Instance{5};
    node_.listen = "tcp://127.0.0.1:*";
    loop_.add(engine_);
    loop_.add(selector_);
    loop_.watch(engine_.link.socket(), engine_);
    loop_.watch(selector_.link.socket(), selector_);
    Config config;
    config.on_listening = [this](const std::string& endpoint) { endpoint_ = endpoint; };
    auto store = must(workers::LmdbStore::open(directory_, node_.network.key_length));
    node_side_ = must(bus::Thread::start(
        "node",
        {[this, config](bus::Loop& loop) { return Actor::open(loop, context_, node_, config); },
         [this, store](bus::Loop& loop) {
           return attach(loop, must(workers::LmdbStorage::reader(store)));
         },
         [this, store](bus::Loop& loop) {
           return attach(loop, workers::LmdbStorage::writer(store));
         }}));
    runner_.emplace(loop_);
    REQUIRE(until([&] { return engine_.greeted && selector_.greeted; }));
    while (storages() < 2) continue;
    from_engine_side.clear();
  }
  ~Fixture() { std::filesystem::remove_all(directory_); }

  Dialler& dial(const bus::Identity& who) {
    auto dialler = std::make_unique<Dialler>(context_, node_, who, endpoint_);
    loop_.watch(dialler->socket(), *dialler);
    loop_.add(*dialler);
    diallers_.push_back(std::move(dialler));
    return *diallers_.back();
  }
  void admit(const bus::Identity& who, bool admitted = true, bool blocked = false) {
    const CallId call{++calls_};
    tell_selector(link::Admission{who.key, admitted, blocked});
    tell_selector(link::Sync{call});
    REQUIRE(until([&] {
      return std::find(from_selector_side.begin(), from_selector_side.end(),
                       link::ProducerToSelector(report::Done{call, 0})) != from_selector_side.end();
    }));
  }
  void keep(const Key& key, std::string value) {
    const CallId call{++calls_};
    tell_engine(link::Keep{call, key, Payload::of(std::move(value))});
    REQUIRE(until([&] { return has_from_engine_side(report::Done{call, 1}); }));
  }
  template <class Item>
  void tell_engine(const Item& item) {
    engine_.link.add(item);
    engine_.link.flush();
  }
  template <class Item>
  void tell_selector(const Item& item) {
    selector_.link.add(item);
    selector_.link.flush();
  }
  bool has_from_engine_side(const link::ProducerToEngine& item) const {
    return std::find(from_engine_side.begin(), from_engine_side.end(), item) !=
           from_engine_side.end();
  }
  template <class Item>
  std::size_t counted() const {
    return static_cast<std::size_t>(
        std::count_if(from_engine_side.begin(), from_engine_side.end(),
                      [](const auto& item) { return std::holds_alternative<Item>(item); }));
  }
  bool until(std::function<bool()> done) { return runner_->until(std::move(done)); }

  std::vector<link::ProducerToEngine> from_engine_side;
  std::vector<link::ProducerToSelector> from_selector_side;

 private:
  // The bound end of a link, which collects what comes.
  template <class In>
  struct End : bus::Probe {
    End(bus::Context& context, const std::string& at, const Network& network, std::vector<In>& to)
        : link(must(bus::BoundLink<In>::open(context, at, network))) {
      on_received = [this, &to](bus::Socket&, bus::Message message, Time) {
        link.read(std::move(message), to);
        greeted = true;
        link.flush();
      };
    }
    bus::BoundLink<In> link;
    bool greeted = false;
  };

  Result<std::unique_ptr<bus::Actor>> attach(bus::Loop& loop, std::unique_ptr<workers::Work> work) {
    return workers::WorkerActor::open(loop, context_, node_.network, node_.storage_door[0],
                                      std::move(work));
  }
  // The workers that a survey finds.
  std::size_t storages() {
    from_engine_side.clear();
    const CallId call{++calls_};
    tell_engine(link::Survey{call});
    REQUIRE(until([&] { return has_from_engine_side(report::Done{call, 0}); }));
    return counted<report::WorkerInfo>();
  }

  bus::Context context_;
  Node node_;
  std::filesystem::path directory_;
  std::string endpoint_;
  std::uint64_t calls_ = 100;
  bus::Loop loop_;
  End<link::ProducerToEngine> engine_;
  End<link::ProducerToSelector> selector_;
  std::vector<std::unique_ptr<Dialler>> diallers_;
  std::unique_ptr<bus::Thread> node_side_;
  std::optional<bus::Runner> runner_;
};

Key key_of(char letter) { return Key(std::string(32, letter)); }

TEST_CASE("R36 an admitted peer gets what was kept, over the wire, and no data for the rest") {
  Fixture f;
  const auto who = bus::Identity::generate();
  f.keep(key_of('1'), "the value");
  f.keep(key_of('2'), std::string(300'000, 'x'));
  f.keep(key_of('3'), "");
  f.admit(who);
  Dialler& peer = f.dial(who);
  peer.say(peer::Hello{Instance{9}, 32, 1000, "test"});
  peer.say(peer::Ping{42});
  for (const char letter : {'1', '2', '3', '4'}) {
    peer.say(peer::Ask{RequestId{static_cast<std::uint64_t>(letter)}, key_of(letter), 1 << 20});
  }
  peer.say(peer::Ask{RequestId{5}, key_of('2'), 1000});
  REQUIRE(f.until([&] { return peer.said.size() == 7; }));
  CHECK(peer.heard<peer::Hello>().at(0).instance == Instance{5});
  CHECK(peer.heard<peer::Pong>() == std::vector<peer::Pong>{{42, Instance{5}}});
  CHECK(peer.heard<peer::NoData>() == std::vector<peer::NoData>{{RequestId{'4'}}});
  CHECK(peer.heard<peer::TooLarge>() == std::vector<peer::TooLarge>{{RequestId{5}, 300'000}});
  for (const auto& value : peer.heard<peer::Value>()) {
    const std::size_t size = value.request == RequestId{'1'}   ? 9
                             : value.request == RequestId{'2'} ? 300'000
                                                               : 0;
    CHECK(value.value.size() == size);
  }
}

TEST_CASE("R34 a blocked peer gets a reason and no value, and cannot come back while blocked") {
  Fixture f;
  const auto who = bus::Identity::generate();
  f.keep(key_of('1'), "the value");
  f.admit(who);
  Dialler& peer = f.dial(who);
  peer.say(peer::Ping{1});
  REQUIRE(f.until([&] { return peer.said.size() == 1; }));
  f.admit(who, true, true);
  REQUIRE(f.until([&] { return !peer.heard<peer::Refused>().empty(); }));
  CHECK(peer.heard<peer::Refused>().at(0).reason == Reason::blocked);
  peer.say(peer::Ask{RequestId{7}, key_of('1'), 1000});
  Dialler& again = f.dial(who);
  again.say(peer::Ask{RequestId{8}, key_of('1'), 1000});
  // Another peer's round trip shows that those asks had their time.
  const auto other = bus::Identity::generate();
  f.admit(other);
  Dialler& bystander = f.dial(other);
  for (std::uint64_t round = 1; round <= 20; ++round) {
    bystander.say(peer::Ask{RequestId{round}, key_of('1'), 1000});
    REQUIRE(f.until([&] { return bystander.said.size() == round; }));
  }
  CHECK(peer.heard<peer::Value>().empty());
  CHECK(again.said.empty());
}

TEST_CASE("a message of another network or version is refused with the reason") {
  Fixture f;
  const auto who = bus::Identity::generate();
  f.admit(who);
  Dialler& peer = f.dial(who);
  for (const std::uint8_t version : std::array<std::uint8_t, 2>{1, 9}) {
    Writer writer;
    writer.add(peer::Ping{1});
    Encoded message =
        writer.finish(peer::Protocol::kProtocol, version, version == 1 ? "other" : "main");
    REQUIRE(peer.socket().send(message) == bus::Socket::Sent::yes);
  }
  REQUIRE(f.until([&] { return peer.said.size() == 2; }));
  CHECK(peer.heard<peer::Refused>().at(0).reason == Reason::network);
  CHECK(peer.heard<peer::Refused>().at(1).reason == Reason::version);
}

TEST_CASE("N7 many large values to one peer all arrive, within its window") {
  Fixture f;
  const auto who = bus::Identity::generate();
  f.keep(key_of('1'), std::string(1 << 20, 'x'));
  f.admit(who);
  Dialler& peer = f.dial(who);
  for (std::uint64_t i = 1; i <= 100; ++i) {
    peer.say(peer::Ask{RequestId{i}, key_of('1'), 1 << 20});
  }
  REQUIRE(f.until([&] { return peer.said.size() == 100; }));
  CHECK(peer.heard<peer::Value>().size() + peer.heard<peer::Overloaded>().size() == 100);
  CHECK(peer.heard<peer::Value>().size() > 50);
}

TEST_CASE("N13 the Engine looks up what it had kept, and removes it") {
  Fixture f;
  f.keep(key_of('1'), "the value");
  f.tell_engine(link::LookUp{LookUpId{1}, key_of('1'), 1000});
  REQUIRE(f.until([&] {
    return f.has_from_engine_side(link::Found{LookUpId{1}, Payload::of("the value")});
  }));
  f.tell_engine(link::Remove{CallId{2}, key_of('1')});
  REQUIRE(f.until([&] { return f.has_from_engine_side(report::Done{CallId{2}, 1}); }));
  f.tell_engine(link::LookUp{LookUpId{3}, key_of('1'), 1000});
  REQUIRE(f.until([&] { return f.has_from_engine_side(link::NoData{LookUpId{3}, true}); }));
  f.tell_engine(link::Survey{CallId{4}});
  REQUIRE(f.until([&] { return f.has_from_engine_side(report::Done{CallId{4}, 0}); }));
  CHECK(f.counted<report::WorkerInfo>() == 2);
}

}  // namespace
}  // namespace quarry::producer_bridge
