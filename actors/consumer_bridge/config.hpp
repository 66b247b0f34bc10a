// What an operator can set about judging.
#pragma once

#include "msg/time.hpp"

namespace quarry::consumer_bridge {

struct Config {
  // A verifier that has not answered a job for this long has lost it (N6). A worker chooses its
  // credit such that the last of its jobs is answered well within it.
  Duration job_deadline = std::chrono::seconds(30);
};

}  // namespace quarry::consumer_bridge
