#include "cli/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "cli/metric_families.hpp"

namespace quarry::cli {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

// Made of peers and workers, in metrics_of().
const Family kPeers{"quarry_peers", kGauge, "", "Peers of the set", {}};
const Family kPeersWithout{
    "quarry_peers_without_series",
    kGauge,
    "",
    "Peers of the set that have no series of their own: they were asked less",
    {}};
const Family kWorkers{"quarry_workers", kGauge, "role", "Verifiers and storages attached", {}};
const Family kUptime{"quarry_uptime_seconds", kGauge, "", "Since the node started", {}};
const Family kBuild{"quarry_build_info", kGauge, "agent", "1, with what the node calls itself", {}};

// Of one peer; `result` beside `peer` and `name`, where there is one.
struct PeerSeries {
  Family family;
  double (*value)(const report::PeerInfo&);
  const char* result = "";
};
const std::vector<PeerSeries>& of_peers() {
  using Info = report::PeerInfo;
  const char* who = "peer, name";
  const char* whose = "peer, name, result";
  static const Family state{"quarry_peer_up", kGauge, who, "1 where the peer is connected", {}};
  static const Family latency{
      "quarry_peer_latency_seconds", kGauge, who, "Time of an answer, as it is expected", {}};
  static const Family p95{"quarry_peer_latency_p95_seconds",
                          kGauge,
                          who,
                          "95th percentile of the times of its last answers",
                          {}};
  static const Family rate{
      "quarry_peer_bytes_per_second", kGauge, who, "Rate of its values, as it is expected", {}};
  static const Family failing{"quarry_peer_failing_ratio",
                              kGauge,
                              who,
                              "Share of what it is asked that fails, smoothed",
                              {}};
  static const Family out{"quarry_peer_requests", kGauge, who, "Requests out to it", {}};
  static const Family asked{"quarry_peer_asked_total", kCounter, who, "Requests sent to it", {}};
  static const Family results{
      "quarry_peer_requests_total", kCounter, whose, "Requests to it, by what came of them", {}};
  static const std::vector<PeerSeries> series = {
      {state, [](const Info& it) { return it.state == PeerState::connected ? 1.0 : 0.0; }},
      {latency, [](const Info& it) { return 1e-6 * it.latency_us; }},
      {p95, [](const Info& it) { return 1e-6 * it.p95_us; }},
      {rate, [](const Info& it) { return static_cast<double>(it.bytes_per_s); }},
      {failing, [](const Info& it) { return 0.01 * it.failing; }},
      {out, [](const Info& it) { return static_cast<double>(it.in_flight); }},
      {asked, [](const Info& it) { return static_cast<double>(it.asked); }},
      {results, [](const Info& it) { return static_cast<double>(it.accepted); }, "accepted"},
      {results, [](const Info& it) { return static_cast<double>(it.no_data); }, "no_data"},
      {results, [](const Info& it) { return static_cast<double>(it.timeouts); }, "timed_out"},
      {results, [](const Info& it) { return static_cast<double>(it.invalid); }, "invalid"},
  };
  return series;
}

MetricFamily begun(const Family& family) { return {family.name, family.help, family.type, {}}; }

void add(MetricFamily& to, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (to.type == kCounter ? metric.counter.value : metric.gauge.value) = value;
  to.metric.push_back(std::move(metric));
}

// NAME_le_N, NAME_count and NAME_sum (msg/histogram.hpp).
void add_histogram(MetricFamily& to, const Snapshot& snapshot, const std::string& name) {
  constexpr double kSecond = 1e6;
  const auto at = [&](const std::string& counter) {
    const auto found = snapshot.counters.find(counter);
    return found == snapshot.counters.end() ? 0 : found->second;
  };
  ClientMetric metric;
  const std::string step = name + "_le_";
  for (const auto& [counter, value] : snapshot.counters) {
    if (!counter.starts_with(step)) continue;
    std::uint64_t us = 0;
    std::from_chars(counter.data() + step.size(), counter.data() + counter.size(), us);
    metric.histogram.bucket.push_back({value, static_cast<double>(us) / kSecond});
  }
  std::ranges::sort(metric.histogram.bucket, {}, &ClientMetric::Bucket::upper_bound);
  metric.histogram.sample_count = at(name + "_count");
  metric.histogram.sample_sum = static_cast<double>(at(name + "_sum")) / kSecond;
  metric.histogram.bucket.push_back(
      {metric.histogram.sample_count, std::numeric_limits<double>::infinity()});
  to.metric.push_back(std::move(metric));
}

std::vector<MetricFamily> of_peers(const Snapshot& snapshot) {
  std::vector<const report::PeerInfo*> peers;
  for (const auto& peer : snapshot.peers) peers.push_back(&peer);
  const std::size_t shown = std::min(peers.size(), kMostPeerSeries);
  std::ranges::partial_sort(
      peers, peers.begin() + static_cast<std::ptrdiff_t>(shown), [](const auto* a, const auto* b) {
        return std::tie(b->asked, a->peer.peer) < std::tie(a->asked, b->peer.peer);
      });
  std::vector<MetricFamily> families = {begun(kPeers), begun(kPeersWithout)};
  add(families[0], static_cast<double>(peers.size()));
  add(families[1], static_cast<double>(peers.size() - shown));
  for (const PeerSeries& series : of_peers()) {
    if (families.back().name != series.family.name) families.push_back(begun(series.family));
    for (std::size_t i = 0; i < shown; ++i) {
      std::vector<ClientMetric::Label> labels = {{"peer", to_z85(peers[i]->peer.peer)},
                                                 {"name", peers[i]->peer.name}};
      if (*series.result != '\0') labels.push_back({"result", series.result});
      add(families.back(), series.value(*peers[i]), std::move(labels));
    }
  }
  return families;
}

}  // namespace

Result<Snapshot> take_snapshot(Client& client) {
  Snapshot snapshot;
  snapshot.agent = client.welcome().agent;
  // Of one key that nobody fetches: only what is about the node itself.
  control::Status status;
  status.keys.emplace_back(std::string(client.welcome().key_length, '\0'));
  Client::Items items;
  const auto told = client.call(std::move(status), items);
  if (!told) return tl::unexpected(told.error());
  const auto listed = client.call(report::PeerList{}, items);
  if (!listed) return tl::unexpected(listed.error());
  for (auto& item : items) {
    if (const auto* node = std::get_if<control::NodeInfo>(&item)) {
      snapshot.uptime_ms = node->uptime_ms;
    } else if (auto* peer = std::get_if<report::PeerInfo>(&item)) {
      snapshot.peers.push_back(std::move(*peer));
    } else if (auto* worker = std::get_if<report::WorkerInfo>(&item)) {
      snapshot.workers.push_back(std::move(*worker));
    } else if (auto* counter = std::get_if<report::Counter>(&item)) {
      snapshot.counters.emplace(std::move(counter->name), counter->value);
    }
  }
  return snapshot;
}

std::vector<MetricFamily> metrics_of(const Snapshot& snapshot) {
  std::vector<MetricFamily> families;
  for (const Family& about : of_counters()) {
    MetricFamily family = begun(about);
    for (const Series& series : about.series) {
      if (about.type == kHistogram) {
        add_histogram(family, snapshot, series.counter);
        continue;
      }
      // A part that is not attached says nothing of its own.
      const auto counter = snapshot.counters.find(series.counter);
      if (counter == snapshot.counters.end()) continue;
      std::vector<ClientMetric::Label> labels;
      if (*about.label != '\0') labels.push_back({about.label, series.value});
      add(family, static_cast<double>(counter->second), std::move(labels));
    }
    families.push_back(std::move(family));
  }
  for (MetricFamily& family : of_peers(snapshot)) families.push_back(std::move(family));
  MetricFamily workers = begun(kWorkers);
  for (const WorkerRole role : {WorkerRole::verifier, WorkerRole::storage}) {
    const auto count = std::ranges::count(snapshot.workers, role, &report::WorkerInfo::role);
    add(workers, static_cast<double>(count), {{kWorkers.label, std::string(name(role))}});
  }
  families.push_back(std::move(workers));
  families.push_back(begun(kUptime));
  add(families.back(), 1e-3 * static_cast<double>(snapshot.uptime_ms));
  families.push_back(begun(kBuild));
  add(families.back(), 1, {{kBuild.label, snapshot.agent}});
  return families;
}

std::string metrics_table() {
  std::string table = "| metric | type | labels | what |\n|---|---|---|---|\n";
  std::string last;
  const auto line = [&](const Family& family) {
    if (std::exchange(last, family.name) == family.name) return;
    const char* type = family.type == kGauge     ? "gauge"
                       : family.type == kCounter ? "counter"
                                                 : "histogram";
    std::string labels = *family.label == '\0' ? "" : std::string("`") + family.label + "`";
    for (const Series& series : family.series) {
      if (*series.value == '\0') continue;
      labels += std::string(&series == &family.series.front() ? ": " : ", ") + series.value;
    }
    table += std::string("| `") + family.name + "` | " + type + " | " + labels + " | " +
             family.help + " |\n";
  };
  for (const Family& family : of_counters()) line(family);
  line(kPeers);
  line(kPeersWithout);
  for (const PeerSeries& series : of_peers()) line(series.family);
  for (const Family* family : {&kWorkers, &kUptime, &kBuild}) line(*family);
  return table;
}

}  // namespace quarry::cli
