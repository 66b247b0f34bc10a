// The commands that break a testnet, and mend it.
#include <unistd.h>

#include "cli/commands/testnet.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/relay.hpp"
#include "cli/trouble.hpp"

namespace quarry::cli {
namespace {

constexpr std::size_t kMostLog = 64 * 1024 * 1024;

Exit cause(const TestnetFlags& flags, const Trouble& trouble) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  auto done = cause(*net, trouble);
  return done ? Exit::ok : fail(done.error());
}

template <Trouble::Kind kind>
Exit to_node(const TestnetFlags& flags) {
  return cause(flags, {.kind = kind, .nodes = {flags.node}});
}

Exit testnet_logs(const TestnetFlags& flags) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  const auto node = node_named(*net, flags.node);
  if (!node) return fail(node.error());
  const auto log = read_file((*node)->home.log_file(), kMostLog);
  return log ? finish(*log) : fail(log.error());
}

Exit testnet_partition(const TestnetFlags& flags) {
  return cause(flags, {.kind = Trouble::Kind::partition,
                       .nodes = split_names(flags.one_side),
                       .others = split_names(flags.other_side)});
}

Exit testnet_slow(const TestnetFlags& flags) {
  const auto delay = parse_delay(flags.how_much);
  if (!delay) return fail(delay.error());
  return cause(flags, {.kind = Trouble::Kind::slow, .nodes = {flags.node}, .delay = *delay});
}

Exit testnet_loss(const TestnetFlags& flags) {
  const auto percent = parse_loss(flags.how_much);
  if (!percent) return fail(percent.error());
  return cause(flags, {.kind = Trouble::Kind::loss, .nodes = {flags.node}, .percent = *percent});
}

Exit testnet_heal(const TestnetFlags& flags) { return cause(flags, {}); }

// As if it had been typed: the node's home is all that differs.
Exit testnet_fetch(const TestnetFlags& flags) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  const auto node = node_named(*net, flags.node.empty() ? net->nodes().back().name : flags.node);
  if (!node) return fail(node.error());
  const std::string home = (*node)->home.directory().string();
  ::execl("/proc/self/exe", "quarry", "fetch", "--home", home.c_str(), "--", flags.key.c_str(),
          static_cast<char*>(nullptr));
  return fail({Error::Kind::internal, "cannot start quarry fetch", ""});
}

Exit testnet_relay(const TestnetFlags& flags) {
  const Testnet net(flags.directory);
  auto lock = PidLock::take(net.relay_lock());
  if (!lock) return fail(lock.error());
  if (!*lock) return fail({Error::Kind::busy, "this testnet's relay runs already", "end it first"});
  auto ran = run_relay(net.links_file());
  return ran ? Exit::ok : fail(ran.error());
}

}  // namespace

void add_testnet_trouble(Command& testnet, const std::shared_ptr<TestnetFlags>& flags) {
  const auto add = [&](const std::string& name, const std::string& text, const std::string& example,
                       Exit (*act)(const TestnetFlags&)) {
    return add_to_testnet(testnet, flags, name, text, example, act);
  };
  const auto add_to_node = [&](const std::string& name, const std::string& text,
                               const std::string& example, Exit (*act)(const TestnetFlags&)) {
    return add(name, text, example, act).argument("NODE", flags->node, "node1, node2, ...");
  };
  add_to_node("logs", "What a node has logged", "  quarry testnet logs node1", testnet_logs);
  add_to_node("kill", "End a node at once (kill -9); up starts it again",
              "  quarry testnet kill node1", to_node<Trouble::Kind::kill>);
  add_to_node("pause", "Stop a node where it is (SIGSTOP)", "  quarry testnet pause node1",
              to_node<Trouble::Kind::pause>);
  add_to_node("resume", "Let a paused node go on", "  quarry testnet resume node1",
              to_node<Trouble::Kind::resume>);
  add_to_node("restart", "End a node in good order, and start it again",
              "  quarry testnet restart node1", to_node<Trouble::Kind::restart>);
  add("partition", "Let nothing pass between some nodes and others",
      "  quarry testnet partition node1,node2 node3", testnet_partition)
      .argument("NODES", flags->one_side, "The nodes of one side, with commas")
      .argument("OTHERS", flags->other_side, "Those of the other");
  add_to_node("slow", "Delay what goes to a node and comes from it",
              "  quarry testnet slow node1 200ms", testnet_slow)
      .argument("DELAY", flags->how_much, "A time, 0ms for none");
  add_to_node("loss", "Lose packets to and from a node", "  quarry testnet loss node1 5%",
              testnet_loss)
      .argument("PERCENT", flags->how_much, "How many of a hundred");
  add("heal", "End partitions, delays and losses", "  quarry testnet heal", testnet_heal);
  add("fetch", "Fetch from a node of the testnet", "  quarry testnet fetch KEY --at node2",
      testnet_fetch)
      .argument("KEY", flags->key, "The key, in hex")
      .option("--at", flags->node, "Which node is asked (otherwise the last)", "NODE");
  testnet.command("relay", "What runs between the nodes", "  quarry testnet relay")
      .hidden()
      .option("--dir", flags->directory, "The testnet's folder", "DIR")
      .does([flags] { return testnet_relay(*flags); });
}

}  // namespace quarry::cli
