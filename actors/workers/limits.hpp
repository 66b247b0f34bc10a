// The limits of what workers may make a node hold and do, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "msg/time.hpp"

namespace quarry::workers {

// Workers attached at one door. Each choice of a worker looks at all of them, so they are few; a
// machine runs some per core.
inline constexpr std::size_t kMaxWorkers = 64;
// Jobs that one worker may hold: two batches, so that it never idles while its answers travel.
// A larger Hello::credit counts as this.
inline constexpr std::uint32_t kMaxCredit = 512;
// A worker that holds values of this many bytes gets no more jobs: they fill its process, or wait
// for its pipe. Some milliseconds of a digest's work, so that nobody starves for it.
inline constexpr std::size_t kMaxBytesHeld = 32 * 1024 * 1024;

// A ROUTER never learns that a worker is gone, but a send does: so whoever holds jobs is pinged
// this often, which bounds how long a dead worker's jobs wait: well below the 200 ms that a peer
// waits at least for what it asked.
inline constexpr Duration kPingEvery = std::chrono::milliseconds(50);
// Nobody waits for an idle worker; this only keeps the table honest.
inline constexpr Duration kPingIdleEvery = std::chrono::seconds(10);
// How long a worker that claims to have come back on a new connection waits for the proof that its
// old connection is gone.
inline constexpr Duration kClaimWithin = std::chrono::seconds(1);
// A worker that let a job run out gets one job as a trial after this long, unless it answers
// earlier. Doubles with each further stall, up to the longest.
inline constexpr Duration kTrialAfter = std::chrono::seconds(10);
inline constexpr Duration kTrialAfterMost = std::chrono::minutes(5);

}  // namespace quarry::workers
