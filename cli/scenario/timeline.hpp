// What came of a scenario, second by second; and what that amounts to.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::cli::scenario {

// Of one process: what it has allocated, without what it maps of its store.
struct Memory {
  std::string node;
  pid_t pid = 0;
  double mib = 0;
};

struct Second {
  std::vector<float> took_ms;       // of the fetches resolved in it
  std::vector<std::string> events;  // what happened to the network
  std::vector<Memory> memory;       // at its end
};
using Timeline = std::vector<Second>;

// The value below which so many of a hundred lie; 0 of none.
double percentile(std::vector<float> values, double percent);

// All of a timeline.
std::vector<float> all_took_ms(const Timeline& timeline);

// How a node's memory rises while it lives, in KiB a minute: a straight line through what it had in
// each second, with the same slope in each of its lives. A life's first five minutes are left
// out: caches and tables fill then. Nothing where too little is left.
std::optional<double> memory_slope(const Timeline& timeline, const std::string& node);

// One line for people.
std::string line_of(std::size_t number, const Second& second);

}  // namespace quarry::cli::scenario
