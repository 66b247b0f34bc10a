// A scenario that was played, as somebody reads it: a text, a page of its own, or JSON.
#pragma once

#include <cstdint>
#include <string>

#include "cli/scenario/stage.hpp"

namespace quarry::cli::scenario {

struct Report {
  std::string name, title;
  std::string world;  // processes or containers
  std::uint64_t seed = 0;
  Outcome outcome;

  bool lost() const { return !outcome.wrong.empty(); }
};

// What it amounts to: a few lines.
std::string summary_of(const Report& report);
// Those, below a line for each second.
std::string text_of(const Report& report);
// A page that needs nothing beside it.
std::string html_of(const Report& report);
std::string json_of(const Report& report);

}  // namespace quarry::cli::scenario
