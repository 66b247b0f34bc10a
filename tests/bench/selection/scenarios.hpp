// The networks in which policies are compared (docs/selection.md).
#pragma once

#include "tests/bench/selection/world.hpp"

namespace quarry::bench {

std::vector<Scenario> scenarios();

}  // namespace quarry::bench
