// The limits of what is said: sizes on the wire, each with its reason. A limit of one actor's
// tables stands in that actor's limits.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "msg/types.hpp"

namespace quarry::limits {

// A batch closes at this many items, or at this many bytes of values: enough that the cost of a
// message is shared, little enough that one batch is never a long turn.
inline constexpr std::size_t kBatchItems = 256;
inline constexpr std::size_t kBatchBytes = 256 * 1024;

// A value at least this large travels alone in its message, so that its frame is moved on and
// never copied together with others.
inline constexpr std::size_t kTravelsAlone = 32 * 1024;

// A FetchId has a slot in its low bits, used again, below a number that rises: by that a fetch is
// found without a table, and there are at most so many at a time.
inline constexpr unsigned kFetchSlotBits = 22;
inline constexpr std::uint32_t kFetchSlots = 1U << kFetchSlotBits;

inline constexpr std::size_t kMaxTag = 64;        // bytes; the usual tag is 8
inline constexpr std::size_t kMaxText = 255;      // bytes of a name, an agent, a reason
inline constexpr std::size_t kMaxTargets = 64;    // per fetch
inline constexpr std::size_t kMaxKeys = 256;      // keys listed in one item
inline constexpr std::size_t kMaxTags = 256;      // subscribers told to a verifier in one delivery
inline constexpr std::size_t kMaxNetwork = 64;    // bytes of a network's name
inline constexpr std::size_t kMaxRanges = 16;     // of keys, in one item; each pick looks at all
inline constexpr std::size_t kMaxRecords = 2048;  // records in one item: the peers of a set
inline constexpr std::size_t kMaxStored = 1024;   // values of a storage, in one list of them
inline constexpr std::size_t kMaxDepth = 5;       // message, items, item, list, record
inline constexpr std::size_t kMaxTokens = 16384;  // msgpack values in one envelope
// A batch closes at this many msgpack values: any one item fits into what is left of kMaxTokens.
// 5: a record of kMaxRecords with its four fields. 32: the message's head and the item's own.
inline constexpr std::size_t kBatchTokens = kMaxTokens - 5 * kMaxRecords - 32;

// The largest envelope of a batch of asks: what MAXMSGSIZE lets an unknown peer make us hold.
// 28: one ask but for its key's bytes: array, kind, request id, key header, room and two times.
constexpr std::size_t max_ask_envelope(const Network& network) {
  return 16 + 2 * kMaxNetwork + 2 * kMaxText + kBatchItems * (28 + network.key_length);
}
// The largest envelope on doors whose partners are already known (workers, clients, links).
inline constexpr std::size_t kMaxEnvelope = 512 * 1024;
// The largest payload frame: one value alone, or a closed batch.
constexpr std::size_t max_payload(const Network& network) {
  return network.max_value > kBatchBytes ? network.max_value : kBatchBytes;
}

}  // namespace quarry::limits
