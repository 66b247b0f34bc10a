// What the metrics of docs/metrics.md are called, and of which counters of `status` they are made.
#pragma once

#include <prometheus/metric_type.h>

#include <vector>

namespace quarry::cli {

using prometheus::MetricType;

// A counter of `status`, and the value of the family's label that it stands for.
struct Series {
  const char* counter;
  const char* value = "";
};

struct Family {
  const char* name;
  MetricType type;
  const char* label;  // empty: one series, without
  const char* help;
  std::vector<Series> series;
};

inline constexpr MetricType kGauge = MetricType::Gauge, kCounter = MetricType::Counter,
                            kHistogram = MetricType::Histogram;

// Made of the counters alone. A histogram's counters begin with what is said here.
const std::vector<Family>& of_counters();

}  // namespace quarry::cli
