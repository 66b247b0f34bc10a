// The results of the bench: medians over the seeds with their intervals, as a table, as JSON and as
// pictures. Runs nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/bench/selection/world.hpp"

namespace quarry::bench {

// The median, and the order statistics between which it lies with 95 % confidence.
struct Median {
  double value = 0, low = 0, high = 0;
};
Median median(std::vector<double> samples);

struct Result {
  Scenario scenario;
  std::string policy;
  std::vector<Figures> runs;  // one per seed
  Median of(double Figures::*figure) const;
};

std::string as_table(const std::vector<Result>& results);
std::string as_json(const std::vector<Result>& results);
// Of one scenario: a bar per policy, the interval as a whisker; logarithmic.
std::string as_svg(const std::vector<Result>& results);
// What was to be reached, and whether it was: a line each.
std::string as_goals(const std::map<std::string, std::vector<Result>>& by_letter, bool& all_met);

}  // namespace quarry::bench
