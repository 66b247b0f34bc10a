// The limits of the PeerSelector's tables and of its turns, each with its reason.
#pragma once

#include <cstddef>
#include <cstdint>

#include "msg/limits.hpp"
#include "msg/time.hpp"

namespace quarry::peer_selector::limits {

// Peers in the set: as many as one PeerSet can name. Beyond: PeerAdd fails with full.
inline constexpr std::size_t kMaxPeers = quarry::limits::kMaxRecords;
// Peers that left and whose scores and blocks are kept in case they return. Beyond: the oldest is
// forgotten.
inline constexpr std::size_t kMaxRemembered = 1024;
// Timed-out requests that may still be answered, in all and of one fetch. Beyond: a late answer is
// dropped like any unknown one.
inline constexpr std::size_t kMaxLate = 8192;
inline constexpr std::size_t kMaxLatePerFetch = 8;
// Peers set aside for one key because verdicts of their values were lost. Beyond: the oldest is
// readmitted.
inline constexpr std::size_t kMaxSetAside = 8;
// Requests out for one fetch: a hedge beside the first, and one more where it is urgent (N3).
inline constexpr std::size_t kMaxOut = 3;
// Answers that wait for their verdicts: with more it is our verifier that is slow, and to ask more
// peers would make it worse (N3).
inline constexpr std::size_t kVerifyBacklog = 256;
// Where so many were asked after a slow one and none has answered, it is not that one that is slow;
// fewer prove nothing. So many are looked at.
inline constexpr std::size_t kAllSlow = 2;
inline constexpr std::size_t kAskedSince = 32;
// After a full pipe or a late turn nobody is asked beside others for so long: it was us (N3).
inline constexpr Duration kBackedUpFor = std::chrono::seconds(1);
// A turn that comes so much after its time was late: what it did not see in time is not charged
// (N2), and deadlines are extended by what was lost, up to the other.
inline constexpr Duration kLate = std::chrono::milliseconds(50);
inline constexpr Duration kMostGrace = std::chrono::seconds(1);

// A peer whose `have` was not true is believed less: of what it says beyond so many untrue ones a
// second nothing is heard (N15).
inline constexpr double kUntrueHaves = 100;
// Who remembers an ask for less is not worth relying on: it would be asked as often as one that
// does not remember at all.
inline constexpr Duration kLeastRemembered = std::chrono::seconds(30);

// Asks that the journal remembers, for `explain` (N11): about 2 MB. Beyond: the oldest is
// forgotten. And the peers that it names beside the one that was asked: all of a small network.
inline constexpr std::size_t kJournal = 8192;
inline constexpr std::size_t kJournalWeighed = 8;
// Asks about one key that one `explain` tells of: the newest.
inline constexpr std::size_t kExplained = 256;

// What is learnt from answers is kept this often at most; blocks at once.
inline constexpr Duration kSaveEvery = std::chrono::seconds(10);

// Commands that wait for the ProducerBridge. Beyond: Failed with full.
inline constexpr std::size_t kMaxSyncs = 1024;

// One dispatch ends after this many fetches, so that what arrives is looked at in between: about
// a millisecond, and four full messages.
inline constexpr int kDispatchSlice = 1024;
// Fetches set free by one change (a connection, a target) in one dispatch.
inline constexpr int kWakeSlice = 256;

// Messages that wait in a DEALER's pipe on its way out: each is a batch, and what waits there when
// a peer dies is delivered stale. And on its way in: each may be as large as a value.
inline constexpr int kPeerSendHwm = 16;
inline constexpr int kPeerReceiveHwm = 4;

// The room that an ask reserves is never less: smaller reservations would only cost a second
// round trip when a value is a little larger than the last ones.
inline constexpr std::uint32_t kMinRoom = 4 * 1024;
inline constexpr std::uint32_t kFirstRoom = 64 * 1024;
// The room follows the largest value among this many accepted ones, and as many before.
inline constexpr int kRoomWindow = 64;

}  // namespace quarry::peer_selector::limits
