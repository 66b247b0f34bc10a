// What an operator can set about serving.
#pragma once

#include <functional>
#include <string>

#include "msg/time.hpp"

namespace quarry::producer_bridge {

struct Config {
  // A look-up that no storage has answered within this time is "no data". Below the time that
  // askers wait, so that they hear it. An ask whose turn does not come within it is `overloaded`.
  Duration look_up_within = std::chrono::seconds(1);
  // The storage that keeps values and is asked first: the built-in one's name.
  std::string keep_in = "store";
  // Told the network door's endpoint once it is bound, with the port that the system chose.
  std::function<void(const std::string& endpoint)> on_listening = {};
};

}  // namespace quarry::producer_bridge
