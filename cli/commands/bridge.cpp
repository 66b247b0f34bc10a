#include "cli/bridge_process.hpp"
#include "cli/commands/commands.hpp"
#include "cli/log.hpp"
#include "cli/network_flags.hpp"
#include "cli/output.hpp"

namespace quarry::cli {
namespace {

constexpr const char* kExample = "  quarry node --placement processes  # runs quarry bridge twice";

struct BridgeFlags {
  std::string home;
  NetworkFlags network;
  std::string listen = "none";
  std::string keep_in = "store";
  bool storeless = false;
  std::string log_level = "info";
  bool json_log = false;
};

Exit bridge(const BridgeFlags& flags, BridgeKind which) {
  NodeOptions options;
  options.home = flags.home;
  options.placement = Placement::processes;
  auto network = network_of(flags.network);
  if (!network) return fail(network.error());
  options.network = std::move(*network);
  options.listen = flags.listen == "none" ? "" : flags.listen;
  options.keep_in = flags.keep_in;
  options.stores = !flags.storeless;
  if (auto set = log_to_stderr(flags.log_level, flags.json_log); !set) return fail(set.error());
  const auto ended = run_bridge(which, std::move(options));
  if (ended) return Exit::ok;
  // The node says what it was told.
  return ended.error().kind == Error::Kind::usage ? fail(ended.error())
                                                  : exit_for(ended.error().kind);
}

}  // namespace

void add_bridge(CommandLine& to) {
  const auto flags = std::make_shared<BridgeFlags>();
  Command both = to.command("bridge", "What a node runs in processes of their own", kExample);
  const auto add = [&](const char* name, const char* text, BridgeKind which) {
    Command command = both.command(name, text, kExample);
    command.option("--home", flags->home, "The node's home", "DIR");
    add_network(command, flags->network, true)
        .option("--log-level", flags->log_level, "debug, info, warn, error or off [info]", "LEVEL")
        .flag("--json-log", flags->json_log, "Log lines as JSON")
        .does([flags, which] { return bridge(*flags, which); });
    return command;
  };
  add("consumer", "Between the Engine and verifiers", BridgeKind::consumer);
  add("producer", "Between storages, and peers that ask", BridgeKind::producer)
      .option("--listen", flags->listen, "Where peers reach the node", "tcp://IP:PORT")
      .option("--keep-in", flags->keep_in, "Storage that keeps what is put [store]", "NAME")
      .flag("--storeless", flags->storeless, "Without the built-in storage");
}

}  // namespace quarry::cli
