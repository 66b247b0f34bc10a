// The peers: every key that is named (in the set, as a target, by a request), each under a small
// index; and of those that are or were in the set, all that is known. Keeps two lists up to date:
// candidates (in the set, to be asked, connected, not blocked) and, among them, the available
// (also neither cooling down nor at their cap). Dials nobody and chooses nobody.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/peer_selector/block.hpp"
#include "actors/peer_selector/connection.hpp"
#include "actors/peer_selector/due_heap.hpp"
#include "actors/peer_selector/fetch.hpp"
#include "actors/peer_selector/limits.hpp"
#include "actors/peer_selector/pace.hpp"
#include "actors/peer_selector/recent.hpp"
#include "actors/peer_selector/requests.hpp"
#include "actors/peer_selector/scores.hpp"
#include "msg/report.hpp"

namespace quarry::peer_selector {

inline constexpr std::uint32_t kNotListed = UINT32_MAX;

// What is known of a peer that is in the set, or was and left something behind.
struct Member {
  Member(double requests_per_second, const Tuning& tuning)
      : score(tuning), pace(requests_per_second, Time{}), untrue(limits::kUntrueHaves, Time{}) {}

  report::PeerEntry entry;
  bool in_set = true;
  bool admitted = false;  // what ProducerBridge was last told
  bool told_blocked = false;
  Connection connection;
  Score score;
  Block block;
  Time cool_until{Time::min()};   // by its own wish, or because its pipe is full
  Time aside_until{Time::min()};  // because it failed: asked only where nobody else is left
  int setbacks = 0;               // of which the next time aside follows
  Pace pace;                      // R35
  Pace untrue;                    // how often it may say that it has what it has not (N15)
  Recent<64> answers;
  Time last_asked{Time::min()};
  int overloads = 0;  // in a row
  std::uint32_t in_flight = 0;
  List<Request> out;  // its requests out
  // Changes with each time it becomes a candidate: a fetch that backs off goes on for newer ones.
  std::uint32_t generation = 0;
  std::uint32_t candidate_at = kNotListed;
  std::uint32_t available_at = kNotListed;
  struct {
    std::uint64_t asked = 0, accepted = 0, no_data = 0, timed_out = 0, invalid = 0;
    std::uint64_t hedged = 0;
  } count;
};

struct Peer {
  PeerKey key;
  std::uint32_t index = 0;
  std::uint64_t serial = 0;        // never given to another
  std::uint32_t refs = 0;          // targets and requests that name it
  std::uint64_t mark = 0;          // scratch of one choice: who is out of the question
  std::uint64_t untold = 0;        // likewise: who does not remember a fetch (N15)
  bool waking = false;             // its waiters are being set free
  std::size_t recheck = 0;         // so many of them although it is not available
  List<Waiter> waiters;            // fetches parked under it
  std::unique_ptr<Member> member;  // null: only named
  Time due = kNever;               // of the earliest of its timers
  std::uint32_t heap_at = kNotInHeap;
};

class Peers {
 public:
  Peers(PeerKey self, const Config& config, std::uint64_t salt);

  Peer* find(const PeerKey& key);
  Peer& intern(const PeerKey& key);
  Peer* at(std::uint32_t index) const;
  // One that is in the set, or null.
  Peer* in_set(const PeerKey& key);
  // Forgets a peer that nobody names any more and that left nothing behind.
  void release(Peer& peer);
  // Puts a peer into the set or amends its entry; false where nothing changed.
  bool enter(Peer& peer, const report::PeerEntry& entry);
  // Its member stays for a while: it may return, and its block holds.
  void leave(Peer& peer);
  // Forgets one that left, when too many are remembered.
  void forget_oldest(Time now);

  const PeerKey& self() const { return self_; }
  bool askable(const Member& member) const;
  // Looks again whether the peer is a candidate and available.
  struct Change {
    bool became_candidate = false;
    bool candidate_lost = false;
    bool became_available = false;
  };
  Change refresh(Peer& peer, Time now);

  // What it was told it does not know any more: as if it had become a candidate just now.
  void begin_anew(Member& member) {
    if (member.candidate_at != kNotListed) member.generation = ++generation_;
  }

  // When a candidate may be asked again, as far as that is known: now, for one that may.
  Time free_at(Member& member, Time now) const;

  const std::vector<Peer*>& candidates() const { return candidates_; }
  const std::vector<Peer*>& available() const { return available_; }
  const std::vector<Peer*>& set() const { return set_; }
  // Those that left and are remembered, the oldest first.
  std::vector<const Peer*> left() const;
  // Of the latest peer that became a candidate.
  std::uint32_t generation() const { return generation_; }

  // The earliest timer of peers; retime() after anything changed one.
  void retime(Peer& peer, Time due);
  Peer* first_due() const { return timers_.empty() ? nullptr : timers_.top(); }
  Time next_deadline() const { return timers_.next(); }
  std::unordered_map<std::uint64_t, PeerKey> keys_by_serial() const;
  std::size_t named() const { return by_key_.size(); }
  // `refs`: how often targets and requests name peers, in all.
  void check_invariants(std::size_t refs, Time now) const;

 private:
  static void list(std::vector<Peer*>& list, std::uint32_t Member::*at, Peer& peer, bool in);
  void forget(Peer& peer);

  PeerKey self_;
  std::uint32_t in_flight_cap_;
  double requests_per_second_;
  Tuning tuning_;
  std::unordered_map<PeerKey, std::uint32_t, SaltedHash> by_key_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<std::uint32_t> free_;
  std::vector<Peer*> set_, candidates_, available_;
  std::vector<std::uint32_t> left_;  // the oldest first
  DueHeap<Peer> timers_;
  std::uint32_t generation_ = 0;
  std::uint64_t last_serial_ = 0;
};

// For people: its name where it has one, else the first characters of its key.
std::string shown(const Peer& peer);

}  // namespace quarry::peer_selector
