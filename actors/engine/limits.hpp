// The limits of the Engine's tables and queues, each with its reason and with what happens when it
// is reached. What an operator may set stands in config.hpp.
#pragma once

#include <chrono>
#include <cstdint>

#include "msg/time.hpp"

namespace quarry::engine::limits {

// Subscribers of one fetch: ending it is one event. Beyond: the fetch is refused (full).
inline constexpr std::uint32_t kMaxSubscribers = 4096;
// Targets of all fetches together, 32 bytes each. Beyond: refused (full).
inline constexpr std::uint32_t kMaxTargetsInAll = 4 * 1024 * 1024;

// How long a fetch may look into the own storages before it goes to the network (N13).
inline constexpr Duration kLookWithin = std::chrono::milliseconds(50);
// Room of a first look-up. A larger value is looked up again, with room for it.
inline constexpr std::uint32_t kFirstRoom = 64 * 1024;
// Look-ups out, and local values being judged; others wait their turn.
inline constexpr std::uint32_t kMaxLookUps = 1024;
inline constexpr std::uint64_t kMaxLookUpBytes = 64ULL * 1024 * 1024;
// Look-ups that wait their turn; further fetches go to the network at once.
inline constexpr std::uint32_t kMaxWaitingLookUps = 64 * 1024;
// When a fetch looks again because a storage failed or took too long, and how many may: at most
// 3,300 look-ups a second while a storage is broken. Further fetches wait for their peers alone.
inline constexpr Duration kLookAgainAfter = std::chrono::seconds(5);
inline constexpr std::uint32_t kMaxLookAgain = 16 * 1024;

// Values that clients put, until each is judged and on disk. Beyond: Failed (full).
inline constexpr std::uint32_t kMaxPuts = 256;
inline constexpr std::uint64_t kMaxPutBytes = 64ULL * 1024 * 1024;
// Fetched values on their way to the own storage. Beyond: not kept, and counted.
inline constexpr std::uint32_t kMaxKeeps = 1024;
inline constexpr std::uint64_t kMaxKeepBytes = 64ULL * 1024 * 1024;
// Records to be removed from the own storage: as clients say, beyond Failed (full), or because they
// are invalid, beyond left to the next fetch that finds them.
inline constexpr std::uint32_t kMaxRemoves = 1024;

// Commands whose answer is outstanding. Beyond: Failed (full).
inline constexpr std::uint32_t kMaxCalls = 4096;
inline constexpr std::uint32_t kMaxCallsOfClient = 256;
// Commands that walk the whole table. Beyond: Failed (full).
inline constexpr std::uint32_t kMaxSweeps = 64;
// Steps of a long walk in one turn: about a millisecond.
inline constexpr std::uint32_t kSlice = 2048;

// A command always ends: status says what it has; others fail (unavailable).
inline constexpr Duration kStatusWithin = std::chrono::seconds(2);
inline constexpr Duration kPeersWithin = std::chrono::seconds(10);
inline constexpr Duration kListWithin = std::chrono::seconds(10);
// Put and remove.
inline constexpr Duration kPutWithin = std::chrono::seconds(30);

// How often a client is probed that has something outstanding (R23), and one that has not.
inline constexpr Duration kProbeBusy = std::chrono::milliseconds(250);
inline constexpr Duration kProbeIdle = std::chrono::seconds(30);

// The control door, in messages a client: batches to it wait in its outbox, where bytes are
// counted; from it, enough to keep the loop busy while it sends on.
inline constexpr int kDoorSendHwm = 64;
inline constexpr int kDoorReceiveHwm = 64;
// What was sent to clients may still reach them after the node has closed the door.
inline constexpr int kDoorLingerMs = 1000;

// How long the door stays open after a stop for what clients have not read yet.
inline constexpr Duration kStopWithin = std::chrono::milliseconds(700);

}  // namespace quarry::engine::limits
