// What an operator can set about serving.
#pragma once

#include <functional>
#include <string>

#include "msg/time.hpp"

namespace quarry::producer_bridge {

struct Config {
  // A look-up that no storage has answered within this time is "no data". Below the second that
  // askers wait at first contact, so that they hear it; an asker that waits for less hears it
  // sooner. An ask whose turn does not come within that time is `overloaded`.
  Duration look_up_within = std::chrono::milliseconds(900);
  // The built-in storage's name. It is asked first.
  std::string built_in = "store";
  // The storage that keeps values. While it is not attached nothing is kept, and said to be
  // `unavailable`: no value ever goes to another place.
  std::string keep_in = "store";
  // Told the network door's endpoint once it is bound, with the port that the system chose.
  std::function<void(const std::string& endpoint)> on_listening = {};
};

}  // namespace quarry::producer_bridge
