// A relay for tcp between the nodes of a testnet, which brings trouble: it delays, loses and cuts.
// It knows bytes only; what passes is encrypted from end to end.
#pragma once

#include <filesystem>

#include "msg/result.hpp"

namespace quarry::cli {

// Until SIGTERM or Ctrl-C, or the file is removed; SIGHUP reads it again. What is on its way then
// goes on under the new trouble.
Result<> run_relay(const std::filesystem::path& links);

}  // namespace quarry::cli
