// Where a node's log goes: lines on stderr, for people or as JSON.
#pragma once

#include <string>

#include "msg/result.hpp"

namespace quarry::cli {

// Levels: debug, info, warn, error, off.
Result<> log_to_stderr(const std::string& level, bool json);

}  // namespace quarry::cli
