#include "actors/consumer_bridge/actor.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <filesystem>

#include "actors/workers/digest_verifier.hpp"
#include "actors/workers/worker_actor.hpp"
#include "tests/bus/support.hpp"

using namespace quarry;
using namespace quarry::bus;

namespace {

Key digest_of(const std::string& value) {
  std::array<std::byte, 32> digest;
  EVP_Q_digest(nullptr, "SHA256", nullptr, value.data(), value.size(),
               reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return Key(ByteView(digest));
}

// Stands for the Engine: sends values and keeps verdicts.
struct Engine : Probe {
  Engine(Loop& loop, Context& context, const Node& node)
      : link(must(
            BoundLink<link::ConsumerToEngine>::open(context, node.consumer_link, node.network))) {
    loop.watch(link.socket(), *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      items.clear();
      link.read(std::move(message), items);
      for (const auto& item : items) {
        if (std::holds_alternative<link::Hello>(item) && on_hello) on_hello();
        if (const auto* attached = std::get_if<link::Attached>(&item)) {
          verifiers = attached->workers;
          if (on_attached) on_attached();
        }
        if (const auto* verdict = std::get_if<link::Verdict>(&item)) verdicts.push_back(*verdict);
      }
    };
    on_flush = [this](Time) { link.flush(); };
  }
  void judge(std::uint64_t delivery, const std::string& value, bool lie = false) {
    link.add(link::Judge{
        {delivery}, digest_of(lie ? value + "!" : value), {}, {Tag("t")}, Payload::of(value)});
  }

  BoundLink<link::ConsumerToEngine> link;
  std::function<void()> on_hello, on_attached;
  std::vector<link::ConsumerToEngine> items;
  std::vector<link::Verdict> verdicts;
  std::uint32_t verifiers = 0;
};

struct TestNode : Node {
  TestNode() {
    directory =
        std::filesystem::temp_directory_path() / ("quarry-consumer-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all);
    consumer_link = inproc("engine-consumer");
    verifier_door = {inproc("verifiers"), "ipc://" + (directory / "verifiers").string()};
    agent = "test";
  }
  ~TestNode() { std::filesystem::remove_all(directory); }
  std::filesystem::path directory;
};

std::unique_ptr<bus::Actor> digest_worker(Loop& loop, Context& context, const Node& node,
                                          const std::string& door) {
  auto actor = must(workers::WorkerActor::open(loop, context, node.network, door,
                                               must(workers::DigestVerifier::open("sha256", 32))));
  loop.add(*actor);
  return actor;
}

std::unique_ptr<bus::Actor> bridge_of(Loop& loop, Context& context, const Node& node) {
  auto actor = must(consumer_bridge::Actor::open(loop, context, node, {}));
  loop.add(*actor);
  return actor;
}

// A verifier that speaks by hand.
struct RawVerifier : Probe {
  RawVerifier(Loop& loop, Context& context, const Node& node)
      : socket(must(Socket::open(context, {.kind = Socket::Kind::dealer, .max_frame = 1 << 20}))),
        decoder(node.network) {
    must(socket.connect(node.verifier_door[1]));
    loop.watch(socket, *this);
    loop.add(*this);
    on_received = [this](Socket&, Message message, Time) {
      REQUIRE_FALSE(decoder.read(message.envelope.view(), std::move(message.payload), items));
      if (on_items) on_items();
    };
    on_flush = [this](Time) { outbox.flush(socket); };
    on_elapsed = [](Time) {};
    deadline = now();  // so that what was added before the loop ran is flushed
  }
  void hello(std::uint64_t instance) {
    outbox.add(worker::Hello{WorkerRole::verifier, {instance}, 100, 0, "raw", "test", {}});
  }
  template <class Kind>
  std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(items.begin(), items.end(), [](const auto& item) {
      return std::holds_alternative<Kind>(item);
    }));
  }
  Socket socket;
  Decoder<worker::Protocol> decoder;
  Outbox<worker::Protocol> outbox{""};
  std::vector<worker::FromDoor> items;
  std::function<void()> on_items;
};

}  // namespace

TEST_CASE("R25 values are judged by the built-in verifier, over inproc and over ipc alike") {
  const std::size_t door = GENERATE(0, 1);
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  Engine engine(loop, context, node);
  const auto bridge = bridge_of(loop, context, node);
  const auto worker = digest_worker(loop, context, node, node.verifier_door[door]);
  constexpr std::size_t kValues = 2000;
  engine.on_hello = [&] {
    for (std::uint64_t i = 1; i <= kValues; ++i) {
      // Every hundredth is large, every seventh a lie, and the last empty.
      const std::size_t size = i == kValues ? 0 : i % 100 == 0 ? 300'000 : 40;
      engine.judge(i, std::string(size, static_cast<char>('a' + i % 26)), i % 7 == 0);
    }
  };
  REQUIRE(runner.until([&] { return engine.verdicts.size() == kValues; }));
  for (const auto& verdict : engine.verdicts) {
    const Outcome outcome = verdict.delivery.value % 7 == 0 ? Outcome::invalid : Outcome::complete;
    REQUIRE(verdict.outcome == outcome);
  }
  REQUIRE(loop.sweep_catches() == 0);
}

TEST_CASE("N6 a verifier whose process ends without a word is found gone, and its values judged") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  Engine engine(loop, context, node);
  const auto bridge = bridge_of(loop, context, node);
  auto mute = std::make_unique<Context>();
  Loop mute_loop;
  std::unique_ptr<RawVerifier> verifier = std::make_unique<RawVerifier>(mute_loop, *mute, node);
  verifier->hello(5);
  verifier->outbox.flush(verifier->socket);
  std::unique_ptr<bus::Actor> successor;
  engine.on_attached = [&] {
    if (engine.verifiers != 1 || successor) return;
    for (std::uint64_t i = 1; i <= 10; ++i) engine.judge(i, "value");
  };
  // Its connection closes once it has jobs, and another comes; it answers none.
  Probe killer;
  killer.deadline = now();
  killer.on_elapsed = [&](Time now) {
    Message message;
    std::vector<worker::FromDoor> items;
    while (verifier && verifier->socket.receive(message) == Socket::Received::message) {
      REQUIRE_FALSE(
          verifier->decoder.read(message.envelope.view(), std::move(message.payload), items));
    }
    const bool has_job = std::any_of(items.begin(), items.end(), [](const auto& item) {
      return std::holds_alternative<worker::Judge>(item);
    });
    if (has_job) {
      verifier.reset();
      successor = digest_worker(loop, context, node, node.verifier_door[0]);
    }
    killer.deadline = verifier ? now + 5ms : kNever;
  };
  loop.add(killer);
  REQUIRE(runner.until([&] { return engine.verdicts.size() == 10; }));
  REQUIRE_FALSE(verifier);
  for (const auto& verdict : engine.verdicts) REQUIRE(verdict.outcome == Outcome::complete);
}

TEST_CASE("N14 a verifier attaches again by itself when the door is started again") {
  TestNode node;
  Context context;
  Loop worker_loop;
  const auto worker = digest_worker(worker_loop, context, node, node.verifier_door[1]);
  std::thread thread([&] { worker_loop.run(); });
  for (int life = 0; life < 2; ++life) {
    node.consumer_link = inproc("engine-consumer");
    node.verifier_door[0] = inproc("verifiers");
    Loop loop;
    Runner runner(loop);
    Engine engine(loop, context, node);
    const auto bridge = bridge_of(loop, context, node);
    engine.on_hello = [&] { engine.judge(1, "value"); };
    CHECK(runner.until([&] { return !engine.verdicts.empty(); }));
    CHECK(engine.verdicts == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
  }
  worker_loop.stop();
  thread.join();
}

TEST_CASE(
    "who speaks before its hello is refused, and attached when hello follows in the same turn") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  Engine engine(loop, context, node);
  const auto bridge = bridge_of(loop, context, node);
  RawVerifier verifier(loop, context, node);
  verifier.outbox.add(worker::Verdict{{77}, Outcome::complete, {}});
  verifier.hello(5);
  engine.on_attached = [&] {
    if (engine.verifiers == 1) engine.judge(1, "value");
  };
  verifier.on_items = [&] {
    for (const auto& item : verifier.items) {
      if (const auto* judge = std::get_if<worker::Judge>(&item)) {
        verifier.outbox.add(worker::Verdict{judge->job, Outcome::withheld, {}});
      }
    }
    verifier.items.clear();
  };
  REQUIRE(runner.until([&] { return !engine.verdicts.empty(); }));
  REQUIRE(engine.verdicts == std::vector<link::Verdict>{{{1}, Outcome::withheld, {}}});
}

TEST_CASE("a verifier that sends no message of this protocol is told so, and its values go on") {
  TestNode node;
  Context context;
  Loop loop;
  Runner runner(loop);
  Engine engine(loop, context, node);
  const auto bridge = bridge_of(loop, context, node);
  RawVerifier verifier(loop, context, node);
  verifier.hello(5);
  std::unique_ptr<bus::Actor> good;
  bool garbled = false;
  engine.on_attached = [&] {
    if (engine.verifiers == 1 && !garbled) engine.judge(1, "value");
  };
  verifier.on_items = [&] {
    if (verifier.count<worker::Judge>() > 0 && !garbled) {
      garbled = true;
      Encoded garbage = text("no message");
      REQUIRE(verifier.socket.send(garbage) == Socket::Sent::yes);
    }
    if (verifier.count<worker::Refused>() > 0 && !good) {
      good = digest_worker(loop, context, node, node.verifier_door[0]);
    }
  };
  REQUIRE(runner.until([&] { return !engine.verdicts.empty(); }));
  REQUIRE(engine.verdicts == std::vector<link::Verdict>{{{1}, Outcome::complete, {}}});
}
