#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/digest.hpp"
#include "cli/log.hpp"
#include "cli/node_process.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct NodeFlags {
  Common common;
  std::string listen = "none";
  std::string network = "main";
  std::uint32_t key_length = 32;
  std::string max_value = "4MiB";
  std::string digest = "sha256";
  std::string name;
  std::string keep_in = "store";
  std::string placement = "one";
  std::string log_level = "info";
  bool json_log = false;
};

Result<Network> network_of(const NodeFlags& flags) {
  Network network;
  if (auto fits = check_name("a network", flags.network); !fits) {
    return tl::unexpected(fits.error());
  }
  network.name = flags.network;
  if (flags.key_length < 1 || flags.key_length > Key::kMaxSize) {
    return error(Error::Kind::usage,
                 "'" + std::to_string(flags.key_length) + "' is no length for keys",
                 "use 1 to 255 bytes");
  }
  network.key_length = static_cast<std::uint8_t>(flags.key_length);
  const auto largest = parse_size(flags.max_value);
  if (!largest) return tl::unexpected(largest.error());
  constexpr std::uint64_t kMost = 1 << 30;
  if (*largest < 1 || *largest > kMost) {
    return error(Error::Kind::usage, "'" + flags.max_value + "' is no size for a largest value",
                 "use 1 byte to 1GiB");
  }
  network.max_value = static_cast<std::uint32_t>(*largest);
  network.digest = flags.digest == "none" ? "" : flags.digest;
  if (auto fits = check_digest(network); !fits) return tl::unexpected(fits.error());
  return network;
}

Result<NodeOptions> options_of(const NodeFlags& flags) {
  NodeOptions options;
  options.home = flags.common.where().directory();
  options.peers_file = flags.common.peers_file();
  auto network = network_of(flags);
  if (!network) return tl::unexpected(network.error());
  options.network = std::move(*network);
  auto listen = parse_listen(flags.listen);
  if (!listen) return tl::unexpected(listen.error());
  options.listen = std::move(*listen);
  if (!flags.name.empty()) {
    if (auto fits = check_name("a node", flags.name); !fits) return tl::unexpected(fits.error());
  }
  options.name = flags.name;
  if (auto fits = check_name("a storage", flags.keep_in); !fits)
    return tl::unexpected(fits.error());
  options.keep_in = flags.keep_in;
  if (flags.placement != "one" && flags.placement != "threads") {
    return error(Error::Kind::usage, "'" + flags.placement + "' is no placement",
                 "use one (thread) or threads");
  }
  options.placement = flags.placement == "one" ? Placement::one : Placement::threads;
  return options;
}

Exit node(const NodeFlags& flags) {
  const auto options = options_of(flags);
  if (!options) return fail(options.error());
  const Home home = flags.common.where();
  if (auto fits = home.check(); !fits) return fail(fits.error());
  if (auto set = log_to_stderr(flags.log_level, flags.json_log); !set) return fail(set.error());
  const auto ended = run_node(*options);
  return ended ? Exit::ok : fail(ended.error());
}

}  // namespace

void add_node(CommandLine& to) {
  const auto flags = std::make_shared<NodeFlags>();
  to.command("node", "Run a node until it is ended by Ctrl-C or SIGTERM",
             "  quarry keygen --home alice\n"
             "  quarry node --home alice --listen tcp://0.0.0.0:7000")
      .home(flags->common, false)
      .option("--listen", flags->listen, "Where peers reach it; none: it only asks [none]",
              "tcp://ADDRESS:PORT")
      .option("--name", flags->name, "What people call it", "NAME")
      .peers_file(flags->common, "Its peers file (otherwise DIR/peers)")
      .option("--network", flags->network, "The network's name [main]", "NAME")
      .option("--key-length", flags->key_length, "Bytes of a key, on all nodes alike [32]", "BYTES")
      .option("--max-value", flags->max_value, "Largest value, on all nodes alike [4MiB]", "SIZE")
      .option("--digest", flags->digest, "How keys follow from values; none: they do not [sha256]",
              "NAME")
      .option("--keep-in", flags->keep_in, "Storage that keeps what is put [store]", "NAME")
      .option("--placement", flags->placement, "Its actors: on one thread, or on threads [one]",
              "one|threads")
      .option("--log-level", flags->log_level, "debug, info, warn, error or off [info]", "LEVEL")
      .flag("--json-log", flags->json_log, "Log lines as JSON")
      .does([flags] { return node(*flags); });
}

}  // namespace quarry::cli
