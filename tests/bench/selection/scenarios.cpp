#include "tests/bench/selection/scenarios.hpp"

namespace quarry::bench {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Behaviours = std::vector<Behaviour>;

constexpr Duration kNear = microseconds(2500), kAttacker = microseconds(500);
constexpr double kMegabyte = 1e6;
constexpr std::uint32_t kKiB = 1024, kMiB = 1024 * kKiB;

void uplinks(Behaviours& all, std::vector<double> megabytes) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].bytes_per_s = megabytes[i % megabytes.size()] * kMegabyte;
  }
}

std::vector<Scenario> loads_and_silence() {
  return {
      {.letter = "A", .title = "a quarter of the load"},
      {.letter = "B", .title = "70 % of the load", .load = 0.7},
      {.letter = "C",
       .title = "everybody's nearest peer goes silent",
       .same_distances = true,
       .watched = 0,
       .behave =
           [](Behaviours& all, const Scenario& its) {
             all[0].distance = kNear;
             all[0].silent_from = its.half();
           }},
      {.letter = "D",
       .title = "a fast newcomer joins",
       .watched = 19,
       .twin = 18,
       .behave =
           [](Behaviours& all, const Scenario& its) {
             all[18].distance = kNear;
             all[19].distance = kNear;
             all[19].joins = its.half();
           }},
      {.letter = "E",
       .title = "8 peers, half of them 15 times slower",
       .clients = 8,
       .servers = 8,
       .behave =
           [](Behaviours& all, const Scenario&) {
             for (std::size_t i = 0; i < 4; ++i) {
               all[i].slow_from = Time{};
               all[i].slow_by = 15;
             }
           }},
      {.letter = "F",
       .title = "200 clients at the same distances, 70 %",
       .clients = 200,
       .load = 0.7,
       .same_distances = true},
      {.letter = "G",
       .title = "a near attacker answers 200 asks, then stalls",
       .watched = 0,
       .behave =
           [](Behaviours& all, const Scenario&) {
             all[0].distance = kAttacker;
             all[0].stalls_after = 200;
           }},
  };
}

std::vector<Scenario> sizes_and_links() {
  return {
      {.letter = "H",
       .title = "values of 1 KiB and 1 MiB, unequal uplinks",
       .sizes = {kKiB, kMiB},
       .behave =
           [](Behaviours& all, const Scenario&) {
             uplinks(all, {100, 40});
           }},
      {.letter = "I",
       .title = "our own link halves for 10 s",
       .sizes = {64 * kKiB},
       .client_bytes_per_s = 7.2 * kMegabyte,
       .client_halved = true},
      {.letter = "J", .title = "one of 20 holds the key", .useful = 1 / 10.5, .holders = 1},
      {.letter = "K",
       .title = "4 KiB to 1 MiB, uplinks of 15 to 120 MB/s",
       .sizes = {4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB, kMiB},
       .behave =
           [](Behaviours& all, const Scenario&) {
             uplinks(all, {15, 30, 60, 120});
           }},
      {.letter = "L",
       .title = "a near peer is 20 times slower for 30 s",
       .length = seconds(60),
       .same_distances = true,
       .watched = 0,
       .behave =
           [](Behaviours& all, const Scenario&) {
             all[0].distance = kNear;
             all[0].slow_from = Time(seconds(15));
             all[0].slow_until = Time(seconds(45));
             all[0].slow_by = 20;
           }},
  };
}

std::vector<Scenario> odd_networks() {
  return {
      {.letter = "M",
       .title = "500 peers, 5 of them hold a key",
       .servers = 500,
       .load = 0.02,
       .useful = 1 / 83.5,
       .holders = 5},
      {.letter = "N",
       .title = "half of the peers leave at once",
       .load = 0.3,
       .behave =
           [](Behaviours& all, const Scenario& its) {
             for (std::size_t i = 0; i < all.size() / 2; ++i) all[i].leaves = its.half();
           }},
      {.letter = "O",
       .title = "an attacker says \"no data\" at once to everything",
       .watched = 0,
       .behave =
           [](Behaviours& all, const Scenario&) {
             all[0].distance = kAttacker;
             all[0].empty = true;
           }},
      {.letter = "P", .title = "everybody is overloaded (110 %)", .load = 0.5, .overload_by = 2.2},
      {.letter = "Q",
       .title = "two peers, one goes silent",
       .clients = 2,
       .servers = 2,
       .load = 0.2,
       .behave = [](Behaviours& all, const Scenario& its) { all[0].silent_from = its.half(); }},
      {.letter = "R",
       .title = "three peers, one silent, one lying",
       .clients = 2,
       .servers = 3,
       .load = 0.1,
       .behave =
           [](Behaviours& all, const Scenario& its) {
             all[0].silent_from = its.half();
             all[1].lies = true;
           }},
  };
}

}  // namespace

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all = loads_and_silence();
  for (auto& scenario : sizes_and_links()) all.push_back(std::move(scenario));
  for (auto& scenario : odd_networks()) all.push_back(std::move(scenario));
  return all;
}

}  // namespace quarry::bench
