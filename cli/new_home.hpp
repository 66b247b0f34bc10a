// A home for a new node: the folder, its key, an empty peers file and a configuration to fill in.
#pragma once

#include <string_view>

#include "cli/home.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

// Gives back the node's public key. Refuses where there is a key already; a peers file and a
// configuration that are there stay as they are.
Result<PeerKey> make_home(const Home& home, std::string_view config);

// The configuration of a new node: all options, as comments.
std::string_view config_template();

}  // namespace quarry::cli
