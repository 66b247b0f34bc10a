#include "cli/bench/field.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/log.hpp"
#include "cli/output.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

struct BenchFlags {
  std::string size = "1KiB";
  std::uint32_t window = 64;
  double seconds = 3;
  std::uint32_t nodes = 2;
  std::string placement = "one";
  std::string client = "inproc";
  std::string verifier = "built-in";
  std::string storage = "computed";
  std::uint32_t pending = 0;
  bool json = false;
};

constexpr std::uint64_t kLargestSize = 64 << 20;
constexpr std::uint32_t kLargestWindow = 64 * 1024;
constexpr double kLongest = 3600;  // seconds
// Tables of the Engine hold four million fetches in all.
constexpr std::uint32_t kMostPending = 4'000'000;

tl::unexpected<Error> no_such(const std::string& what, const std::string& remedy) {
  return error(Error::Kind::usage, what, remedy);
}

Result<bench::Plan> plan_of(const BenchFlags& flags) {
  bench::Plan plan;
  const auto size = parse_size(flags.size);
  if (!size) return tl::unexpected(size.error());
  if (*size < bench::Values::kLeastSize || *size > kLargestSize) {
    return no_such("'" + flags.size + "' is no size for the values of a bench",
                   "use 8 bytes to 64MiB");
  }
  plan.size = *size;
  if (flags.window < 1 || flags.window > kLargestWindow) {
    return no_such("'" + std::to_string(flags.window) + "' is no window",
                   "use 1 to " + std::to_string(kLargestWindow) + " fetches");
  }
  plan.window = flags.window;
  if (!(flags.seconds > 0 && flags.seconds <= kLongest)) {
    return no_such("that is no time for a bench", "use more than 0 and at most 3600 seconds");
  }
  plan.lasts = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(flags.seconds));
  if (flags.nodes < 2 || flags.nodes > Testnet::kMostNodes) {
    return no_such("'" + std::to_string(flags.nodes) + "' is no number of nodes for a bench",
                   "use 2 to " + std::to_string(Testnet::kMostNodes));
  }
  plan.nodes = flags.nodes;
  if (flags.placement != "one" && flags.placement != "threads") {
    return no_such("'" + flags.placement + "' is no placement", "use one (thread) or threads");
  }
  plan.placement = flags.placement == "one" ? Placement::one : Placement::threads;
  if (flags.client != "inproc" && flags.client != "ipc") {
    return no_such("'" + flags.client + "' is no place for a client", "use inproc or ipc");
  }
  plan.own_process = flags.client == "ipc";
  if (flags.pending > kMostPending) {
    return no_such("'" + std::to_string(flags.pending) + "' fetches are more than a node holds",
                   "use at most " + std::to_string(kMostPending));
  }
  plan.pending = flags.pending;
  plan.lmdb = flags.storage == "lmdb";
  if (!plan.lmdb && flags.storage != "computed") plan.storage = flags.storage;
  if (flags.verifier != "built-in") plan.verifier = flags.verifier;
  return plan;
}

double mebibytes(double bytes) { return bytes / (1 << 20); }

void add_point(Json& json, const bench::Plan& plan, const bench::Point& point) {
  const auto per_fetch_us = [&](double seconds) {
    return seconds * 1e6 / static_cast<double>(point.fetches);
  };
  json.add_number("fetches_per_s", point.rate(), 0);
  json.add_number("mib_per_s", mebibytes(point.rate() * static_cast<double>(plan.size)), 1);
  json.add_number("p50_us", point.latency_us(.5), 0).add_number("p90_us", point.latency_us(.9), 0);
  json.add_number("p99_us", point.latency_us(.99), 0);
  json.add_number("cpu_us_per_fetch_client", per_fetch_us(point.asking.cpu_s), 2);
  json.add_number("cpu_us_per_fetch_server", per_fetch_us(point.serving.cpu_s), 2);
  json.add_number("rss_mib", mebibytes(static_cast<double>(point.asking.rss_bytes)), 1);
  json.add_number("rss_mib_server", mebibytes(static_cast<double>(point.serving.rss_bytes)), 1);
}

std::string json_of(const BenchFlags& flags, const bench::Plan& plan, std::uint32_t values,
                    const bench::Load::Outcome& outcome) {
  Json json;
  json.begin().add("system", "quarry").add("size", plan.size).add("window", plan.window);
  json.add_number("seconds", outcome.alone.seconds, 2).add("nodes", plan.nodes);
  json.add("placement", flags.placement).add("client", flags.client);
  json.add("verifier", flags.verifier).add("storage", flags.storage).add("values", values);
  json.add("fetches", outcome.alone.fetches);
  add_point(json, plan, outcome.alone);
  if (outcome.beside_pending) {
    json.begin("beside_pending", '{').add("pending", plan.pending);
    json.add_number("bytes_per_pending", static_cast<double>(outcome.pending_bytes) / plan.pending,
                    0);
    add_point(json, plan, *outcome.beside_pending);
    json.end();
  }
  return json.end().line();
}

std::string text_of(const bench::Plan& plan, const bench::Load::Outcome& outcome) {
  Table table({"", ">FETCHES/S", ">MIB/S", ">P50 US", ">P90 US", ">P99 US", ">CPU US ASKING",
               ">CPU US SERVING", ">RSS MIB"});
  const auto add = [&](std::string name, const bench::Point& point) {
    const auto fetches = static_cast<double>(point.fetches);
    table.add({std::move(name), fixed(point.rate(), 0),
               fixed(mebibytes(point.rate() * static_cast<double>(plan.size)), 1),
               fixed(point.latency_us(.5), 0), fixed(point.latency_us(.9), 0),
               fixed(point.latency_us(.99), 0), fixed(point.asking.cpu_s * 1e6 / fetches, 2),
               fixed(point.serving.cpu_s * 1e6 / fetches, 2),
               fixed(mebibytes(static_cast<double>(point.asking.rss_bytes)), 1)});
  };
  add(format_size(plan.size) + " x " + std::to_string(plan.window), outcome.alone);
  if (!outcome.beside_pending) return table.text();
  add("beside " + std::to_string(plan.pending) + " pending", *outcome.beside_pending);
  return table.text() + "a pending fetch takes " +
         fixed(static_cast<double>(outcome.pending_bytes) / plan.pending, 0) + " bytes\n";
}

Exit bench_command(const BenchFlags& flags) {
  const auto plan = plan_of(flags);
  if (!plan) return fail(plan.error());
  if (auto set = log_to_stderr("error", false); !set) return fail(set.error());
  bench::Field field(*plan);
  const auto outcome = field.run();
  if (!outcome) return fail(outcome.error());
  if (!*outcome) return Exit::interrupted;
  return finish(flags.json ? json_of(flags, *plan, field.values(), **outcome)
                           : text_of(*plan, **outcome));
}

}  // namespace

void add_bench(CommandLine& to) {
  const auto flags = std::make_shared<BenchFlags>();
  to.command("bench", "Measure how fast values are fetched between nodes on this machine",
             "  quarry bench --size 64KiB --window 16\n"
             "  quarry bench --client ipc --json")
      .option("--size", flags->size, "Bytes of a value [1KiB]", "SIZE")
      .option("--window", flags->window, "Fetches outstanding at a time [64]", "N")
      .option("--seconds", flags->seconds, "How long it is measured [3]", "T")
      .option("--nodes", flags->nodes, "One asks, the others serve [2]", "N")
      .option("--placement", flags->placement, "Of each node's actors: one or threads [one]",
              "one|threads")
      .option("--client", flags->client, "In the asking node, or a process [inproc]", "inproc|ipc")
      .option("--verifier", flags->verifier, "A command in place of the built-in one", "COMMAND")
      .option("--storage", flags->storage, "What serves: computed, lmdb, or a command [computed]",
              "NAME")
      .option("--pending", flags->pending, "Measure beside so many that nobody answers", "N")
      .flag("--json", flags->json, "Results as JSON")
      .does([flags] { return bench_command(*flags); });
}

}  // namespace quarry::cli
