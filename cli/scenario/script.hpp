// A scenario: what network there is, what load it is under, what happens to it and when, and what
// has to be true in the end beside what always has to be. A text of lines; docs/testnet.md is its
// grammar. Reads and checks; touches nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/trouble.hpp"
#include "msg/result.hpp"

namespace quarry::cli::scenario {

using Milliseconds = std::chrono::milliseconds;

// The load: clients, each at one node, which put and fetch.
struct LoadPlan {
  std::uint32_t clients = 4;
  std::uint32_t per_second = 50;   // fetches begun by each
  std::uint64_t largest = 20'000;  // bytes of a value
};

// To whom something happens.
struct Whom {
  enum class How : std::uint8_t { named, all, next, random };
  How how = How::named;
  std::vector<std::string> names;  // random and next: of these; empty: of all nodes
};

// What happens, with what is drawn when it does.
struct Happening {
  std::vector<Trouble::Kind> kinds;  // several: one of them is drawn, and all about it
  Whom whom;
  Trouble like;           // all but its kind and nodes
  Milliseconds lasts{0};  // undone after that; 0: not at all
  Milliseconds first{0};
  Milliseconds every{0};  // 0: once
  Milliseconds until{0};
};

struct Script {
  std::string title;  // its first comment
  std::uint32_t nodes = 4;
  LoadPlan load;
  Milliseconds lasts{0};
  std::vector<Happening> happenings;
  std::set<std::string> liars;                 // nodes
  std::vector<Testnet::Worker> workers;        // verifiers
  std::map<std::string, std::uint64_t> disks;  // by node: bytes
  std::map<std::string, std::int64_t> clocks;  // by node: seconds by which its clock is off
  std::set<std::string> blocked, full;         // nodes of which that has to be true in the end
  std::uint64_t fetches = 1;                   // that have to be resolved at least

  bool relayed() const;              // whether anything happens to links
  std::uint32_t most_nodes() const;  // at any time
  // All times multiplied.
  void stretch(double factor);
};

// `name` is what errors call it; they say the line.
Result<Script> parse_script(std::string_view text, const std::string& name);

}  // namespace quarry::cli::scenario
