// What a node tells Prometheus: the counters of `quarry status` and how its peers stand, under the
// names that are usual there. docs/metrics.md lists them. Asks the node as any client does, and
// decides nothing.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

#include "cli/client.hpp"
#include "msg/report.hpp"

namespace quarry::cli {

// Peers with series of their own: those that were asked most. What a name costs who collects it
// does not grow with the peers a node has.
inline constexpr std::size_t kMostPeerSeries = 100;

// What a node has said of itself.
struct Snapshot {
  std::map<std::string, std::uint64_t> counters;
  std::vector<report::PeerInfo> peers;
  std::vector<report::WorkerInfo> workers;
  std::string agent;
  std::uint64_t uptime_ms = 0;
};

Result<Snapshot> take_snapshot(Client& client);
std::vector<prometheus::MetricFamily> metrics_of(const Snapshot& snapshot);
// All that it can tell, a line each, as docs/metrics.md has them.
std::string metrics_table();

}  // namespace quarry::cli
