// The command that plays a scenario.
#include <cstdlib>

#include "bus/clock.hpp"
#include "cli/commands/testnet.hpp"
#include "cli/files.hpp"
#include "cli/interrupt.hpp"
#include "cli/log.hpp"
#include "cli/output.hpp"
#include "cli/scenario/report.hpp"
#include "cli/scenario/stage.hpp"

namespace quarry::cli {
namespace {

constexpr std::size_t kMostScript = 1024 * 1024;
constexpr double kLongestTimes = 100;

struct RunFlags {
  std::string scenario;
  std::uint64_t seed = 0;  // 0: drawn
  double times = 1;
  bool containers = false;
  std::string image = "quarry";
  std::string report;
  bool json = false;
};

Result<scenario::Script> read_script(const RunFlags& flags) {
  const auto text = read_file(flags.scenario, kMostScript);
  if (!text) return tl::unexpected(text.error());
  auto script = scenario::parse_script(*text, flags.scenario);
  if (!(flags.times > 0 && flags.times <= kLongestTimes)) {
    return error(Error::Kind::usage, "--times is not above 0 and at most 100",
                 "say 0.5 for half as long");
  }
  if (script) script->stretch(flags.times);
  return script;
}

Result<> write_report(const RunFlags& flags, const scenario::Report& report) {
  if (flags.report.empty()) return {};
  const bool page = flags.report.ends_with(".html");
  const std::string text = page ? scenario::html_of(report) : scenario::text_of(report);
  return replace_file(flags.report, bytes_of(text));
}

Exit testnet_run(const RunFlags& flags) {
  auto script = read_script(flags);
  if (!script) return fail(script.error());
  if (auto set = log_to_stderr("error", false); !set) return fail(set.error());
  const auto folder = make_temporary_folder("run");
  if (!folder) return fail(folder.error());
  scenario::Report report{flags.scenario,
                          script->title,
                          flags.containers ? "containers" : "processes",
                          flags.seed != 0 ? flags.seed : bus::random_u64() >> 32,
                          {}};
  const auto tell = [&](const std::string& line) {
    if (!flags.json) static_cast<void>(print(line + "\n"));
  };
  tell("seed " + std::to_string(report.seed) + ": " + std::to_string(script->nodes) + " nodes, " +
       report.world);
  Interrupt interrupt;
  scenario::Stage stage({std::move(*script), *folder, flags.containers ? flags.image : "",
                         report.seed, interrupt.fd(), tell});
  auto outcome = stage.run();
  interrupt.clear();  // else the signal that was waited for ends us yet
  if (!outcome) return fail(outcome.error());
  if (!*outcome) return Exit::interrupted;
  report.outcome = std::move(**outcome);
  if (auto written = write_report(flags, report); !written) return fail(written.error());
  const Exit said = finish(flags.json ? scenario::json_of(report) : scenario::summary_of(report));
  return report.lost() ? Exit::partial : said;
}

}  // namespace

void add_testnet_run(Command& testnet) {
  const auto flags = std::make_shared<RunFlags>();
  testnet
      .command("run", "Play a scenario: a network, its load, its trouble",
               "  quarry testnet run docker/scenarios/storm --report storm.html")
      .argument("SCENARIO", flags->scenario, "A file; docs/testnet.md says how it is written")
      .option("--seed", flags->seed, "Draw the same things again", "N")
      .option("--times", flags->times, "Multiply the scenario's times by this [1]", "FACTOR")
      .flag("--docker", flags->containers, "Each node in a container, and not a process")
      .option("--image", flags->image, "What the containers run [quarry]", "NAME")
      .option("--report", flags->report, "Write it here: text, or a page (.html)", "FILE")
      .flag("--json", flags->json, "Results as JSON")
      .does([flags] { return testnet_run(*flags); });
}

}  // namespace quarry::cli
