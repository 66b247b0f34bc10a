// The limits of the ConsumerBridge, each with its reason. Those of workers as such stand in
// actors/workers/limits.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "actors/workers/limits.hpp"

namespace quarry::consumer_bridge {

// A value that has lost this many verdicts is poison (N6): it is likelier that it breaks verifiers
// than that they broke by chance.
inline constexpr std::size_t kLossesOfPoison = 3;

// Deliveries held, out or waiting. The Engine's room for answers bounds them far below; a delivery
// beyond is answered `lost` at once, and counted.
inline constexpr std::size_t kMaxDeliveries = 64 * 1024;

// Deliveries, and their bytes, that wait because no verifier attached is for their key: a sixteenth
// of the Engine's room for answers, and a quarter of its bytes, so that they never take it all from
// keys that can be judged. Beyond, the oldest is answered `lost`, and counted. While no verifier is
// attached at all nothing is taken from anybody, and all of them wait.
inline constexpr std::size_t kMaxUnclaimed = 256;
inline constexpr std::size_t kMaxUnclaimedBytes = 64 * 1024 * 1024;

// Bytes that may wait for one verifier that does not read, before it is given up: more than it may
// be given to hold. The largest value of the network comes on top.
inline constexpr std::size_t kDoorBudget = 2 * workers::kMaxBytesHeld;

// Messages in flight to one verifier's pipe; what is beyond waits in the bridge, in order.
inline constexpr int kDoorSendHwm = 64;
inline constexpr int kDoorReceiveHwm = 64;

}  // namespace quarry::consumer_bridge
