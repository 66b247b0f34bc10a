// The shell over real sockets: an Engine and peers played by hand.
#include "actors/peer_selector/actor.hpp"

#include <filesystem>
#include <map>

#include "bus/zap.hpp"
#include "tests/bus/support.hpp"
#include "tests/bus/temporary.hpp"

using namespace quarry;
using namespace quarry::bus;

namespace {

struct TestNode : Node {
  TestNode() {
    identity = Identity::generate();
    instance = {7};
    agent = "test";
    selector_link = inproc("engine-selector");
    admission_link = inproc("selector-producer");
  }
};

// Stands for the Engine: wants keys and takes every answer for right.
struct Engine : Probe {
  Engine(Loop& loop, Context& context, const Node& node)
      : link(must(
            BoundLink<link::SelectorToEngine>::open(context, node.selector_link, node.network))) {
    loop.watch(link.socket(), *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      items.clear();
      link.read(std::move(message), items);
      for (const auto& item : items) {
        if (std::holds_alternative<link::Hello>(item)) attached();
        if (const auto* answer = std::get_if<link::Answer>(&item)) answered(*answer);
        if (const auto* info = std::get_if<report::PeerInfo>(&item)) infos.push_back(*info);
        if (const auto* done = std::get_if<report::Done>(&item)) dones.push_back(*done);
      }
    };
    on_flush = [this](Time) { link.flush(); };
  }
  void attached() {
    is_attached = true;
    link.add(link::Room{4096, 64 << 20});
    for (const auto& want : wants) link.add(want);
  }
  void answered(const link::Answer& answer) {
    answers[answer.fetch] = answer.value.size();
    link.add(link::Judged{answer.fetch, answer.request, Outcome::complete, false});
    link.add(link::Room{1, answer.value.size()});
  }
  void want(std::uint64_t fetch, std::size_t size) {
    std::string key(32, '.');
    std::memcpy(key.data(), &size, sizeof size);
    std::memcpy(key.data() + 8, &fetch, sizeof fetch);
    wants.push_back({{fetch}, Key(key), Class::normal, {}});
    link.add(wants.back());
  }
  BoundLink<link::SelectorToEngine> link;
  std::vector<link::Want> wants;
  std::vector<link::SelectorToEngine> items;
  std::map<FetchId, std::size_t> answers;
  std::vector<report::PeerInfo> infos;
  std::vector<report::Done> dones;
  bool is_attached = false;
};

// A peer: has a value of the size that the key names, for every key.
struct RawPeer : Probe {
  RawPeer(Loop& loop, Context& context, const Identity& identity, const Network& network,
          const std::string& endpoint)
      : socket(must(Socket::open(context, {.kind = Socket::Kind::router,
                                           .max_frame = 1 << 20,
                                           .send_hwm = 1000,
                                           .receive_hwm = 1000,
                                           .identity = &identity}))),
        decoder(network),
        outbox(network.name, 256 << 20),
        instance{random_u64()} {
    must(socket.bind(endpoint));
    loop.watch(socket, *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      items.clear();
      REQUIRE_FALSE(decoder.read(message.envelope.view(), std::move(message.payload), items));
      for (const auto& item : items) {
        if (const auto* ping = std::get_if<peer::Ping>(&item)) {
          outbox.add(message.route, peer::Pong{ping->nonce, instance});
        }
        if (const auto* ask = std::get_if<peer::Ask>(&item)) answer(message.route, *ask);
      }
    };
    on_flush = [this](Time) { outbox.flush(socket); };
  }
  void answer(const Route& route, const peer::Ask& ask) {
    ++asked;
    std::size_t size = 0;
    std::memcpy(&size, ask.key.view().data(), sizeof size);
    if (size > ask.room) return outbox.add(route, peer::TooLarge{ask.request, size});
    outbox.add(route, peer::Value{ask.request, Payload::of(std::string(size, 'v'))});
  }
  Socket socket;
  Decoder<peer::Protocol> decoder;
  DoorOutbox<peer::Protocol> outbox;
  Instance instance;
  std::vector<peer::FromAsker> items;
  std::size_t asked = 0;
};

std::unique_ptr<bus::Actor> selector_of(Loop& loop, Context& context, const Node& node,
                                        const Identity& peer, const std::string& endpoint,
                                        const std::filesystem::path& state = {}) {
  peer_selector::Config config;
  config.peers = {{peer.key, endpoint, PeerRole::primary, "raw"}};
  auto actor = must(peer_selector::Actor::open(loop, context, node, config, state));
  loop.add(*actor);
  return actor;
}

}  // namespace

TEST_CASE("R11 values of all sizes come from a peer over the network") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  const auto zap = must(Zap::open(context, loop));
  zap->admit(node.identity.key);
  const Identity who = Identity::generate();
  RawPeer peer(loop, context, who, node.network, "tcp://127.0.0.1:*");
  Engine engine(loop, context, node);
  const auto selector = selector_of(loop, context, node, who, peer.socket.endpoint());
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    engine.want(i, i % 100 == 0 ? 300'000 : i % 3 == 0 ? 0 : 1000);
  }
  REQUIRE(runner.until([&] { return engine.answers.size() == 2000; }));
  REQUIRE(engine.answers.at(FetchId{100}) == 300'000);
  REQUIRE(engine.answers.at(FetchId{3}) == 0);
  REQUIRE(loop.sweep_catches() == 0);
}

TEST_CASE("R10 a peer that comes up later, and again after its death, is found by itself") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  const auto zap = must(Zap::open(context, loop));
  zap->admit(node.identity.key);
  const Identity who = Identity::generate();
  auto peer = std::make_unique<RawPeer>(loop, context, who, node.network, "tcp://127.0.0.1:*");
  const std::string endpoint = peer->socket.endpoint();
  Engine engine(loop, context, node);
  const auto selector = selector_of(loop, context, node, who, endpoint);
  engine.want(1, 10);
  REQUIRE(runner.until([&] { return engine.answers.size() == 1; }));
  std::vector<std::unique_ptr<RawPeer>> dead;
  // The actor stays where the loop knows it; its socket goes.
  loop.forget(peer->socket);
  { const Socket closing(std::move(peer->socket)); }
  peer->on_flush = {};
  dead.push_back(std::move(peer));
  engine.want(2, 10);
  engine.want(3, 10);
  REQUIRE_FALSE(runner.until([&] { return engine.answers.size() > 1; }, 500ms));
  RawPeer again(loop, context, who, node.network, endpoint);
  const Time before = now();
  REQUIRE(runner.until([&] { return engine.answers.size() == 3; }));
  REQUIRE(now() - before < 8s);
}

TEST_CASE("R32 an address that cannot be connected is a peer that refuses, with the reason") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  const Identity who = Identity::generate();
  Engine engine(loop, context, node);
  const auto selector = selector_of(loop, context, node, who, "nonsense");
  REQUIRE(runner.until([&] { return engine.is_attached; }));
  engine.link.add(report::PeerList{{1}});
  engine.link.flush();
  REQUIRE(runner.until([&] { return engine.dones.size() == 1; }));
  REQUIRE(engine.infos.at(0).state == PeerState::refusing);
  REQUIRE_FALSE(engine.infos.at(0).detail.empty());
}

TEST_CASE("N10 a block is in the file when its command is done") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  const TemporaryFolder folder;
  const auto path = folder.path / "peers";
  const Identity who = Identity::generate();
  Engine engine(loop, context, node);
  const auto selector = selector_of(loop, context, node, who, "tcp://127.0.0.1:9", path);
  REQUIRE(runner.until([&] { return engine.is_attached; }));
  REQUIRE(peer_selector::StateFile(path).read().empty());
  engine.link.add(report::PeerBlock{CallId{1}, who.key, 3'600'000});
  engine.link.flush();
  // Read while it runs: whoever stops writes it, too.
  std::vector<peer_selector::Remembered> kept;
  REQUIRE(runner.until([&] {
    if (!engine.dones.empty()) kept = peer_selector::StateFile(path).read();
    return !engine.dones.empty();
  }));
  REQUIRE(kept.size() == 1);
  REQUIRE(kept[0].peer == who.key);
  REQUIRE(kept[0].block.left > 59min);
}

TEST_CASE("R39 the selector stops within the second that a loop allows") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  const Identity who = Identity::generate();
  Engine engine(loop, context, node);
  const auto selector = selector_of(loop, context, node, who, "tcp://127.0.0.1:9");
  engine.want(1, 10);
  REQUIRE(runner.until([&] { return engine.is_attached; }));
  REQUIRE(selector->stopped());
}
