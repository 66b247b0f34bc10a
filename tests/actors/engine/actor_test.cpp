#include "actors/engine/actor.hpp"

#include <unistd.h>

#include <filesystem>

#include "tests/bus/support.hpp"

using namespace quarry;
using namespace quarry::bus;

namespace {

Key key(std::string name) {
  name.resize(32, '.');
  return Key(name);
}

struct TestNode : Node {
  TestNode() {
    directory =
        std::filesystem::temp_directory_path() / ("quarry-engine-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
    selector_link = inproc("engine-selector");
    consumer_link = inproc("engine-consumer");
    producer_link = inproc("engine-producer");
    control_door = {inproc("control"), "ipc://" + (directory / "control").string()};
    agent = "test";
    identity = Identity::generate();
  }
  ~TestNode() { std::filesystem::remove_all(directory); }
  std::filesystem::path directory;
};

// Stands for one of the other actors: keeps what it is told, answers as it is taught.
template <class In>
struct Partner : Probe {
  Partner(Loop& loop, Context& context, const std::string& address, const Node& node)
      : link(must(ConnectedLink<In>::open(context, address, node.network))) {
    loop.watch(link.socket(), *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      const std::size_t before = items.size();
      link.read(std::move(message), items);
      for (std::size_t i = before; i < items.size() && answer; ++i) answer(items[i]);
    };
    on_flush = [this](Time now) { link.flush(now); };
  }
  template <class Item>
  std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(items.begin(), items.end(), [](const auto& item) {
      return std::holds_alternative<Item>(item);
    }));
  }
  ConnectedLink<In> link;
  std::vector<In> items;
  std::function<void(const In&)> answer;
};

struct Client : Probe {
  Client(Loop& loop, Context& context, const Node& node, const std::string& door)
      : socket(must(Socket::open(context, {.kind = Socket::Kind::dealer, .max_frame = 1 << 23}))),
        decoder(node.network) {
    must(socket.connect(door));
    loop.watch(socket, *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      REQUIRE_FALSE(decoder.read(message.envelope.view(), std::move(message.payload), items));
    };
    on_flush = [this](Time) { outbox.flush(socket); };
    deadline = now();  // so that what was added before the loop ran is flushed
  }
  void fetch(const std::string& name) {
    outbox.add(control::Fetch{Tag("t"), key(name), {}});
    deadline = now();
  }
  template <class Item>
  std::vector<Item> all() const {
    std::vector<Item> found;
    for (const auto& item : items) {
      if (const auto* it = std::get_if<Item>(&item)) found.push_back(*it);
    }
    return found;
  }
  Socket socket;
  Decoder<control::Protocol> decoder;
  Outbox<control::Protocol> outbox{""};
  std::vector<control::FromNode> items;
};

// An Engine whose selector answers each Want, and whose verifier finds every value complete.
struct World {
  World() {
    engine = must(engine::Actor::open(loop, context, node, {}));
    loop.add(*engine);
    selector.emplace(loop, context, node.selector_link, node);
    consumer.emplace(loop, context, node.consumer_link, node);
    selector->answer = [this](const link::EngineToSelector& item) {
      const auto* want = std::get_if<link::Want>(&item);
      if (want == nullptr || want->key == key("unanswered")) return;
      const std::size_t size = want->key == key("large") ? 1'000'000 : 100;
      selector->link.add(link::Answer{
          want->fetch, RequestId{want->fetch.value}, {}, Payload::of(std::string(size, 'v'))});
    };
    consumer->answer = [this](const link::EngineToConsumer& item) {
      if (const auto* judge = std::get_if<link::Judge>(&item)) {
        consumer->link.add(link::Verdict{judge->delivery, Outcome::complete, {}});
      }
    };
  }
  std::unique_ptr<Client> client(std::size_t door = 0) {
    auto client = std::make_unique<Client>(loop, context, node, node.control_door[door]);
    client->outbox.add(control::Hello{"test"});
    return client;
  }
  // Each step waits until its condition holds and then acts; false when patience ends first. One
  // run of the loop: at its end the actors are stopped.
  struct Step {
    std::function<bool()> until;
    std::function<void()> then = [] {};
  };
  bool run(std::vector<Step> steps) {
    std::size_t at = 0;
    return runner.until([&] {
      for (; at < steps.size() && steps[at].until(); ++at) steps[at].then();
      return at == steps.size();
    });
  }
  TestNode node;
  Context context;
  Loop loop;
  Runner runner{loop};
  std::unique_ptr<bus::Actor> engine;
  std::optional<Partner<link::EngineToSelector>> selector;
  std::optional<Partner<link::EngineToConsumer>> consumer;
};

}  // namespace

TEST_CASE("R2 a batch of fetches goes out to the selector and the verifier, and all come back") {
  World world;
  const auto client = world.client(GENERATE(0, 1));
  constexpr std::size_t kFetches = 2000;
  for (std::size_t i = 1; i < kFetches; ++i) client->fetch(std::to_string(i));
  client->fetch("large");
  REQUIRE(world.runner.until([&] { return client->all<control::Resolved>().size() == kFetches; }));
  REQUIRE(client->all<control::Welcome>().size() == 1);
  REQUIRE(client->all<control::Welcome>()[0].node == world.node.identity.key);
  for (const auto& resolved : client->all<control::Resolved>()) {
    REQUIRE(resolved.value.size() == (resolved.key == key("large") ? 1'000'000 : 100));
  }
  REQUIRE(world.selector->count<link::Judged>() == kFetches);
  REQUIRE(world.loop.sweep_catches() == 0);
}

TEST_CASE("what does not fit is refused with the reason, and the client stays") {
  World world;
  const auto client = world.client();
  Encoded nonsense;
  nonsense.envelope = "nonsense";
  REQUIRE(world.run({{[&] { return !client->all<control::Welcome>().empty(); },
                      [&] {
                        REQUIRE(client->socket.send(nonsense) == Socket::Sent::yes);
                        client->fetch("k");
                      }},
                     {[&] { return !client->all<control::Resolved>().empty(); }}}));
  REQUIRE(client->all<control::Refused>().size() == 1);
  REQUIRE(client->all<control::Refused>()[0].reason == Reason::malformed);
}

TEST_CASE("who has not said hello is refused as unknown, and so is who has said good-bye") {
  World world;
  Client stranger(world.loop, world.context, world.node, world.node.control_door[0]);
  stranger.fetch("k");
  REQUIRE(world.run({{[&] { return stranger.all<control::Refused>().size() == 1; },
                      [&] {
                        CHECK(stranger.all<control::Refused>()[0].reason == Reason::unknown);
                        stranger.outbox.add(control::Hello{});
                        stranger.outbox.add(control::Bye{});
                        stranger.fetch("k");
                      }},
                     {[&] { return stranger.all<control::Refused>().size() == 2; }}}));
  CHECK(world.selector->count<link::Want>() == 0);
}

TEST_CASE("R23 what a client asked ends within a second when it vanishes without a word") {
  World world;
  const std::size_t door = GENERATE(0, 1);
  Loop client_loop;
  auto client = std::make_unique<Client>(client_loop, world.context, world.node,
                                         world.node.control_door[door]);
  client->outbox.add(control::Hello{});
  client->fetch("unanswered");
  client->outbox.flush(client->socket);
  Time gone{}, ended{};
  REQUIRE(world.run(
      {{[&] { return world.selector->count<link::Want>() == 1; },
        [&] {
          client.reset();
          gone = now();
        }},
       {[&] { return world.selector->count<link::End>() == 1; }, [&] { ended = now(); }}}));
  CHECK(ended - gone < 1s);
}

TEST_CASE("N14 a selector that starts again is told what is wanted") {
  World world;
  const auto client = world.client();
  client->fetch("unanswered");
  std::optional<Partner<link::EngineToSelector>> successor;
  REQUIRE(world.run({{[&] { return world.selector->count<link::Want>() == 1; },
                      [&] {
                        successor.emplace(world.loop, world.context, world.node.selector_link,
                                          world.node);
                      }},
                     {[&] { return successor->count<link::Want>() == 1; }}}));
  CHECK(successor->count<link::Room>() == 1);
}

TEST_CASE("R39 a stopped Engine has told its subscribers before it is gone") {
  World world;
  const auto client = world.client();
  client->fetch("unanswered");
  REQUIRE(world.run({{[&] { return world.selector->count<link::Want>() == 1; },
                      [&] { world.engine->stop(now()); }},
                     {[&] { return world.engine->stopped(); }},
                     {[&] { return !client->all<control::Ended>().empty(); }}}));
  CHECK(client->all<control::Ended>()[0].how == Terminal::stopped);
}
