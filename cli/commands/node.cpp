#include "actors/peer_selector/limits.hpp"
#include "bus/clock.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/log.hpp"
#include "cli/network_flags.hpp"
#include "cli/node_process.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct NodeFlags {
  Common common;
  std::string listen = "none";
  std::string advertise;
  NetworkFlags network;
  std::string name;
  std::string keep_in = "store";
  double hedges = 5;
  double peer_rate = 1'000'000;
  std::string remember = "20m";
  std::string placement = "one";
  std::string metrics = "none";
  std::string log_level = "info";
  bool json_log = false;
  double clock_offset = 0;
};

// How long peers are asked to remember what they have not.
Result<Duration> remember_of(const std::string& text) {
  if (text == "none") return Duration{};
  const auto time = parse_duration(text);
  if (!time) return tl::unexpected(time.error());
  constexpr Duration kLeast = peer_selector::limits::kLeastRemembered;
  const Duration most = peer_selector::Config{}.remember_cap;
  if (*time >= kLeast && *time <= most) return Duration(*time);
  return error(Error::Kind::usage, "--remember is not between 30s and 2h",
               "say for how long peers are to remember what they have not; none: not at all");
}

Result<NodeOptions> options_of(const NodeFlags& flags) {
  NodeOptions options;
  options.home = flags.common.where().directory();
  options.peers_file = flags.common.peers_file();
  auto network = network_of(flags.network);
  if (!network) return tl::unexpected(network.error());
  options.network = std::move(*network);
  auto listen = parse_listen(flags.listen);
  if (!listen) return tl::unexpected(listen.error());
  options.listen = std::move(*listen);
  if (!flags.advertise.empty()) {
    if (options.listen.empty()) {
      return error(Error::Kind::usage, "--advertise without --listen",
                   "a node that only asks is reached nowhere");
    }
    if (auto fits = check_endpoint(flags.advertise); !fits) return tl::unexpected(fits.error());
    options.advertised = flags.advertise;
  }
  if (!flags.name.empty()) {
    if (auto fits = check_name("a node", flags.name); !fits) return tl::unexpected(fits.error());
  }
  options.name = flags.name;
  if (auto fits = check_name("a storage", flags.keep_in); !fits)
    return tl::unexpected(fits.error());
  options.keep_in = flags.keep_in;
  if (!(flags.hedges >= 0 && flags.hedges <= 100)) {
    return error(Error::Kind::usage, "--hedges is not between 0 and 100",
                 "say how many requests in a hundred may be extra; 0: none");
  }
  options.hedge_budget = flags.hedges / 100;
  if (!(flags.peer_rate > 0)) {
    return error(Error::Kind::usage, "--peer-rate is not above 0",
                 "say how many requests a second one peer may get");
  }
  options.requests_per_second = flags.peer_rate;
  const auto remember = remember_of(flags.remember);
  if (!remember) return tl::unexpected(remember.error());
  options.remember = *remember;
  options.placement = flags.placement == "one"       ? Placement::one
                      : flags.placement == "threads" ? Placement::threads
                                                     : Placement::processes;
  if (flags.metrics != "none" && !flags.metrics.empty()) {
    if (!parse_listen("tcp://" + flags.metrics)) {
      return error(Error::Kind::usage,
                   "'" + shown(flags.metrics, 80) + "' is no address for metrics",
                   "write it like 127.0.0.1:9464, or none");
    }
    options.metrics = flags.metrics;
  }
  options.log_level = flags.log_level;
  options.json_log = flags.json_log;
  return options;
}

Exit node(const NodeFlags& flags) {
  const auto options = options_of(flags);
  if (!options) return fail(options.error());
  const Home home = flags.common.where();
  if (auto fits = home.check(); !fits) return fail(fits.error());
  if (auto set = log_to_stderr(flags.log_level, flags.json_log); !set) return fail(set.error());
  bus::set_wall_offset(static_cast<std::int64_t>(flags.clock_offset));
  const auto ended = run_node(*options);
  return ended ? Exit::ok : fail(ended.error());
}

}  // namespace

void add_node(CommandLine& to) {
  const auto flags = std::make_shared<NodeFlags>();
  Command node_command = to.command("node", "Run a node until it is ended by Ctrl-C or SIGTERM",
                                    "  quarry node --home alice --listen tcp://0.0.0.0:7000");
  node_command.home(flags->common, false)
      .option("--listen", flags->listen, "Where peers reach it; none: it only asks",
              "tcp://IP:PORT")
      .option("--advertise", flags->advertise, "Where they do, if it is another address",
              "tcp://HOST:PORT")
      .option("--name", flags->name, "What people call it", "NAME")
      .peers_file(flags->common, "Its peers file (otherwise DIR/peers)");
  add_network(node_command, flags->network, true)
      .option("--hedges", flags->hedges, "Requests beside slow ones, in percent of all [5]",
              "PERCENT")
      .option("--peer-rate", flags->peer_rate, "Requests a second to one peer at most [1000000]",
              "N")
      .option("--remember", flags->remember, "Peers are to remember what they have not [20m]",
              "TIME")
      .option("--keep-in", flags->keep_in, "Storage that keeps what is put [store]", "NAME")
      .choice("--placement", flags->placement, "one (thread), threads or processes [one]", "HOW",
              {"one", "threads", "processes"})
      .option("--metrics", flags->metrics, "Where Prometheus asks it [none]", "IP:PORT")
      .choice("--log-level", flags->log_level, "debug, info, warn, error or off [info]", "LEVEL",
              {"debug", "info", "warn", "error", "off"})
      .flag("--json-log", flags->json_log, "Log lines as JSON")
      .option("--clock-offset", flags->clock_offset, "Its clock is off by so many", "SECONDS")
      .hidden()
      .does([flags] { return node(*flags); });
}

}  // namespace quarry::cli
