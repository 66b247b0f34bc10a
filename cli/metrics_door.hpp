// Where Prometheus asks: http at an address of its own, by prometheus-cpp, on threads of its own. A
// scrape asks the node as any client does, over its control door, and never holds it up; scrapes in
// quick succession are told the same.
#pragma once

#include <memory>
#include <string>

#include "bus/context.hpp"
#include "msg/result.hpp"
#include "msg/time.hpp"

namespace quarry::cli {

class MetricsDoor {
 public:
  // What a scrape was told is told again for so long: asking costs the node the work of a status.
  static constexpr Duration kFreshFor = std::chrono::milliseconds(500);

  // `address`: HOST:PORT. The context's node is to outlive it.
  static Result<std::unique_ptr<MetricsDoor>> open(const std::string& address,
                                                   bus::Context& context);
  ~MetricsDoor();

 private:
  struct State;
  explicit MetricsDoor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quarry::cli
