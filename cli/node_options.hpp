// What a node is told when it starts.
#pragma once

#include <filesystem>
#include <string>

#include "actors/peer_selector/config.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

// Which actors share a thread: all (`one`), or none (`threads`). Or the two bridges run in
// processes of their own (`processes`), which may die and come back; only in the program quarry.
enum class Placement { one, threads, processes };

struct NodeOptions {
  std::filesystem::path home;
  std::string listen;      // tcp endpoint; empty: the node only asks
  std::string advertised;  // where peers reach it, if not there
  Network network;
  std::string name;
  std::string keep_in = "store";  // name of the storage that keeps
  Placement placement = Placement::one;
  std::filesystem::path peers_file;
  double hedge_budget = peer_selector::Config{}.hedge_budget;
  double requests_per_second = peer_selector::Config{}.requests_per_second;  // to one peer
  Duration remember = peer_selector::Config{}.remember;  // who has nothing is to; 0: not at all
  bool verifies = true;  // with the built-in digest verifier, where the network has a digest
  bool stores = true;    // in the built-in storage, below its home
  std::string metrics;   // where Prometheus asks, HOST:PORT; empty: nowhere
  // How processes of its bridges log.
  std::string log_level = "info";
  bool json_log = false;
};

}  // namespace quarry::cli
