// What the commands of `quarry testnet` have in common.
#pragma once

#include <memory>
#include <string>

#include "cli/command_line.hpp"
#include "cli/testnet.hpp"

namespace quarry::cli {

struct TestnetFlags {
  std::string directory;  // empty: the default
  std::uint32_t nodes = 3;
  std::string placement = "one";
  bool relayed = false;
  bool purge = false;
  bool json = false;
  std::string node;                  // that something is done to
  std::string one_side, other_side;  // names, with commas
  std::string how_much;
  std::string key;
  bool containers = false;
  std::string image = "quarry";
};

// The testnet, which has to be there.
Result<Testnet> open_testnet(const TestnetFlags& flags);
Result<Testnet::Node*> node_named(Testnet& net, const std::string& name);

// Declares a command of `testnet`, with its --dir.
Command add_to_testnet(Command& testnet, const std::shared_ptr<TestnetFlags>& flags,
                       const std::string& name, const std::string& text, const std::string& example,
                       Exit (*act)(const TestnetFlags&));

// Those that break it, and mend it.
void add_testnet_trouble(Command& testnet, const std::shared_ptr<TestnetFlags>& flags);
// What runs a scenario.
void add_testnet_run(Command& testnet);

}  // namespace quarry::cli
