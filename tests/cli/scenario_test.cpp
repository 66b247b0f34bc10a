#include <fstream>
#include <sstream>

#include "cli/scenario/script.hpp"
#include "cli/scenario/timeline.hpp"
#include "tests/support/catch.hpp"

namespace quarry::cli::scenario {
namespace {

using Kind = Trouble::Kind;
using namespace std::chrono_literals;

Script read(const std::string& text) {
  auto script = parse_script(text, "s");
  INFO((script ? "" : script.error().what));
  REQUIRE(script);
  return std::move(*script);
}

std::string refused(const std::string& text) {
  const auto script = parse_script(text, "s");
  REQUIRE_FALSE(script);
  CHECK(script.error().kind == Error::Kind::usage);
  return script.error().what;
}

TEST_CASE("a scenario is read line by line") {
  const Script script = read(
      "# What it is about.\n"
      "nodes 3   # not four\n"
      "load 2 clients x 70/s of 4KiB\n"
      "verifier node1\n"
      "liar node3\n"
      "disk node2 8MiB\n"
      "clock node1 +1h\n"
      "clock node2 -90s\n"
      "\n"
      "at 1s kill verifier1 for 500ms\n"
      "at 2s scale 6\n"
      "every 3s restart next from 4s until 20s\n"
      "every 5s one of pause,resume of node1,node2\n"
      "expect blocked node3\n"
      "expect full node2\n"
      "expect 100 fetches\n"
      "lasts 30s\n");
  CHECK(script.title == "What it is about.");
  CHECK(script.nodes == 3);
  CHECK(script.most_nodes() == 6);
  CHECK_FALSE(script.relayed());
  CHECK(script.load.clients == 2);
  CHECK(script.load.per_second == 70);
  CHECK(script.load.largest == 4096);
  CHECK(script.lasts == 30s);
  CHECK(script.liars == std::set<std::string>{"node3"});
  CHECK(script.disks.at("node2") == 8 << 20);
  CHECK(script.clocks.at("node1") == 3600);
  CHECK(script.clocks.at("node2") == -90);
  CHECK(script.blocked.contains("node3"));
  CHECK(script.full.contains("node2"));
  CHECK(script.fetches == 100);
  REQUIRE(script.workers.size() == 1);
  CHECK(script.workers[0].name == "verifier1");
  CHECK(script.workers[0].node == "node1");
  REQUIRE(script.happenings.size() == 4);

  const Happening& kill = script.happenings[0];
  CHECK(kill.kinds == std::vector{Kind::kill});
  CHECK(kill.whom.names == std::vector<std::string>{"verifier1"});
  CHECK(kill.first == 1s);
  CHECK(kill.every == 0s);
  CHECK(kill.lasts == 500ms);
  CHECK(script.happenings[1].like.count == 6);
  const Happening& restart = script.happenings[2];
  CHECK(restart.whom.how == Whom::How::next);
  CHECK(restart.first == 4s);
  CHECK(restart.every == 3s);
  CHECK(restart.until == 20s);
  const Happening& drawn = script.happenings[3];
  CHECK(drawn.kinds == std::vector{Kind::pause, Kind::resume});
  CHECK(drawn.whom.how == Whom::How::random);
  CHECK(drawn.whom.names == std::vector<std::string>{"node1", "node2"});
}

TEST_CASE("what happens to links needs a relay") {
  const Script script = read(
      "at 1s partition node1,node2 node3\n"
      "at 2s slow all 200ms\n"
      "at 3s loss node1 5%\n"
      "at 4s heal\n"
      "lasts 5s\n");
  CHECK(script.relayed());
  CHECK(script.happenings[0].like.others == std::vector<std::string>{"node3"});
  CHECK(script.happenings[1].like.delay == 200ms);
  CHECK(script.happenings[1].whom.how == Whom::How::all);
  CHECK(script.happenings[2].like.percent == 5);
  CHECK(script.happenings[3].kinds == std::vector{Kind::heal});
}

TEST_CASE("a scenario's times can be stretched, and nothing else of it") {
  Script script = read("at 2s kill node1 for 1s\nevery 4s restart next until 8s\nlasts 10s\n");
  script.stretch(0.5);
  CHECK(script.lasts == 5s);
  CHECK(script.happenings[0].first == 1s);
  CHECK(script.happenings[0].lasts == 500ms);
  CHECK(script.happenings[1].every == 2s);
  CHECK(script.happenings[1].until == 4s);
  CHECK(script.load.per_second == 50);
}

TEST_CASE("what is wrong is told with its line") {
  const std::pair<const char*, const char*> wrong[] = {
      {"nodes 4\nfrobnicate\n", "s:2: no line begins with 'frobnicate'"},
      {"nodes 0\n", "s:1: '0' is no number"},
      {"nodes 65\n", "s:1: '65' is no number"},
      {"nodes -1\n", "s:1: '-1' is no number"},
      {"nodes\n", "s:1: '' is no number"},
      {"nodes 4 5\n", "s:1: '5' is too much"},
      {"load 2 clients at 50/s\n", "s:1: 'x' has to be where 'at' is"},
      {"load 2 clients x 50\n", "s:1: '50' is no rate"},
      {"load 2 clients x 50/s of 2MiB\n", "s:1: these values are too large"},
      {"\n\nat 1s explode node1\n", "s:3: 'explode' is nothing that can happen"},
      {"at 1s kill node5\n", "s:1: there is no node 'node5'"},
      {"at 1s kill\n", "s:1: the name of a node is missing"},
      {"at soon kill node1\n", "s:1: 'soon'"},
      {"at 1s kill node1 for\n", "s:1: ''"},
      {"at 1s restart node1 for 2s\n", "s:1: only kill and pause are undone"},
      {"at 1s slow node1 2m\n", "s:1: 2m is too long a delay"},
      {"at 1s loss node1 5\n", "s:1: '5' is no loss"},
      {"every 10ms heal\n", "s:1: that is too often"},
      {"every 1s one of scale\n", "s:1: scale is not drawn"},
      {"every 1s one kill\n", "s:1: 'of' has to be where 'kill' is"},
      {"clock node1 1h\n", "s:1: '1h' is no clock that is off"},
      {"expect victory\n", "s:1: 'victory' is no number"},
      {"nodes 2\n", "s: it has no end"},
      {"at 1s scale 9\nat 2s slow node1 5ms\nlasts 3s\n", "s: a network whose links"},
      {"nodes 1\nliar node1\nlasts 3s\n", "s: somebody has to be honest"},
  };
  for (const auto& [text, what] : wrong) {
    const std::string said = refused(text);
    INFO(text << " -> " << said);
    CHECK(said.starts_with(what));
  }
}

TEST_CASE("what happens is told as one types it") {
  const Trouble cut{.kind = Kind::partition, .nodes = {"node1", "node2"}, .others = {"node3"}};
  CHECK(cut.text() == "partition node1,node2 node3");
  CHECK(Trouble{.kind = Kind::slow, .nodes = {"node1"}, .delay = 200ms}.text() ==
        "slow node1 200ms");
  CHECK(Trouble{.kind = Kind::loss, .nodes = {"node1"}, .percent = 5}.text() == "loss node1 5%");
  CHECK(Trouble{.kind = Kind::scale, .count = 12}.text() == "scale 12");
  CHECK(Trouble{}.text() == "heal");
}

TEST_CASE("percentiles are those of what was measured") {
  CHECK(percentile({}, 99) == 0);
  CHECK(percentile({7}, 99) == 7);
  std::vector<float> values;
  for (int i = 100; i >= 0; --i) values.push_back(static_cast<float>(i));
  CHECK(percentile(values, 50) == 50);
  CHECK(percentile(values, 99) == 99);
}

// So many seconds of one life, growing by so much in each.
void live(Timeline& timeline, pid_t pid, std::size_t seconds, double mib, double per_second) {
  for (std::size_t i = 0; i < seconds; ++i) {
    timeline.emplace_back().memory = {{"node1", pid, mib + per_second * static_cast<double>(i)}};
  }
}

TEST_CASE("memory that rises in each life of a node has its slope, whatever they began with") {
  Timeline timeline;
  live(timeline, 1, 600, 5, 0.25);
  live(timeline, 2, 500, 50, 0.25);
  const auto slope = memory_slope(timeline, "node1");
  REQUIRE(slope);
  CHECK(*slope == Approx(0.25 * 1024 * 60));
  CHECK_FALSE(memory_slope(timeline, "node2"));
}

TEST_CASE("memory that fills in a life's first minutes does not rise") {
  Timeline timeline;
  live(timeline, 1, 300, 5, 1);
  live(timeline, 1, 120, 305, 0);
  const auto slope = memory_slope(timeline, "node1");
  REQUIRE(slope);
  CHECK(*slope == Approx(0).margin(1e-9));
  Timeline short_lives;
  live(short_lives, 1, 400, 5, 1);
  CHECK_FALSE(memory_slope(short_lives, "node1"));
}

}  // namespace
}  // namespace quarry::cli::scenario
