// What each command is asked, and the command itself. main.cpp fills the options in; nothing here
// knows how they were written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/exit_codes.hpp"
#include "cli/home.hpp"

namespace quarry::cli {

// What every command knows: which home, which peers file, and for whom it speaks.
struct Common {
  std::string home;   // as given; empty: the default
  std::string peers;  // as given; empty: the home's
  bool json = false;

  Home where() const { return Home(home_directory(home)); }
  std::filesystem::path peers_file() const {
    return peers.empty() ? where().peers_file() : std::filesystem::path(peers);
  }
};

struct NodeFlags {
  Common common;
  std::string listen = "none";
  std::string network = "main";
  std::uint32_t key_length = 32;
  std::string max_value = "4MiB";
  std::string digest = "sha256";
  std::string name;
  std::string placement = "one";
  std::string log_level = "info";
  bool json_log = false;
};
Exit node(const NodeFlags& flags);

Exit keygen(const Common& common);
Exit id(const Common& common);

struct PutFlags {
  Common common;
  std::vector<std::string> files;
  std::string key;
};
Exit put(const PutFlags& flags);

struct FetchFlags {
  Common common;
  std::vector<std::string> keys;
  std::string output;
  std::vector<std::string> targets;
  std::string deadline;
  bool no_local = false;
  bool keep = false;
};
Exit fetch(const FetchFlags& flags);

struct KeysFlags {
  Common common;
  std::vector<std::string> keys;
};
Exit cancel(const KeysFlags& flags);
Exit status(const KeysFlags& flags);

struct PeerFlags {
  Common common;
  std::string peer;  // key or name
  std::string endpoint;
  std::string role = "primary";
  std::string name;
  std::string duration;
};
Exit peers_list(const PeerFlags& flags);
Exit peers_add(const PeerFlags& flags);
Exit peers_remove(const PeerFlags& flags);
Exit peers_block(const PeerFlags& flags);
Exit peers_unblock(const PeerFlags& flags);

struct TestnetFlags {
  std::string directory;  // empty: the default
  std::uint32_t nodes = 3;
  std::string placement = "one";
  bool purge = false;
  bool json = false;
};
Exit testnet_up(const TestnetFlags& flags);
Exit testnet_status(const TestnetFlags& flags);
Exit testnet_down(const TestnetFlags& flags);

}  // namespace quarry::cli
