// What actors report about themselves, for `status` and `peers list`: the same items inside a node
// (link) and to its clients (control), so that the Engine can pass them on as they are. Each names
// the call that it answers; Done or Failed ends the call.
#pragma once

#include <algorithm>
#include <functional>
#include <tuple>
#include <vector>

#include "msg/codec.hpp"

namespace quarry::report {

// One peer as a provider of the peer set knows it. A record: part of other items.
struct PeerEntry {
  PeerKey peer;
  std::string endpoint;  // tcp://host:port; empty for a serve_only peer
  PeerRole role = PeerRole::primary;
  std::string name;  // for people; may be empty
  static constexpr auto fields() {
    return std::tuple(&PeerEntry::peer, &PeerEntry::endpoint, &PeerEntry::role, &PeerEntry::name);
  }
  friend bool operator==(const PeerEntry&, const PeerEntry&) = default;
};

// A value of a storage, as a list of them has it. A record: part of other items.
struct StoredEntry {
  Key key;
  std::uint64_t size = 0;  // bytes
  static constexpr auto fields() { return std::tuple(&StoredEntry::key, &StoredEntry::size); }
  friend bool operator==(const StoredEntry&, const StoredEntry&) = default;
};
// Whether each key of a list stands once, in the order of keys.
inline bool ascending(const std::vector<StoredEntry>& entries) {
  return std::ranges::adjacent_find(entries, std::ranges::greater_equal{}, &StoredEntry::key) ==
         entries.end();
}

// Commands about peers, from a client through the Engine to the PeerSelector.

// Replaces the peer set, if `number` is above that of the last one (R32).
struct PeerSet {
  static constexpr std::uint8_t kKind = 64;
  CallId call;
  std::uint64_t number = 0;
  std::vector<PeerEntry> peers;
  static constexpr auto fields() {
    return std::tuple(&PeerSet::call, &PeerSet::number, &PeerSet::peers);
  }
  friend bool operator==(const PeerSet&, const PeerSet&) = default;
};
// Amends the latest set.
struct PeerAdd {
  static constexpr std::uint8_t kKind = 65;
  CallId call;
  PeerEntry peer;
  static constexpr auto fields() { return std::tuple(&PeerAdd::call, &PeerAdd::peer); }
  friend bool operator==(const PeerAdd&, const PeerAdd&) = default;
};
struct PeerRemove {
  static constexpr std::uint8_t kKind = 66;
  CallId call;
  PeerKey peer;
  static constexpr auto fields() { return std::tuple(&PeerRemove::call, &PeerRemove::peer); }
  friend bool operator==(const PeerRemove&, const PeerRemove&) = default;
};
struct PeerBlock {
  static constexpr std::uint8_t kKind = 67;
  CallId call;
  PeerKey peer;
  std::uint64_t duration_ms = 0;  // 0: the time that `invalid` would bring
  static constexpr auto fields() {
    return std::tuple(&PeerBlock::call, &PeerBlock::peer, &PeerBlock::duration_ms);
  }
  friend bool operator==(const PeerBlock&, const PeerBlock&) = default;
};
struct PeerUnblock {
  static constexpr std::uint8_t kKind = 68;
  CallId call;
  PeerKey peer;
  static constexpr auto fields() { return std::tuple(&PeerUnblock::call, &PeerUnblock::peer); }
  friend bool operator==(const PeerUnblock&, const PeerUnblock&) = default;
};
struct PeerList {
  static constexpr std::uint8_t kKind = 69;
  CallId call;
  static constexpr auto fields() { return std::tuple(&PeerList::call); }
  friend bool operator==(const PeerList&, const PeerList&) = default;
};

// A command about the own storage, from a client through the Engine to the ProducerBridge: the keys
// above this one, in order, up to kMaxStored. One Stored, then Done.
struct StoredList {
  static constexpr std::uint8_t kKind = 70;
  CallId call;
  Prefix after;
  static constexpr auto fields() { return std::tuple(&StoredList::call, &StoredList::after); }
  friend bool operator==(const StoredList&, const StoredList&) = default;
};
// Who was asked about this key, and why: AskInfos, the oldest first, and a FetchInfo if it is being
// fetched, then Done.
struct Explain {
  static constexpr std::uint8_t kKind = 71;
  CallId call;
  Key key;
  static constexpr auto fields() { return std::tuple(&Explain::call, &Explain::key); }
  friend bool operator==(const Explain&, const Explain&) = default;
};

// Answers.

struct PeerInfo {
  static constexpr std::uint8_t kKind = 72;
  CallId call;
  PeerEntry peer;
  PeerState state = PeerState::connecting;
  std::string detail;            // why it refuses us, or why it is blocked
  std::uint64_t blocked_ms = 0;  // time left
  std::uint32_t latency_us = 0;  // as it is expected; 0: not measured yet
  std::uint32_t median_us = 0;   // of its last answers
  std::uint32_t p95_us = 0;
  std::uint64_t bytes_per_s = 0;
  std::uint8_t failing = 0;         // percent of what it is asked, smoothed
  std::uint64_t left_alone_ms = 0;  // time left, because it failed or wished it
  std::uint32_t in_flight = 0;
  std::uint64_t asked = 0;
  std::uint64_t accepted = 0;
  std::uint64_t no_data = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t invalid = 0;
  static constexpr auto fields() {
    return std::tuple(&PeerInfo::call, &PeerInfo::peer, &PeerInfo::state, &PeerInfo::detail,
                      &PeerInfo::blocked_ms, &PeerInfo::latency_us, &PeerInfo::median_us,
                      &PeerInfo::p95_us, &PeerInfo::bytes_per_s, &PeerInfo::failing,
                      &PeerInfo::left_alone_ms, &PeerInfo::in_flight, &PeerInfo::asked,
                      &PeerInfo::accepted, &PeerInfo::no_data, &PeerInfo::timed_out,
                      &PeerInfo::invalid);
  }
  friend bool operator==(const PeerInfo&, const PeerInfo&) = default;
};
struct WorkerInfo {
  static constexpr std::uint8_t kKind = 73;
  CallId call;
  WorkerRole role = WorkerRole::verifier;
  std::string name;
  Instance instance;
  std::uint64_t attached_ms = 0;  // since when
  std::uint32_t credit = 0;
  std::uint32_t jobs = 0;  // out now
  std::uint64_t done = 0;
  std::uint64_t lost = 0;
  std::uint32_t job_us = 0;  // smoothed time of a job
  bool stalled = false;      // it let a job run out, and gets few or none until it answers
  std::uint8_t abilities = 0;
  std::string agent;
  std::vector<KeyRange> keys = {};  // as its hello said
  static constexpr auto fields() {
    return std::tuple(&WorkerInfo::call, &WorkerInfo::role, &WorkerInfo::name,
                      &WorkerInfo::instance, &WorkerInfo::attached_ms, &WorkerInfo::credit,
                      &WorkerInfo::jobs, &WorkerInfo::done, &WorkerInfo::lost, &WorkerInfo::job_us,
                      &WorkerInfo::stalled, &WorkerInfo::abilities, &WorkerInfo::agent,
                      &WorkerInfo::keys);
  }
  friend bool operator==(const WorkerInfo&, const WorkerInfo&) = default;
};
// One number of an actor, by its metric's name.
struct Counter {
  static constexpr std::uint8_t kKind = 74;
  CallId call;
  std::string name;
  std::uint64_t value = 0;
  static constexpr auto fields() {
    return std::tuple(&Counter::call, &Counter::name, &Counter::value);
  }
  friend bool operator==(const Counter&, const Counter&) = default;
};
struct Stored {
  static constexpr std::uint8_t kKind = 77;
  CallId call;
  std::vector<StoredEntry> entries;
  static constexpr auto fields() { return std::tuple(&Stored::call, &Stored::entries); }
  bool sound() const { return ascending(entries); }
  friend bool operator==(const Stored&, const Stored&) = default;
};
struct Done {
  static constexpr std::uint8_t kKind = 75;
  CallId call;
  std::uint64_t count = 0;  // of what the command touched
  static constexpr auto fields() { return std::tuple(&Done::call, &Done::count); }
  friend bool operator==(const Done&, const Done&) = default;
};
struct Failed {
  static constexpr std::uint8_t kKind = 76;
  CallId call;
  Reason reason = Reason::failed;
  std::string detail;
  static constexpr auto fields() {
    return std::tuple(&Failed::call, &Failed::reason, &Failed::detail);
  }
  friend bool operator==(const Failed&, const Failed&) = default;
};

// A peer as it stood when another, or itself, was chosen. A record: part of AskInfo.
struct AskCandidate {
  PeerKey peer;
  Standing standing = Standing::candidate;
  std::uint32_t cost_us = 0;  // of a candidate that was weighed up
  static constexpr auto fields() {
    return std::tuple(&AskCandidate::peer, &AskCandidate::standing, &AskCandidate::cost_us);
  }
  friend bool operator==(const AskCandidate&, const AskCandidate&) = default;
};
// One ask about a key, and what came of it.
struct AskInfo {
  static constexpr std::uint8_t kKind = 78;
  CallId call;
  PeerKey peer;
  Why why = Why::cheapest;
  AskResult result = AskResult::waiting;
  std::uint64_t age_ms = 0;     // since it was sent
  std::uint64_t took_us = 0;    // until it ended, or until now
  std::uint32_t in_set = 0;     // peers, when it was sent
  std::uint32_t available = 0;  // of these could be asked for some key
  std::uint32_t tried = 0;      // were asked before for this one, in this round
  std::vector<AskCandidate> candidates;
  static constexpr auto fields() {
    return std::tuple(&AskInfo::call, &AskInfo::peer, &AskInfo::why, &AskInfo::result,
                      &AskInfo::age_ms, &AskInfo::took_us, &AskInfo::in_set, &AskInfo::available,
                      &AskInfo::tried, &AskInfo::candidates);
  }
  friend bool operator==(const AskInfo&, const AskInfo&) = default;
};

}  // namespace quarry::report

template <>
inline constexpr std::size_t quarry::kListLimit<quarry::report::StoredEntry> = limits::kMaxStored;
