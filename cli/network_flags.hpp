// What a person says of the network: the same for `node` and for whatever else begins a node.
#pragma once

#include <string>

#include "cli/command_line.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

struct NetworkFlags {
  std::string network = "main";
  std::uint32_t key_length = 32;
  std::string max_value = "4MiB";
  std::string digest = "sha256";
};

Result<Network> network_of(const NetworkFlags& flags);
// Its options; `shown` in the help or not.
Command& add_network(Command& to, NetworkFlags& flags, bool shown);

}  // namespace quarry::cli
