// What can be done to a testnet that runs: to its nodes, its workers, and the links between nodes.
// The commands of `quarry testnet` and the events of a scenario say it in the same words.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/testnet.hpp"

namespace quarry::cli {

struct Trouble {
  enum class Kind : std::uint8_t {
    kill,
    pause,
    resume,
    start,
    restart,
    partition,
    slow,
    loss,
    heal,
    scale
  };
  Kind kind = Kind::heal;
  std::vector<std::string> nodes{};    // or workers, where it is about processes
  std::vector<std::string> others{};   // of a partition
  std::chrono::milliseconds delay{0};  // of slow
  unsigned percent = 0;                // of loss
  std::uint32_t count = 0;             // of scale

  // As one types it.
  std::string text() const;
};

// By the names of Trouble::Kind.
constexpr std::array<std::string_view, 10> kTroubles{
    "kill", "pause", "resume", "start", "restart", "partition", "slow", "loss", "heal", "scale"};

Result<std::chrono::milliseconds> parse_delay(const std::string& text);  // 200ms
Result<unsigned> parse_loss(const std::string& text);                    // 5%
std::vector<std::string> split_names(const std::string& names);          // at commas

// Does it. A name that is no node's, nor one of these workers', is wrong usage.
Result<> cause(Testnet& net, const Trouble& trouble,
               const std::vector<Testnet::Worker>& workers = {});

}  // namespace quarry::cli
