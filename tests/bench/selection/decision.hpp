// What one decision costs: the choice alone, and all that the core does for one fetch.
#pragma once

#include <string>

namespace quarry::bench {

std::string decision_table();

}  // namespace quarry::bench
