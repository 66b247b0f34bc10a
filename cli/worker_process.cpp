#include "cli/worker_process.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <limits>
#include <optional>
#include <thread>

#include "actors/workers/on_terms.hpp"
#include "actors/workers/worker_actor.hpp"
#include "bus/thread.hpp"
#include "cli/client.hpp"
#include "cli/failure.hpp"
#include "cli/interrupt.hpp"
#include "cli/log.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"
#include "msg/text.hpp"

namespace quarry::cli {
namespace {

// A node that does not run is looked for this often.
constexpr int kLookForNodeMs = 250;
// Of one process: more than a machine has cores for.
constexpr std::uint32_t kMostConcurrency = 256;
// A worker's own share of the time in which the node wants an answer: 30 s for a verdict.
constexpr std::chrono::seconds kMostTimeout{25};

// Where a socket is that the node has in its home, unless --doors says otherwise.
std::string endpoint(const WorkerFlags& flags, const std::filesystem::path& in_home) {
  if (flags.doors.empty()) return "ipc://" + in_home.string();
  return "ipc://" + (std::filesystem::path(flags.doors) / in_home.filename()).string();
}

std::optional<Prefix> parse_bound(std::string_view hex) {
  if (hex.size() % 2 != 0 || hex.size() > 2 * Prefix::kMaxSize) return std::nullopt;
  const auto bytes = key_from_hex(hex, hex.size() / 2);
  return bytes ? std::optional(Prefix(bytes->view())) : std::nullopt;
}

// HEX, the first bytes of the keys, or HEX..HEX, from and to such; both included.
Result<std::vector<KeyRange>> parse_ranges(const std::vector<std::string>& texts) {
  std::vector<KeyRange> ranges;
  for (const std::string& text : texts) {
    const std::size_t dots = text.find("..");
    const auto first = parse_bound(std::string_view(text).substr(0, dots));
    const auto last = dots == std::string::npos ? first : parse_bound(text.substr(dots + 2));
    if (text.empty() || !first || !last || !KeyRange{*first, *last}.sound()) {
      return error(Error::Kind::usage, "'" + shown(text, 80) + "' names no keys",
                   "use the first digits of keys, or a range of such: 2cf2 or 47..e3ff");
    }
    ranges.push_back({*first, *last});
  }
  if (ranges.size() <= limits::kMaxRanges) return ranges;
  return error(Error::Kind::usage, "these are too many ranges of keys",
               "name at most " + std::to_string(limits::kMaxRanges));
}

Result<> check(const WorkerFlags& flags) {
  if (!flags.name.empty()) {
    if (auto fits = check_name("a worker", flags.name); !fits) return fits;
  }
  if (flags.concurrency > kMostConcurrency) {
    return error(Error::Kind::usage,
                 "--concurrency " + std::to_string(flags.concurrency) + " is too much",
                 "use at most " + std::to_string(kMostConcurrency));
  }
  const auto timeout = parse_duration(flags.timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  if (timeout->count() < 1 || *timeout > kMostTimeout) {
    return error(Error::Kind::usage, "--timeout " + flags.timeout + " is not between 1ms and 25s",
                 "the node itself gives a job up after 30s");
  }
  if (auto ranges = parse_ranges(flags.keys); !ranges) return tl::unexpected(ranges.error());
  if (!flags.doors.empty()) return {};
  return flags.common.where().check();
}

// The node, once it is there. Nothing when a signal came first.
Result<std::optional<Served>> find_node(const WorkerFlags& flags, bus::Context& context,
                                        const Interrupt& interrupt) {
  const Home home = flags.common.where();
  for (bool told = false;; told = true) {
    Client::Options options;
    options.interrupt_fd = interrupt.fd();
    auto client = flags.doors.empty()
                      ? Client::connect(context, home, options)
                      : Client::connect(context, endpoint(flags, home.control_socket()), options);
    if (client) return Served{(*client)->network(), (*client)->welcome().node};
    if (client.error().kind != Error::Kind::unavailable) return tl::unexpected(client.error());
    if (!told) spdlog::info("waiting for the node: {}", client.error().what);
    pollfd signal{interrupt.fd(), POLLIN, 0};
    if (::poll(&signal, 1, kLookForNodeMs) > 0) return std::nullopt;
  }
}

Result<> serve(const WorkerFlags& flags, WorkerRole role, const Plan& plan,
               const Interrupt& interrupt) {
  Failure failure;
  bus::Context context;
  const auto served = find_node(flags, context, interrupt);
  if (!served) return tl::unexpected(served.error());
  if (!*served) return {};
  const auto works = plan(**served);
  if (!works) return tl::unexpected(works.error());

  const Home home = flags.common.where();
  const std::string door = endpoint(
      flags, role == WorkerRole::verifier ? home.verifier_socket() : home.storage_socket());
  // A node that was started again may take larger values: they are to reach the work.
  Network network = (*served)->network;
  network.max_value = std::numeric_limits<std::uint32_t>::max();
  const workers::Terms terms{flags.credit, *parse_ranges(flags.keys), flags.name};
  std::vector<std::unique_ptr<bus::Thread>> threads;
  for (const MakeWork& make : *works) {
    const auto actor = [&](bus::Loop& loop) -> Result<std::unique_ptr<bus::Actor>> {
      auto work = make();
      if (!work) return tl::unexpected(work.error());
      auto on_terms = std::make_unique<workers::OnTerms>(std::move(*work), terms);
      return workers::WorkerActor::open(loop, context, network, door, std::move(on_terms));
    };
    auto thread =
        bus::Thread::start("worker", {actor}, [&](std::string reason) { failure.report(reason); });
    if (!thread) return tl::unexpected(thread.error());
    threads.push_back(std::move(*thread));
  }
  pollfd fds[] = {{interrupt.fd(), POLLIN, 0}, {failure.fd(), POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0) {
  }
  for (auto& thread : threads) thread->stop();
  threads.clear();
  if (fds[1].revents != 0) return error(Error::Kind::internal, failure.reason());
  return {};
}

}  // namespace

void add_worker_options(Command& to, WorkerFlags& flags) {
  to.home(flags.common, false)
      .option("--doors", flags.doors, "The folder of its sockets (otherwise HOME/run)", "DIR")
      .option("--name", flags.name, "What the worker is called", "NAME")
      .option("--keys", flags.keys, "Only for these keys: 2cf2 (first digits), 47..e3ff", "RANGES")
      .option("--concurrency", flags.concurrency, "Jobs done at a time [exec: as many as cores]",
              "N")
      .option("--credit", flags.credit, "Jobs held at a time [exec: twice the concurrency]", "N")
      .option("--timeout", flags.timeout, "For each run of CMD [10s]", "TIME")
      .option("--log-level", flags.log_level, "debug, info, warn, error or off [info]", "LEVEL")
      .flag("--json-log", flags.json_log, "Log lines as JSON");
}

workers::ExecOptions exec_options(const WorkerFlags& flags, const std::string& command,
                                  const Served& served) {
  workers::ExecOptions options;
  options.command = command;
  options.name = flags.name.empty() ? fit_text("exec:" + command, limits::kMaxText) : flags.name;
  options.concurrency = flags.concurrency != 0 ? flags.concurrency
                                               : std::max(1U, std::thread::hardware_concurrency());
  options.credit = flags.credit != 0 ? flags.credit : 2 * options.concurrency;
  options.timeout = *parse_duration(flags.timeout);
  options.environment = {"QUARRY_HOME=" + flags.common.where().directory().string(),
                         "QUARRY_NODE=" + to_z85(served.node),
                         "QUARRY_NETWORK=" + served.network.name,
                         "QUARRY_MAX_VALUE=" + std::to_string(served.network.max_value)};
  return options;
}

Exit run_workers(const WorkerFlags& flags, WorkerRole role, const Plan& plan) {
  if (auto fits = check(flags); !fits) return fail(fits.error());
  if (auto set = log_to_stderr(flags.log_level, flags.json_log); !set) return fail(set.error());
  Interrupt interrupt;
  const auto ended = serve(flags, role, plan, interrupt);
  interrupt.clear();  // else the signal that was waited for ends us yet
  return ended ? Exit::ok : fail(ended.error());
}

}  // namespace quarry::cli
