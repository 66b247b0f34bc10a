#include "tests/bench/selection/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quarry::bench {

Median median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const double n = static_cast<double>(samples.size());
  const double middle = (n - 1) / 2;
  const double spread = 0.98 * std::sqrt(n);  // 1.96 / 2: ranks of a binomial of one half
  const auto at = [&](double rank) {
    return samples[static_cast<std::size_t>(std::clamp(rank, 0.0, n - 1))];
  };
  const double value = (at(std::floor(middle)) + at(std::ceil(middle))) / 2;
  return {value, at(std::floor(middle - spread + 0.5)), at(std::ceil(middle + spread - 0.5))};
}

Median Result::of(double Figures::*figure) const {
  std::vector<double> samples;
  for (const Figures& run : runs) samples.push_back(run.*figure);
  return median(std::move(samples));
}

std::string as_table(const std::vector<Result>& results) {
  std::string table;
  std::string letter;
  for (const Result& result : results) {
    if (result.scenario.letter != letter) {
      letter = result.scenario.letter;
      table +=
          fmt::format("\n{}  {}\n   {:<16}{:>9}{:>9}{:>20}{:>10}{:>10}{:>8}{:>9}{:>8}{:>7}\n",
                      letter, result.scenario.title, "policy", "p50 ms", "p99 ms", "(interval)",
                      "p99.9 ms", "timeouts", "queue", "asks per", "hedged", "won");
    }
    const Median p99 = result.of(&Figures::p99_ms);
    table += fmt::format(
        "   {:<16}{:>9.0f}{:>9.0f}{:>20}{:>10.0f}{:>10.0f}{:>8.0f}{:>9.2f}{:>7.1f}%{:>6.0f}%",
        result.policy, result.of(&Figures::p50_ms).value, p99.value,
        fmt::format("({:.0f}-{:.0f})", p99.low, p99.high), result.of(&Figures::p999_ms).value,
        result.of(&Figures::timeouts).value, result.of(&Figures::longest_queue).value,
        result.of(&Figures::asks_per_fetch).value, 100 * result.of(&Figures::hedged).value,
        100 * result.of(&Figures::won).value);
    if (result.scenario.watched >= 0) {
      table += fmt::format("  share {:.1f}%", 100 * result.of(&Figures::share).value);
    }
    if (result.scenario.twin >= 0) {
      table += fmt::format(", fair {:.1f}%", 100 * result.of(&Figures::fair).value);
    }
    table += '\n';
  }
  return table;
}

std::string as_json(const std::vector<Result>& results) {
  const std::pair<const char*, double Figures::*> figures[] = {
      {"p50_ms", &Figures::p50_ms},
      {"p99_ms", &Figures::p99_ms},
      {"p999_ms", &Figures::p999_ms},
      {"timeouts", &Figures::timeouts},
      {"longest_queue", &Figures::longest_queue},
      {"asks_per_fetch", &Figures::asks_per_fetch},
      {"hedged", &Figures::hedged},
      {"hedges_won", &Figures::won},
      {"share", &Figures::share},
      {"fair_share", &Figures::fair},
      {"unfinished", &Figures::unfinished}};
  std::string json = "[";
  for (const Result& result : results) {
    json += fmt::format("{}\n  {{\"scenario\": \"{}\", \"policy\": \"{}\", \"seeds\": {}",
                        json.size() > 1 ? "," : "", result.scenario.letter, result.policy,
                        result.runs.size());
    for (const auto& [name, figure] : figures) {
      const Median m = result.of(figure);
      json += fmt::format(", \"{}\": [{:.5g}, {:.5g}, {:.5g}]", name, m.value, m.low, m.high);
    }
    json += '}';
  }
  return json + "\n]\n";
}

std::string as_svg(const std::vector<Result>& results) {
  constexpr double kLeft = 130, kWidth = 430, kRow = 26, kTop = 40;
  double most = 0, least = 1e12;
  for (const Result& result : results) {
    most = std::max(most, result.of(&Figures::p99_ms).high);
    least = std::min(least, result.of(&Figures::p50_ms).value);
  }
  const double from = std::floor(std::log10(std::max(least, 1.0)));
  const double to = std::ceil(std::log10(std::max(most, 10.0)));
  const auto x = [&](double ms) {
    return kLeft + kWidth * (std::log10(std::max(ms, 1.0)) - from) / (to - from);
  };
  const double height = kTop + kRow * static_cast<double>(results.size()) + 30;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"620\" height=\"{:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n<text x=\"10\" y=\"20\" font-size=\"14\">{}: {}</text>\n",
      height, results[0].scenario.letter,
      results[0].scenario.title.find('"') == std::string::npos ? results[0].scenario.title
                                                               : "an attacker says no data");
  for (double decade = from; decade <= to; ++decade) {
    const double at = x(std::pow(10, decade));
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2:.0f}\" stroke=\"#ccc\"/>"
        "<text x=\"{0:.1f}\" y=\"{3:.0f}\" text-anchor=\"middle\">{4:g} ms</text>\n",
        at, kTop - 8, height - 24, height - 10, std::pow(10, decade));
  }
  double y = kTop;
  for (const Result& result : results) {
    const Median p99 = result.of(&Figures::p99_ms);
    const double p50 = result.of(&Figures::p50_ms).value;
    svg += fmt::format(
        "<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"end\">{}</text>"
        "<rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"14\" fill=\"{}\"/>"
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.0f}\" y2=\"{:.0f}\" stroke=\"black\"/>\n",
        kLeft - 8, y + 12, result.policy, x(p50), y, std::max(1.0, x(p99.value) - x(p50)),
        result.policy.starts_with("ours") ? "#2a7" : "#89b", x(p99.low), x(p99.high), y + 7, y + 7);
    y += kRow;
  }
  return svg + "</svg>\n";
}

std::string as_goals(const std::map<std::string, std::vector<Result>>& by_letter, bool& all_met) {
  std::string text;
  const auto line = [&](bool met, const std::string& what) {
    all_met = all_met && met;
    text += fmt::format("{}  {}\n", met ? "met   " : "MISSED", what);
  };
  for (const auto& [letter, results] : by_letter) {
    double ours = 0, best = 1e18, worst = 0, draw = 0, hedged = 0, share = 0;
    double fair = 0, asks = 0, asks_unhedged = 0;
    for (const Result& result : results) {
      const double p99 = result.of(&Figures::p99_ms).value;
      if (result.policy != "ours_no_hedge") best = std::min(best, p99);
      worst = std::max(worst, p99);
      if (result.policy == "weighted_draw") draw = p99;
      if (result.policy == "ours_no_hedge") {
        asks_unhedged = result.of(&Figures::asks_per_fetch).value;
      }
      if (result.policy != "ours") continue;
      ours = p99;
      hedged = result.of(&Figures::hedged).value;
      share = result.of(&Figures::share).value;
      fair = result.of(&Figures::fair).value;
      asks = result.of(&Figures::asks_per_fetch).value;
    }
    line(ours <= 1.1 * best && ours < worst,
         fmt::format("{} p99 {:.0f} ms: {:.2f} x the best ({:.0f}), worst {:.0f}", letter, ours,
                     ours / best, best, worst));
    line(hedged <= 0.05, fmt::format("{} hedges {:.1f} % of the asks", letter, 100 * hedged));
    const std::map<std::string, double> most{{"B", 0.85}, {"C", 0.10}, {"E", 0.20}};
    if (most.contains(letter)) {
      line(ours <= most.at(letter) * draw,
           fmt::format("{} {:.2f} x the weighted draw's p99 (at most {:.2f})", letter, ours / draw,
                       most.at(letter)));
    }
    if (letter == "D") {
      line(share >= fair / 2 && share <= 2 * fair,
           fmt::format("D newcomer's share {:.1f} %, fair {:.1f} %", 100 * share, 100 * fair));
    }
    if (letter == "P") {
      line(asks <= asks_unhedged * 1.005,
           fmt::format("P {:.3f} asks a fetch, {:.3f} without hedges", asks, asks_unhedged));
    }
  }
  return text;
}

}  // namespace quarry::bench
