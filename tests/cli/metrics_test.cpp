#include "cli/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <fstream>
#include <sstream>

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

PeerKey peer_key(std::size_t number) {
  PeerKey key;
  key.bytes[0] = std::byte(number);
  key.bytes[1] = std::byte(number >> 8);
  return key;
}

report::PeerInfo peer(std::size_t number, std::uint64_t asked) {
  report::PeerInfo info;
  info.peer = {peer_key(number), "tcp://peer:1", PeerRole::primary, "p" + std::to_string(number)};
  info.state = PeerState::connected;
  info.latency_us = 2'500;
  info.failing = 25;
  info.asked = asked;
  info.accepted = asked / 2;
  return info;
}

std::string text_of(const Snapshot& snapshot) {
  return prometheus::TextSerializer().Serialize(metrics_of(snapshot));
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& begin) {
  std::size_t lines = 0;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) lines += line.starts_with(begin);
  return lines;
}

TEST_CASE("R40 a node's counters are told under the names of the field, with its words as labels") {
  Snapshot snapshot;
  snapshot.counters = {{"fetches_pending", 3},         {"fetches_active", 2},
                       {"fetches_resolved_total", 41}, {"requests_no_data_total", 7},
                       {"serves_value_total", 9},      {"serves_in_progress", 1},
                       {"peers_blocked", 1},           {"subscriptions_cancelled_total", 5}};
  snapshot.agent = "quarry/test";
  snapshot.uptime_ms = 1500;
  const std::string text = text_of(snapshot);
  CAPTURE(text);
  CHECK(has(text, "quarry_fetches{state=\"pending\"} 3"));
  CHECK(has(text, "quarry_fetches{state=\"active\"} 2"));
  CHECK(has(text, "quarry_fetches_total{result=\"resolved\"} 41"));
  CHECK(has(text, "quarry_subscriptions_total{result=\"cancelled\"} 5"));
  CHECK(has(text, "quarry_requests_total{result=\"no_data\"} 7"));
  CHECK(has(text, "quarry_serves_total{result=\"value\"} 9"));
  CHECK(has(text, "quarry_serves{state=\"in_progress\"} 1"));
  CHECK(has(text, "quarry_peers_blocked 1"));
  CHECK(has(text, "quarry_uptime_seconds 1.5"));
  CHECK(has(text, "quarry_build_info{agent=\"quarry/test\"} 1"));
  CHECK(has(text, "# TYPE quarry_fetches gauge"));
  CHECK(has(text, "# TYPE quarry_fetches_total counter"));
  CHECK(count(text, "quarry_fetches{state=\"looking\"}") == 0);  // nobody said it
}

TEST_CASE("R40 durations are histograms in seconds, their buckets cumulative and in order") {
  Snapshot snapshot;
  snapshot.counters = {{"fetch_us_le_1000", 2},
                       {"fetch_us_le_100", 1},
                       {"fetch_us_le_25000", 2},
                       {"fetch_us_count", 3},
                       {"fetch_us_sum", 2'000'000}};
  const std::string text = text_of(snapshot);
  CAPTURE(text);
  const std::string buckets =
      "quarry_fetch_seconds_bucket{le=\"0.0001\"} 1\n"
      "quarry_fetch_seconds_bucket{le=\"0.001\"} 2\n"
      "quarry_fetch_seconds_bucket{le=\"0.025\"} 2\n"
      "quarry_fetch_seconds_bucket{le=\"+Inf\"} 3\n";
  CHECK(text.find(buckets) != std::string::npos);
  CHECK(has(text, "quarry_fetch_seconds_count 3"));
  CHECK(has(text, "quarry_fetch_seconds_sum 2"));
}

TEST_CASE("R40 N8 peers have series of their own up to a limit: those that were asked most") {
  Snapshot snapshot;
  const std::size_t peers = kMostPeerSeries + 20;
  for (std::size_t n = 0; n < peers; ++n) snapshot.peers.push_back(peer(n, n));
  const std::string text = text_of(snapshot);
  CHECK(count(text, "quarry_peer_asked_total{") == kMostPeerSeries);
  CHECK(count(text, "quarry_peer_requests_total{") == 4 * kMostPeerSeries);
  CHECK(has(text, "quarry_peers 120"));
  CHECK(has(text, "quarry_peers_without_series 20"));
  const auto of = [](std::size_t n) {
    return "{peer=\"" + to_z85(peer_key(n)) + "\",name=\"p" + std::to_string(n) + "\"}";
  };
  CHECK(text.find("quarry_peer_up" + of(peers - 1) + " 1\n") != std::string::npos);
  CHECK(text.find("quarry_peer_latency_seconds" + of(20) + " 0.0025") != std::string::npos);
  CHECK(text.find("quarry_peer_up" + of(19)) == std::string::npos);
}

TEST_CASE("R40 docs/metrics.md lists what is told, and nothing else") {
  std::ifstream file(QUARRY_SOURCE "/docs/metrics.md");
  std::stringstream document;
  document << file.rdbuf();
  INFO("its table is to be:\n" << metrics_table());
  CHECK(document.str().find("\n" + metrics_table() + "\n") != std::string::npos);
}

}  // namespace
}  // namespace quarry::cli
