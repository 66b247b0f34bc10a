#include "cli/commands/testnet.hpp"

#include <algorithm>
#include <optional>

#include "bus/clock.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/describe.hpp"
#include "cli/node_view.hpp"
#include "cli/output.hpp"

namespace quarry::cli {
namespace {

std::string state_of(const NodeView& view) {
  if (!view.running) return "does not run";
  if (!view.answers) return "does not answer";
  return std::to_string(view.connected) + " of " + std::to_string(view.peers.size()) +
         " peers connected";
}

std::string table_of(Testnet& net, const std::vector<NodeView>& views) {
  Table table({"NODE", "ADDRESS", ">PID", "STATE", ">FETCHES", "HOME"});
  for (std::size_t i = 0; i < views.size(); ++i) {
    const NodeView& view = views[i];
    table.add({net.nodes()[i].name, view.answers ? view.info.listen : "-",
               view.running ? std::to_string(view.pid) : "-", state_of(view),
               std::to_string(view.fetches), net.nodes()[i].home.directory().string()});
  }
  return table.text();
}

std::string json_of(Testnet& net, const std::vector<NodeView>& views) {
  Json json;
  json.begin().add("directory", net.directory().string()).begin("nodes", '[');
  for (std::size_t i = 0; i < views.size(); ++i) {
    const NodeView& view = views[i];
    json.begin().add("name", net.nodes()[i].name);
    json.add("home", net.nodes()[i].home.directory().string()).add_flag("running", view.running);
    if (view.running) json.add("pid", static_cast<std::uint64_t>(view.pid));
    if (view.answers) {
      json.add("key", to_z85(view.info.node));
      json.add("listen", view.info.listen).add("peers", view.peers.size());
      json.add("connected", view.connected).add("fetches", view.fetches);
    }
    json.end();
  }
  return json.end().end().line();
}

std::string what_next(Testnet& net, const TestnetFlags& flags) {
  const std::string first = net.nodes().front().home.directory().string();
  const std::string last = net.nodes().back().home.directory().string();
  const std::string dir = flags.directory.empty() ? "" : " --dir " + flags.directory;
  return "\nNext, put a file into one node and fetch it from another by the key that is printed:\n"
         "  quarry put --home " +
         first +
         " FILE\n"
         "  quarry fetch --home " +
         last +
         " KEY -o COPY\n"
         "  quarry peers list --home " +
         first +
         "\n"
         "  quarry testnet status" +
         dir +
         "\n"
         "  quarry testnet down" +
         dir + "\n";
}

// Looks at all nodes, each in turn.
template <class Look>
Result<std::vector<NodeView>> views_of(Testnet& net, Look look) {
  std::vector<NodeView> views;
  for (const Testnet::Node& node : net.nodes()) {
    auto view = look(node);
    if (!view) return tl::unexpected(view.error());
    views.push_back(std::move(*view));
  }
  return views;
}

Exit testnet_up(const TestnetFlags& flags) {
  if (flags.nodes < 1 || flags.nodes > Testnet::kMostNodes) {
    return fail({Error::Kind::usage, "'" + std::to_string(flags.nodes) + "' is no number of nodes",
                 "use 1 to " + std::to_string(Testnet::kMostNodes)});
  }
  if (flags.relayed && flags.nodes > Testnet::kMostRelayed) {
    return fail({Error::Kind::usage,
                 std::to_string(flags.nodes) + " nodes are too many for a relay",
                 "use at most " + std::to_string(Testnet::kMostRelayed)});
  }
  Testnet net(flags.directory);
  if (!net.nodes().empty() && net.nodes().size() != flags.nodes) {
    return fail({Error::Kind::busy,
                 "there is a testnet of " + std::to_string(net.nodes().size()) + " nodes in " +
                     net.directory().string(),
                 "end and remove it first: quarry testnet down --purge"});
  }
  if (net.nodes().empty()) {
    if (auto made = net.make(
            {flags.nodes, flags.placement, flags.relayed, flags.containers ? flags.image : ""});
        !made) {
      return fail(made.error());
    }
  }
  // Before the context: nothing may be forked from a process that has one.
  auto started = net.start();
  std::optional<Error> failed;
  if (!started) failed = started.error();
  bus::Context context;
  const Time until = bus::now() + kReadyWithin;
  // In the midst of trouble those that start may not reach all others.
  const bool whole = std::all_of(net.nodes().begin(), net.nodes().end(),
                                 [](const auto& node) { return node.started != 0; });
  const std::size_t others = whole && !net.in_trouble() ? net.nodes().size() - 1 : 0;
  Result<std::vector<NodeView>> views;
  if (!failed) {
    views = views_of(net, [&](const auto& node) {
      return node.started == 0 ? look_at(context, node)
                               : wait_ready(context, net, node, others, until);
    });
    if (!views) failed = views.error();
  }
  if (failed) {
    // The homes stay: their logs tell more. So do nodes that ran before.
    for (const Testnet::Node& node : net.nodes()) {
      if (node.started != 0) static_cast<void>(net.stop(node, false));
    }
    return fail(*failed);
  }
  if (flags.json) return finish(json_of(net, *views));
  return finish(table_of(net, *views) + what_next(net, flags));
}

Exit testnet_status(const TestnetFlags& flags) {
  auto net = open_testnet(flags);
  if (!net) return fail(net.error());
  bus::Context context;
  const auto views = views_of(*net, [&](const auto& node) { return look_at(context, node); });
  if (!views) return fail(views.error());
  return finish(flags.json ? json_of(*net, *views) : table_of(*net, *views));
}

Exit testnet_down(const TestnetFlags& flags) {
  Testnet net(flags.directory);
  const std::size_t nodes = net.nodes().size();
  if (nodes == 0) {
    note("there is no testnet in " + net.directory().string() + ": nothing to do");
    return Exit::ok;
  }
  if (auto stopped = net.stop(); !stopped) return fail(stopped.error());
  const bool remove = flags.purge || net.temporary();
  if (remove) {
    if (auto removed = net.remove(); !removed) return fail(removed.error());
  }
  note("the testnet of " + std::to_string(nodes) + (nodes == 1 ? " node" : " nodes") +
       " has ended; " + net.directory().string() +
       (remove ? " removed" : " kept (--purge removes it)"));
  return Exit::ok;
}

}  // namespace

Result<Testnet> open_testnet(const TestnetFlags& flags) {
  Testnet net(flags.directory);
  if (!net.nodes().empty()) return net;
  return error(Error::Kind::unavailable, "there is no testnet in " + net.directory().string(),
               "make one with: quarry testnet up");
}

Result<Testnet::Node*> node_named(Testnet& net, const std::string& name) {
  if (auto* node = net.find(name)) return node;
  return error(Error::Kind::usage, "there is no node '" + name + "' in this testnet",
               "they are called node1 to node" + std::to_string(net.nodes().size()));
}

Command add_to_testnet(Command& testnet, const std::shared_ptr<TestnetFlags>& flags,
                       const std::string& name, const std::string& text, const std::string& example,
                       Exit (*act)(const TestnetFlags&)) {
  Command made = testnet.command(name, text, example);
  made.option("--dir", flags->directory, "Its folder (otherwise one that down removes)", "DIR")
      .does([flags, act] { return act(*flags); });
  return made;
}

void add_testnet(CommandLine& to) {
  const auto flags = std::make_shared<TestnetFlags>();
  Command testnet = to.command("testnet", "Several nodes on this machine, for trying things out",
                               "  quarry testnet up --nodes 3");
  const auto add = [&](const std::string& name, const std::string& text, const std::string& example,
                       Exit (*act)(const TestnetFlags&)) {
    return add_to_testnet(testnet, flags, name, text, example, act);
  };
  const std::string json = "Results as JSON";
  add("up", "Make and start nodes that all know each other", "  quarry testnet up --nodes 3",
      testnet_up)
      .option("--nodes", flags->nodes, "How many [3]", "N")
      .choice("--placement", flags->placement, "one (thread), threads or processes [one]", "HOW",
              {"one", "threads", "processes"})
      .flag("--docker", flags->containers, "Each in a container, and not a process")
      .option("--image", flags->image, "What the containers run [quarry]", "NAME")
      .flag("--relayed", flags->relayed, "A relay between them, for partition, slow and loss")
      .flag("--json", flags->json, json);
  add("status", "Which nodes run, and whom they reach", "  quarry testnet status", testnet_status)
      .flag("--json", flags->json, json);
  add("down", "End all nodes", "  quarry testnet down", testnet_down)
      .flag("--purge", flags->purge, "Remove the folder too");

  add_testnet_trouble(testnet, flags);
  add_testnet_run(testnet);
}

}  // namespace quarry::cli
