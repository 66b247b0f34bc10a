// Whole clusters of the real cores on a virtual clock, in one thread, all from one seed.
//
//   sim --seed N [--log FILE]     replays one seed; the log is the same in each run
//   sim --seeds FIRST COUNT       runs many, one after another
//   sim --fresh COUNT             runs seeds that nobody has run, and prints each
//   sim --twice N                 runs a seed twice, and compares what happened
//
//   --events N, --fetches N       at least so many in each run (20000, 200)
//   --nodes N                     at most so many (20)
//   --check-every N               invariants of a core after so many of its turns (1)
//   --no-faults                   nothing goes wrong
//
// While faults are about, what is forbidden ends the run. Then they stop, and whatever somebody has
// must be fetched within a bound; then a value comes that nobody had, and must be with all that
// wait for it soon; then all is cleared, and nothing may be left.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>

#include "tests/sim/faults.hpp"
#include "tests/sim/node.hpp"

namespace quarry::sim {
namespace {

// How long it may take to fetch what can be fetched, once faults have stopped: the longest block or
// time set aside, and some rounds with the longest pauses between them.
constexpr Duration kRecovery = 10s;
constexpr Duration kWithin = 180s;
constexpr Duration kClearing = 60s;
// Until nobody is left alone any more and all have asked all for a key, and are remembered; and
// until a value that then comes is there. Where nobody remembers that takes the longest pause
// between rounds, and a round with room for one answer, so that 19 peers are asked one after the
// other.
constexpr Duration kAllAsked = 60s, kThere = 10s, kThereByRetries = 15s;

void pass(World& world, Duration time) {
  const Time until = world.events.now() + time;
  while (world.events.step(until)) {
  }
}

// Until nobody says what is wrong any more, which may take so long.
void settle(World& world, Duration within, std::string (Checks::*wrong)() const) {
  for (const Time until = world.events.now() + within;;) {
    pass(world, 2s);
    std::string first;
    for (const auto& node : world.nodes) {
      if (first.empty()) first = (node->checks.*wrong)();
      if (!first.empty() && world.events.now() >= until) node->checks.fail(first);
    }
    if (first.empty()) return;
  }
}

void start(World& world) {
  for (const auto& node : world.nodes) {
    node->peers = all_peers(world.settings.nodes);
    world.events.after(world.random.between(0ms, 500ms), [&node] { node->start(); });
  }
}

void put_right(World& world) {
  for (const auto& node : world.nodes) {
    node->peers = all_peers(world.settings.nodes);
    Client& client = *node->clients.front();
    client.command(report::PeerSet{{}, ++node->peers_number, node->peers});
    for (const auto& entry : node->peers) client.command(report::PeerUnblock{{}, entry.peer});
  }
}

// A value appears at one node that nobody had (N15).
void appear(World& world) {
  std::vector<int> missing;
  for (int key = 0; key < world.truth.keys(); ++key) {
    const bool there = std::ranges::any_of(
        world.nodes, [&](const auto& node) { return node->store.contains(key); });
    if (!there) missing.push_back(key);
  }
  if (missing.empty()) return;
  const int key = world.random.any(missing);
  const auto honest = static_cast<std::size_t>(world.settings.nodes - world.settings.liars);
  for (std::size_t n = 0; n < honest; ++n) {
    world.nodes[n]->clients.front()->wait_for(Truth::key(key));
  }
  pass(world, kAllAsked);
  Client& client = *world.nodes[world.random.below(honest)]->clients.front();
  client.command(control::Put{{}, Truth::key(key), world.truth.right(key)});
  pass(world, world.settings.selector.remember > 0s ? kThere : kThereByRetries);
  for (const auto& node : world.nodes) {
    const std::string wrong = node->checks.unanswered();
    if (!wrong.empty()) node->checks.fail("N15: a value came late: " + wrong);
  }
}

std::uint64_t run(const Options& options) {
  World world(options);
  Faults faults(world);
  start(world);
  if (options.faults) faults.begin();
  while (world.events.happened() < options.events || world.fetches < options.fetches) {
    world.events.step(kNever);
  }
  faults.stop();
  pass(world, kRecovery);
  put_right(world);
  settle(world, kWithin, &Checks::unanswered);
  appear(world);
  for (const auto& node : world.nodes) node->clients.front()->command(control::Clear{});
  settle(world, kClearing, &Checks::left);
  std::printf("seed %llu: %d nodes, %llu fetches, %llu events, log %016llx\n",
              static_cast<unsigned long long>(options.seed), world.settings.nodes,
              static_cast<unsigned long long>(world.fetches),
              static_cast<unsigned long long>(world.events.happened()),
              static_cast<unsigned long long>(world.log.digest()));
  std::fflush(stdout);
  return world.log.digest();
}

// So that a failed check of a core names the seed, too.
volatile std::uint64_t running = 0;
extern "C" void aborted(int) {
  char text[64] = "sim: seed ";
  char digits[24];
  std::size_t count = 0, at = std::strlen(text);
  for (std::uint64_t left = running; left > 0 || count == 0; left /= 10) {
    digits[count++] = static_cast<char>('0' + left % 10);
  }
  while (count > 0) text[at++] = digits[--count];
  text[at++] = '\n';
  std::fwrite(text, 1, at, stderr);
  std::fflush(nullptr);  // the log up to here
}

std::uint64_t run_seed(Options options, std::uint64_t seed) {
  running = options.seed = seed;
  return run(options);
}

int usage(const char* word) {
  std::fprintf(stderr, "sim: %s? See the first lines of tests/sim/main.cpp\n", word);
  return 2;
}

}  // namespace
}  // namespace quarry::sim

int main(int count, char** words) {
  using namespace quarry::sim;
  Options options;
  std::vector<std::uint64_t> seeds;
  bool twice = false;
  int at = 1;
  const auto number = [&] { return at + 1 < count ? std::strtoull(words[++at], nullptr, 10) : 0; };
  for (; at < count; ++at) {
    const std::string_view word = words[at];
    if (word == "--seed" || word == "--twice") {
      seeds.push_back(number());
      twice = word == "--twice";
    } else if (word == "--seeds") {
      std::uint64_t first = number();
      for (std::uint64_t left = number(); left > 0; --left) seeds.push_back(first++);
    } else if (word == "--fresh") {
      std::random_device chance;
      for (std::uint64_t left = number(); left > 0; --left) seeds.push_back(chance());
    } else if (word == "--events") {
      options.events = number();
    } else if (word == "--fetches") {
      options.fetches = number();
    } else if (word == "--nodes") {
      options.most_nodes = static_cast<int>(number());
    } else if (word == "--check-every") {
      options.check_every = std::max<std::uint64_t>(1, number());
    } else if (word == "--no-faults") {
      options.faults = false;
    } else if (word == "--log" && at + 1 < count) {
      options.log = std::fopen(words[++at], "w");
      if (options.log == nullptr) return usage(words[at]);
    } else {
      return usage(words[at]);
    }
  }
  if (seeds.empty()) return usage("which seed");
  std::signal(SIGABRT, aborted);
  for (const std::uint64_t seed : seeds) {
    const std::uint64_t digest = run_seed(options, seed);
    if (twice && run_seed(options, seed) != digest) {
      std::fprintf(stderr, "sim: seed %llu: two runs differ\n",
                   static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  return 0;
}
