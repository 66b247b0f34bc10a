#include "cli/scenario/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

namespace quarry::cli::scenario {
namespace {

// Of a life: caches, tables and libzmq's buffers have filled by then, measured under trouble.
constexpr std::size_t kWarmUp = 300;     // seconds
constexpr std::size_t kLeastLeft = 120;  // below that a line through it says little

struct Life {
  std::size_t seconds = 0;
  std::vector<double> at, mib;
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

double percentile(std::vector<float> values, double percent) {
  if (values.empty()) return 0;
  const double last = static_cast<double>(values.size()) - 1;
  const auto at = static_cast<std::ptrdiff_t>(std::lround(percent / 100 * last));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

std::vector<float> all_took_ms(const Timeline& timeline) {
  std::vector<float> all;
  for (const Second& second : timeline) {
    all.insert(all.end(), second.took_ms.begin(), second.took_ms.end());
  }
  return all;
}

std::optional<double> memory_slope(const Timeline& timeline, const std::string& node) {
  std::map<pid_t, Life> lives;
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    for (const Memory& memory : timeline[i].memory) {
      if (memory.node != node) continue;
      Life& life = lives[memory.pid];
      if (++life.seconds <= kWarmUp) continue;
      life.at.push_back(static_cast<double>(i));
      life.mib.push_back(memory.mib);
    }
  }
  double up = 0, across = 0;
  for (const auto& [pid, life] : lives) {
    if (life.at.size() < kLeastLeft) continue;
    const double mean_at = mean(life.at), mean_mib = mean(life.mib);
    for (std::size_t i = 0; i < life.at.size(); ++i) {
      up += (life.at[i] - mean_at) * (life.mib[i] - mean_mib);
      across += (life.at[i] - mean_at) * (life.at[i] - mean_at);
    }
  }
  if (across == 0) return std::nullopt;
  return up / across * 1024 * 60;
}

std::string line_of(std::size_t number, const Second& second) {
  std::string events;
  for (const std::string& event : second.events) events += (events.empty() ? "" : "; ") + event;
  char line[96];
  if (second.took_ms.empty()) {
    std::snprintf(line, sizeof line, "%4zu s  %6d fetched  %28s", number, 0, "");
  } else {
    std::snprintf(line, sizeof line, "%4zu s  %6zu fetched  p50 %6.1f ms  p99 %7.1f ms", number,
                  second.took_ms.size(), percentile(second.took_ms, 50),
                  percentile(second.took_ms, 99));
  }
  std::string all = events.empty() ? line : std::string(line) + "  " + events;
  while (all.ends_with(' ')) all.pop_back();
  return all;
}

}  // namespace quarry::cli::scenario
