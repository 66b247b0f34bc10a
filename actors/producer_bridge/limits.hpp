// The limits of the ProducerBridge, each with its reason. Those of workers as such stand in
// actors/workers/limits.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "actors/workers/limits.hpp"
#include "msg/types.hpp"

namespace quarry::producer_bridge {

// Peers that are admitted or blocked. A peer beyond is not served; the selector's peer set is
// bounded below this.
inline constexpr std::size_t kMaxPeers = 64 * 1024;
// Connections that one peer may speak on. It needs one; a second comes with each reconnect, since a
// ROUTER is not told that the old one is gone.
inline constexpr std::size_t kPeerConnections = 8;
// A connection that was silent this long makes way for a new one. Peers ping more often.
inline constexpr Duration kConnectionIdle = std::chrono::seconds(10);
// Connections that were told a refusal and may be told why only once. One forgotten here is told
// once more.
inline constexpr std::size_t kRefusedConnections = 1024;

// Asks that one peer may have here, waiting or looked up: four windows of a busy asker. Beyond:
// `overloaded`.
inline constexpr std::size_t kPeerAsks = 4096;
// The same for all peers: 20 MB of asks.
inline constexpr std::size_t kAllAsks = 64 * 1024;
// When an overloaded peer may come again: a full table empties in about this time.
inline constexpr std::uint32_t kRetryAfterMs = 100;

// Bytes of values that may be on their way to one peer: looked up, or found and not yet taken by
// its connection. Its further asks wait. Enough to fill a fast link for the time between two turns.
inline constexpr std::uint64_t kReplyWindow = 16 * 1024 * 1024;
// What a value is expected to take before anything is known of what a peer asks for.
inline constexpr std::uint64_t kFirstReply = 512 * 1024;
// Never expect less: a peer that asked for small values may go on to large ones.
inline constexpr std::uint64_t kLeastReply = 32 * 1024;
// Bytes waiting for a peer's connection at which it is given up. Expectations may be wrong by as
// much as the largest value for each look-up in progress; only who misleads them comes here.
constexpr std::size_t reply_budget(const Network& network) {
  return 2 * kReplyWindow + 16 * std::size_t{network.max_value};
}

// Look-ups in progress for peers: as many jobs as one storage may hold, so that none idles. Further
// asks wait with their peers, in turns.
inline constexpr std::size_t kPeerLookUps = workers::kMaxCredit;
// No asker is thought to wait for less than this: the time of a look-up on a busy disk.
inline constexpr Duration kLeastPatience = std::chrono::milliseconds(50);
// How often asks are looked for whose time is over: they hear `no_data` so much late at most.
inline constexpr Duration kImpatientEvery = std::chrono::milliseconds(20);

// Look-ups in progress for the Engine: a batch of a thousand keys from each of 64 clients. Beyond:
// `no_data`, and the fetch goes on to the peers.
inline constexpr std::size_t kEngineLookUps = 64 * 1024;
// Of a storage's credit, this part is left to the Engine (R38).
inline constexpr std::uint32_t kEnginePart = 4;

// Asks that are remembered until their value comes (N15): of one peer, a million, as many as a busy
// node waits for; in all, those of four such peers, which is 160 MB. Beyond: `no_data` says that it
// is not remembered, and the asker comes again by itself.
inline constexpr std::size_t kPeerRemembered = 1024 * 1024;
inline constexpr std::size_t kAllRemembered = 4 * kPeerRemembered;
// And for how long: so that what nobody waits for any more takes no room for ever; and so that to
// remember saves more than it costs.
inline constexpr Duration kRememberAtMost = std::chrono::hours(2);
inline constexpr Duration kRememberAtLeast = std::chrono::seconds(1);
// So many are forgotten in one turn: a fraction of a millisecond.
inline constexpr std::size_t kForgetSlice = 1024;

// Values handed over to be kept and not yet on disk. Beyond: `full`. One value always fits.
inline constexpr std::size_t kKeeps = 1024;
inline constexpr std::size_t kKeepBytes = 64 * 1024 * 1024;
// What a storage has not kept, or removed, within this time has failed, and makes room for others:
// time enough for a slow disk to sync all that may wait.
inline constexpr Duration kKeepWithin = std::chrono::seconds(30);

// Lists of what is kept, in progress. Beyond: `full`. One is some ten thousand bytes, and within a
// few milliseconds there.
inline constexpr std::size_t kLists = 64;

// A list that has not come within this time has failed.
inline constexpr Duration kListWithin = std::chrono::seconds(5);

// A look-up that nobody waits for any more still takes its storage's credit, for it is still being
// worked on; after this time it counts as lost.
inline constexpr Duration kForgottenWithin = std::chrono::seconds(30);

// Messages in flight in one peer's pipe, where they are out of our hands: half a second of the
// largest values on a fast link. What is beyond waits in the bridge.
inline constexpr int kNetworkSendHwm = 32;
inline constexpr int kNetworkReceiveHwm = 16;
// The same for a storage, and the bytes that may wait for one that does not read, before it is
// given up.
inline constexpr int kStorageHwm = 64;
inline constexpr std::size_t kStorageBudget = 2 * kKeepBytes;

}  // namespace quarry::producer_bridge
