#include "cli/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace quarry::cli {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// A number of `status` bears the name of its metric: `quarry_serves_asked_total` is
// `serves_asked_total` there. Where there is a label, its value stands last, before the `total`:
// `quarry_fetches{state="pending"}` is `fetches_pending`. Thus nothing has two names.
struct Family {
  const char* name;
  MetricType type;
  const char* label;  // empty: one series, without
  const char* help;
  std::vector<std::string_view> values;  // of the label
};

constexpr MetricType kGauge = MetricType::Gauge, kCounter = MetricType::Counter,
                     kHistogram = MetricType::Histogram;

std::string counter_of(const Family& family, std::string_view value) {
  constexpr std::string_view kOurs = "quarry_", kTotal = "_total", kSeconds = "_seconds";
  std::string name = std::string(family.name).substr(kOurs.size());
  const auto cut = [&](std::string_view end) { name.resize(name.size() - end.size()); };
  if (family.type == kHistogram) return cut(kSeconds), name + "_us";
  if (value.empty()) return name;
  if (family.type == kGauge) return name + "_" + std::string(value);
  return cut(kTotal), name + "_" + std::string(value) + std::string(kTotal);
}

// All that these words may be, but for some.
template <NamedWord Word>
std::vector<std::string_view> words(std::initializer_list<Word> but = {}) {
  std::vector<std::string_view> all;
  for (std::size_t i = 0; i < Names<Word>::list.size(); ++i) {
    const bool is_one = known<Word>(i) && std::ranges::count(but, static_cast<Word>(i)) == 0;
    if (is_one) all.push_back(Names<Word>::list[i]);
  }
  return all;
}

// Made of the counters alone.
const std::vector<Family>& of_counters() {
  static const std::vector<Family> families = {
      {"quarry_fetches", kGauge, "state", "Fetches in progress", words<FetchState>()},
      {"quarry_fetches_started_total", kCounter, "", "Fetches begun", {}},
      {"quarry_fetches_total", kCounter, "result",
       "Fetches that have ended, by how the last of their subscriptions did",
       words({Terminal::refused})},
      {"quarry_fetch_seconds",
       kHistogram,
       "",
       "From the start of a fetch until its value is accepted",
       {}},
      {"quarry_subscriptions", kGauge, "", "Subscriptions in progress", {}},
      {"quarry_subscriptions_total", kCounter, "result", "Subscriptions that have ended",
       words<Terminal>()},
      {"quarry_requests",
       kGauge,
       "state",
       "Requests to peers: out, or timed out and matchable yet",
       {"out", "late"}},
      {"quarry_requests_sent_total", kCounter, "", "Requests sent", {}},
      {"quarry_requests_total", kCounter, "result", "Requests, by what came of them",
       words(
           {AskResult::waiting, AskResult::judging, AskResult::overtaken, AskResult::remembered})},
      {"quarry_fetches_standing", kGauge, "", "Fetches that some peer remembers", {}},
      {"quarry_haves_heard_total",
       kCounter,
       "",
       "Times when a peer said that it has a value now",
       {}},
      {"quarry_haves_unwanted_total",
       kCounter,
       "",
       "Such words that nobody waits for any more, or that are not believed",
       {}},
      {"quarry_haves_untrue_total", kCounter, "", "Such words that were not true", {}},
      {"quarry_hedges_total", kCounter, "", "Requests beside one that was slow", {}},
      {"quarry_hedges_won_total", kCounter, "", "Hedges that answered first", {}},
      {"quarry_timeouts_uncharged_total",
       kCounter,
       "",
       "Timeouts that were charged to nobody: so many at once are our own",
       {}},
      {"quarry_answers_total", kCounter, "", "Values that came from peers", {}},
      {"quarry_answers_late_total", kCounter, "", "Answers after their request's timeout", {}},
      {"quarry_answers_unmatched_total", kCounter, "", "Answers to no request", {}},
      {"quarry_answers_held", kGauge, "", "Answers held until they are judged", {}},
      {"quarry_answers_held_bytes", kGauge, "", "Bytes of the answers held", {}},
      {"quarry_room_slots", kGauge, "", "Answers that there is room for yet", {}},
      {"quarry_room_bytes", kGauge, "", "Bytes of answers that there is room for yet", {}},
      {"quarry_judge_jobs",
       kGauge,
       "state",
       "Values to be judged: waiting for a verifier, or out",
       {"waiting", "out"}},
      {"quarry_verdicts_total", kCounter, "outcome",
       "Verdicts on values; a value may lose some, and be judged again", words<Outcome>()},
      {"quarry_poison_total", kCounter, "", "Values that have lost three verdicts", {}},
      {"quarry_serves",
       kGauge,
       "state",
       "Asks of peers: waiting for their turn, or looked up",
       {"waiting", "in_progress"}},
      {"quarry_serves_asked_total", kCounter, "", "Asks of peers", {}},
      {"quarry_serves_total",
       kCounter,
       "result",
       "Asks of peers, by what they were answered",
       {"value", "no_data", "too_large", "overloaded", "refused", "dropped"}},
      {"quarry_serve_seconds", kHistogram, "", "From an ask of a peer to its answer", {}},
      {"quarry_served_bytes_total", kCounter, "", "Bytes of values served", {}},
      {"quarry_asks_remembered",
       kGauge,
       "",
       "Asks of peers for values that are not here, remembered until they are",
       {}},
      {"quarry_asks_not_remembered_total",
       kCounter,
       "",
       "Asks that should have been remembered, and for which there was no room",
       {}},
      {"quarry_haves_told_total",
       kCounter,
       "",
       "Times when a peer was told that a value is here now",
       {}},
      {"quarry_look_ups",
       kGauge,
       "state",
       "Look-ups of fetches in the own storages",
       {"waiting", "out"}},
      {"quarry_look_ups_total", kCounter, "", "Look-ups of fetches in the own storages", {}},
      {"quarry_look_ups_found_total", kCounter, "", "Look-ups of fetches that found a value", {}},
      {"quarry_storage_jobs", kGauge, "", "Jobs that storages have not answered", {}},
      {"quarry_puts", kGauge, "", "Values being put", {}},
      {"quarry_puts_bytes", kGauge, "", "Bytes of values being put", {}},
      {"quarry_puts_total", kCounter, "", "Values put by clients", {}},
      {"quarry_kept_total", kCounter, "", "Values that are on disk", {}},
      {"quarry_keeps_failed_total", kCounter, "", "Values that could not be kept", {}},
      {"quarry_removed_total", kCounter, "", "Values removed from the storage", {}},
      {"quarry_clients", kGauge, "", "Clients at the control door, this one among them", {}},
      {"quarry_calls", kGauge, "", "Commands of clients that are not answered", {}},
      {"quarry_peers_connected", kGauge, "", "Peers of the set that have answered lately", {}},
      {"quarry_peers_blocked", kGauge, "", "Peers of the set that are blocked", {}},
      {"quarry_peers_admitted", kGauge, "", "Peers that may ask this node", {}},
      {"quarry_breaker_trips_total",
       kCounter,
       "",
       "Times when blocking was stopped: so many liars at once are a broken verifier",
       {}},
      {"quarry_protocol_violations_total", kCounter, "", "Messages of peers that do not fit", {}},
      {"quarry_late_turns_total", kCounter, "", "Turns of the selector that came late", {}},
      {"quarry_unmatched_total", kCounter, "", "Results that name nothing known", {}},
  };
  return families;
}

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
      {results, [](const Info& it) { return static_cast<double>(it.timed_out); }, "timed_out"},
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
    const auto tell = [&](std::string_view value) {
      // A part that is not attached says nothing of its own.
      const auto counter = snapshot.counters.find(counter_of(about, value));
      if (counter == snapshot.counters.end()) return;
      std::vector<ClientMetric::Label> labels;
      if (!value.empty()) labels.push_back({about.label, std::string(value)});
      add(family, static_cast<double>(counter->second), std::move(labels));
    };
    if (about.type == kHistogram) {
      add_histogram(family, snapshot, counter_of(about, ""));
    } else if (about.values.empty()) {
      tell("");
    } else {
      std::ranges::for_each(about.values, tell);
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
    for (const std::string_view value : family.values) {
      labels += (value == family.values.front() ? ": " : ", ") + std::string(value);
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
