// Compares policies of choosing peers in simulated networks, and sweeps our parameters.
//
//   bench_selection [--seeds N] [--only LETTERS] [--policies NAME,...] [--json FILE] [--svg FOLDER]
//   bench_selection --sweep [--seeds N] [--only LETTERS] [--rows TEXT,...]
//   bench_selection --decision            what one decision costs
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/bench/selection/decision.hpp"
#include "tests/bench/selection/policies.hpp"
#include "tests/bench/selection/report.hpp"
#include "tests/bench/selection/scenarios.hpp"

using namespace quarry::bench;
using quarry::peer_selector::Config;

namespace {

struct Options {
  std::uint64_t seeds = 10;
  std::string only, json, svg;
  std::vector<std::string> policies = {"ours",          "ours_no_hedge", "best_average",
                                       "weighted_draw", "uniform",       "least_busy"};
  std::vector<std::string> rows;  // those whose names begin so; none: all
  bool sweep = false, decision = false;
};

std::vector<std::string> split(const std::string& words) {
  std::vector<std::string> parts;
  std::stringstream stream(words);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

Options parsed(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&] { return std::string(i + 1 < count ? words[++i] : ""); };
    if (word == "--seeds")
      options.seeds = std::stoull(value());
    else if (word == "--only")
      options.only = value();
    else if (word == "--json")
      options.json = value();
    else if (word == "--svg")
      options.svg = value();
    else if (word == "--sweep")
      options.sweep = true;
    else if (word == "--decision")
      options.decision = true;
    else if (word == "--policies")
      options.policies = split(value());
    else if (word == "--rows")
      options.rows = split(value());
    else {
      fmt::print(stderr, "{}: unknown; see the first lines of tests/bench/selection/main.cpp\n",
                 word);
      std::exit(2);
    }
  }
  return options;
}

Policy policy(const std::string& name) {
  Config config;
  if (name == "ours") return ours(name, config);
  if (name == "ours_no_hedge") {
    config.hedge_budget = 0;
    return ours(name, config);
  }
  return simple(name);
}

Result run(const Scenario& scenario, const Policy& policy, std::uint64_t seeds) {
  Result result{scenario, policy.name, {}};
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    result.runs.push_back(World(scenario, policy.make, seed).run());
  }
  return result;
}

bool wanted(const Options& options, const std::string& row) {
  const auto begins = [&](const std::string& text) { return row.starts_with(text); };
  return options.rows.empty() || std::ranges::any_of(options.rows, begins);
}
bool wanted(const Options& options, const Scenario& scenario) {
  return options.only.empty() || options.only.find(scenario.letter) != std::string::npos;
}

int compare(const Options& options) {
  std::vector<Result> results;
  std::map<std::string, std::vector<Result>> by_letter;
  for (const Scenario& scenario : scenarios()) {
    if (!wanted(options, scenario)) continue;
    std::vector<Result>& here = by_letter[scenario.letter];
    for (const std::string& name : options.policies) {
      here.push_back(run(scenario, policy(name), options.seeds));
    }
    results.insert(results.end(), here.begin(), here.end());
    fmt::print("{}", as_table(here));
    std::fflush(stdout);
    if (!options.svg.empty()) {
      std::ofstream(options.svg + "/" + scenario.letter + ".svg") << as_svg(here);
    }
  }
  if (!options.json.empty()) std::ofstream(options.json) << as_json(results);
  bool all_met = true;
  fmt::print("\n{}", as_goals(by_letter, all_met));
  return all_met ? 0 : 1;
}

// One parameter at a time, away from what the node runs with.
std::vector<std::pair<std::string, Config>> variations() {
  std::vector<std::pair<std::string, Config>> all;
  const auto vary = [&](const std::string& name, auto change) {
    Config config;
    change(config);
    all.emplace_back(name, config);
  };
  vary("as it is", [](Config&) {});
  for (const std::size_t d : {2, 4}) {
    vary(fmt::format("d = {}", d), [&](Config& c) { c.tuning.sample = d; });
  }
  for (const double e : {0.0, 0.05, 0.1}) {
    vary(fmt::format("explore = {}", e), [&](Config& c) { c.tuning.explore = e; });
  }
  for (const double rise : {0.03, 0.3, 1.0}) {
    vary(fmt::format("latency rise = {}", rise), [&](Config& c) { c.tuning.latency_rise = rise; });
  }
  for (const int tau : {3, 30}) {
    vary(fmt::format("tau = {} s", tau),
         [&](Config& c) { c.tuning.latency_tau = std::chrono::seconds(tau); });
  }
  for (const double q : {0.9, 0.95, 0.99}) {
    vary(fmt::format("hedge quantile = {}", q), [&](Config& c) { c.hedge_quantile = q; });
  }
  for (const double b : {0.0, 0.02, 0.1}) {
    vary(fmt::format("hedge budget = {}", b), [&](Config& c) { c.hedge_budget = b; });
  }
  for (const double won : {0.01, 0.3}) {
    vary(fmt::format("hedges won = {}", won), [&](Config& c) { c.tuning.hedges_won = won; });
  }
  for (const double s : {1.3, 2.0}) {
    vary(fmt::format("strained = {}", s), [&](Config& c) { c.tuning.strained = s; });
  }
  for (const double k : {2.0, 6.0}) {
    vary(fmt::format("deviations = {}", k), [&](Config& c) { c.tuning.deviations = k; });
  }
  for (const double t : {1.0, 4.0}) {
    vary(fmt::format("transfers = {}", t), [&](Config& c) { c.tuning.transfers = t; });
  }
  vary("least timeout = 100 ms", [](Config& c) { c.min_timeout = std::chrono::milliseconds(100); });
  vary("least timeout = 400 ms", [](Config& c) { c.min_timeout = std::chrono::milliseconds(400); });
  vary("no cooldown", [](Config& c) { c.cooldown = std::chrono::nanoseconds(0); });
  vary("no share cap", [](Config& c) { c.tuning.share_cap = false; });
  vary("no probes", [](Config& c) { c.tuning.probes = false; });
  return all;
}

// The p99 of one row against that of the first, seed by seed, in percent; with a star where the
// interval of the median leaves out nought.
std::string difference(const Result& row, const Result& first) {
  std::vector<double> percent;
  for (std::size_t seed = 0; seed < row.runs.size(); ++seed) {
    percent.push_back(100 * (row.runs[seed].p99_ms / first.runs[seed].p99_ms - 1));
  }
  const Median m = median(std::move(percent));
  return fmt::format("{:+.0f}{}", m.value, m.low > 0 || m.high < 0 ? "*" : "");
}

int sweep(const Options& options) {
  std::map<std::string, Result> first;
  for (const auto& [name, config] : variations()) {
    if (!first.empty() && !wanted(options, name)) continue;
    fmt::print("{:<24}", name);
    for (const Scenario& scenario : scenarios()) {
      if (!wanted(options, scenario)) continue;
      const Result result = run(scenario, ours(name, config), options.seeds);
      const bool is_first = first.try_emplace(scenario.letter, result).second;
      fmt::print("  {} {}", scenario.letter,
                 is_first ? fmt::format("{:.0f}", result.of(&Figures::p99_ms).value)
                          : difference(result, first.at(scenario.letter)));
      if (scenario.letter == "D") fmt::print("/{:.0f}%", 100 * result.of(&Figures::share).value);
      std::fflush(stdout);
    }
    fmt::print("\n");
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const Options options = parsed(count, words);
  if (options.decision) {
    fmt::print("{}", quarry::bench::decision_table());
    return 0;
  }
  return options.sweep ? sweep(options) : compare(options);
}
