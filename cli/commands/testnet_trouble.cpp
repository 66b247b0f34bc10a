// The commands that break a testnet, and mend it.
#include <charconv>
#include <csignal>
#include <set>
#include <sstream>

#include "cli/commands/testnet.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/relay.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

constexpr std::size_t kMostLog = 64 * 1024 * 1024;
constexpr std::chrono::minutes kLongestDelay{1};

Result<Testnet::Node*> node_named(Testnet& net, const std::string& name) {
  for (Testnet::Node& node : net.nodes()) {
    if (node.name == name) return &node;
  }
  return error(Error::Kind::usage, "there is no node '" + name + "' in this testnet",
               "they are called node1 to node" + std::to_string(net.nodes().size()));
}

// Does it to the node that is named.
Exit to_node(const TestnetFlags& flags,
             const std::function<Result<>(Testnet&, Testnet::Node&)>& act) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  auto node = node_named(*net, flags.node);
  if (!node) return fail(node.error());
  auto done = act(*net, **node);
  return done ? Exit::ok : fail(done.error());
}

Exit send_signal(const TestnetFlags& flags, int signal) {
  return to_node(flags,
                 [&](Testnet& net, Testnet::Node& node) { return net.signal(node, signal); });
}
Exit testnet_pause(const TestnetFlags& flags) { return send_signal(flags, SIGSTOP); }
Exit testnet_resume(const TestnetFlags& flags) { return send_signal(flags, SIGCONT); }

Exit testnet_kill(const TestnetFlags& flags) {
  return to_node(flags, [](Testnet& net, Testnet::Node& node) { return net.stop(node, true); });
}

Exit testnet_restart(const TestnetFlags& flags) {
  return to_node(flags, [&](Testnet& net, Testnet::Node& node) {
    auto stopped = net.stop(node, false);
    return stopped ? net.start("/proc/self/exe") : stopped;
  });
}

Exit testnet_logs(const TestnetFlags& flags) {
  return to_node(flags, [&](Testnet&, Testnet::Node& node) -> Result<> {
    const auto log = read_file(node.home.log_file(), kMostLog);
    if (!log) return tl::unexpected(log.error());
    static_cast<void>(finish(*log));
    return {};
  });
}

Exit change_links(const TestnetFlags& flags, const std::function<void(Link&)>& change) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  auto done = net->change_links(change);
  return done ? Exit::ok : fail(done.error());
}

Exit change_links_of_node(const TestnetFlags& flags, const std::function<void(Link&)>& change) {
  return to_node(flags, [&](Testnet& net, Testnet::Node& node) {
    return net.change_links([&](Link& link) {
      if (link.from == node.name || link.to == node.name) change(link);
    });
  });
}

Result<std::set<std::string>> nodes_named(Testnet& net, const std::string& names) {
  std::set<std::string> nodes;
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) {
    if (auto node = node_named(net, name); !node) return tl::unexpected(node.error());
    nodes.insert(name);
  }
  return nodes;
}

Exit testnet_partition(const TestnetFlags& flags) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  const auto one = nodes_named(*net, flags.one_side);
  if (!one) return fail(one.error());
  const auto other = nodes_named(*net, flags.other_side);
  if (!other) return fail(other.error());
  auto done = net->change_links([&](Link& link) {
    link.cut |= (one->contains(link.from) && other->contains(link.to)) ||
                (other->contains(link.from) && one->contains(link.to));
  });
  return done ? Exit::ok : fail(done.error());
}

Exit testnet_heal(const TestnetFlags& flags) {
  return change_links(flags, [](Link& link) {
    link.cut = false;
    link.delay = {};
    link.loss_percent = 0;
  });
}

Exit testnet_slow(const TestnetFlags& flags) {
  const auto delay = parse_duration(flags.how_much);
  if (!delay) return fail(delay.error());
  if (*delay > kLongestDelay) {
    return fail({Error::Kind::usage, flags.how_much + " is too long a delay", "use at most 1m"});
  }
  return change_links_of_node(flags, [&](Link& link) { link.delay = *delay; });
}

Exit testnet_loss(const TestnetFlags& flags) {
  unsigned percent = 0;
  const char* end = flags.how_much.data() + flags.how_much.size();
  const auto [at, wrong] = std::from_chars(flags.how_much.data(), end, percent);
  if (wrong != std::errc() || std::string_view(at, end) != "%" || percent > 100) {
    return fail({Error::Kind::usage, "'" + flags.how_much + "' is no loss", "write it like 5%"});
  }
  return change_links_of_node(flags, [&](Link& link) { link.loss_percent = percent; });
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
              "  quarry testnet kill node1", testnet_kill);
  add_to_node("pause", "Stop a node where it is (SIGSTOP)", "  quarry testnet pause node1",
              testnet_pause);
  add_to_node("resume", "Let a paused node go on", "  quarry testnet resume node1", testnet_resume);
  add_to_node("restart", "End a node in good order, and start it again",
              "  quarry testnet restart node1", testnet_restart);
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
  add("relay", "What runs between the nodes", "  quarry testnet relay", testnet_relay);
}

}  // namespace quarry::cli
