// What the core wants done: items to send, and clients to forget.
#pragma once

#include <variant>

#include "actors/engine/ids.hpp"
#include "msg/control.hpp"
#include "msg/link.hpp"

namespace quarry::engine {

struct ToClient {
  ClientId client;
  control::FromNode item;
  friend bool operator==(const ToClient&, const ToClient&) = default;
};
struct ToSelector {
  link::EngineToSelector item;
  friend bool operator==(const ToSelector&, const ToSelector&) = default;
};
struct ToConsumer {
  link::EngineToConsumer item;
  friend bool operator==(const ToConsumer&, const ToConsumer&) = default;
};
struct ToProducer {
  link::EngineToProducer item;
  friend bool operator==(const ToProducer&, const ToProducer&) = default;
};
// The client was not taken, or has left: what it says from now on comes from a stranger.
struct Forget {
  ClientId client;
  friend bool operator==(const Forget&, const Forget&) = default;
};

using Effect = std::variant<ToClient, ToSelector, ToConsumer, ToProducer, Forget>;

}  // namespace quarry::engine
