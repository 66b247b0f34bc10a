// What the selector knows of one fetch, and the queues in which fetches stand that are to be asked
// for. A million of them wait here, so a fetch that was never asked has no more than its place in
// a queue; what a fetch under way needs beyond that stands in its Progress.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "actors/peer_selector/due_heap.hpp"
#include "actors/peer_selector/limits.hpp"
#include "actors/peer_selector/list.hpp"
#include "msg/limits.hpp"
#include "msg/payload.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"
#include "msg/words.hpp"

namespace quarry::peer_selector {

struct Fetch;
struct Peer;
struct Request;

// A fetch's place among those parked under one of its targets.
struct Waiter {
  Fetch* fetch = nullptr;
  Peer* peer = nullptr;
  Hook<Waiter> hook;
};

inline constexpr std::uint32_t kNoPeer = UINT32_MAX;

struct Progress {
  std::vector<Peer*> targets;
  // Asked in this round; also where sending failed. A peer that has been away since (another
  // generation) counts as new.
  struct Tried {
    std::uint32_t peer;
    std::uint32_t generation;
    bool remembers = false;  // and will say when it has it (N15)
  };
  std::vector<Tried> tried;
  struct SetAside {
    std::uint32_t peer;
    Time until;
  };
  std::vector<SetAside> set_aside;      // N6
  std::vector<std::uint32_t> untold;    // do not remember it, although Fetch::told says so of all
  std::vector<Waiter> waiters;          // while parked: one under each target
  std::vector<RequestId> late;          // timed out, may still be answered
  std::vector<std::uint32_t> enlarged;  // who named a size by `too_large`; each may once
  std::uint32_t room = 0;               // the largest size named
  std::uint32_t prefer = kNoPeer;       // to be asked next, with that room
  bool has_it = false;                  // that one said so
  std::uint32_t out = 0;                // requests out
  std::array<RequestId, limits::kMaxOut> outs;
  Time asked_at{};  // the first of this round
  RequestId judging;
  // Came while another answer was being judged; used only if that one is not the last.
  RequestId spare;
  Payload spare_value;
  bool empty() const {
    return targets.empty() && tried.empty() && set_aside.empty() && untold.empty() &&
           waiters.empty() && late.empty() && enlarged.empty() && prefer == kNoPeer && room == 0 &&
           out == 0 && !judging && !spare;
  }
};

enum class Place : std::uint8_t {
  nowhere,   // active or validating
  fresh,     // never asked
  again,     // asked before, due now
  back_off,  // waits for its due time, or for a peer it has not tried
  parked,    // restricted, and none of its targets may be asked
};

struct Fetch {
  FetchId id;
  Key key;
  Hook<Fetch> hook;  // of the queue it stands in
  Time due{};        // again, back_off
  std::unique_ptr<Progress> progress;
  std::uint32_t heap_at = kNotInHeap;
  std::uint32_t requests = 0;
  // back_off: the generation of connections when it began. Hastened: only newer peers are asked.
  std::uint32_t generation = 0;
  // Peers that became candidates up to this one remember that it is wanted (N15), but for those
  // that are untold, and until then: in seconds of the clock.
  std::uint32_t told = 0;
  std::uint32_t told_until = UINT32_MAX;
  std::uint8_t rounds = 0;  // full ones so far, capped
  Class priority = Class::normal;
  Place place = Place::nowhere;
  bool restricted : 1 = false;  // to its targets
  bool hastened : 1 = false;    // out of its back-off before the time, for a newcomer
  bool held : 1 = false;        // waited once for peers that were busy or cooling
  bool standing : 1 = false;    // somebody may say that it has it: is found by its key

  Progress& more() {
    if (!progress) progress = std::make_unique<Progress>();
    return *progress;
  }
  bool validating() const { return progress && progress->judging; }
  std::uint32_t out() const { return progress ? progress->out : 0; }
};

// By its slot (quarry::limits::kFetchSlots): so fetches that were wanted together stand together in
// a table, too. Spread over all of a million others, each step would wait for memory several times.
struct BySlot {
  std::size_t operator()(FetchId id) const noexcept {
    return static_cast<std::size_t>(id.value & (quarry::limits::kFetchSlots - 1));
  }
};

// Where fetches stand that wait for their turn: per class a queue of fresh ones and one of those
// to be asked again, each in order of its due time; and those that back off. Fresh goes before
// again and urgent before normal, but no kind that waits is passed over more than seven times in
// a row (R5). Every step costs O(log n) at most.
class Queues {
 public:
  void fresh(Fetch& fetch);
  void again(Fetch& fetch, Time now);
  void back_off(Fetch& fetch, Time due, std::uint32_t generation);
  // Its class has changed: where it waits its turn, it does so among others (N9).
  void reclass(Fetch& fetch, Class priority);
  // Takes it out of whichever of these it stands in.
  void remove(Fetch& fetch);

  // Whose turn it is; stays where it is. Null: nobody waits.
  Fetch* next() const;
  // The fetch from next() was sent a request for: counts for fairness.
  void sent(const Fetch& fetch);

  // Of those that back off: who is due first, and who began first.
  Fetch* first_due() const { return due_.empty() ? nullptr : due_.top(); }
  Fetch* first_begun() const { return backing_off_.front(); }
  // Puts one to the end of those that back off, without changing its due time.
  void begin_anew(Fetch& fetch, std::uint32_t generation);

  std::size_t fresh_size() const;
  std::size_t again_size() const;
  std::size_t back_off_size() const { return backing_off_.size(); }
  void check_invariants() const;

 private:
  static constexpr std::size_t kClasses = 3;
  // A kind that waits is served after this many turns of others. At most three kinds can be behind
  // at once, so the third has waited seven turns: one send in eight.
  static constexpr int kPassedOver = 5;
  static std::size_t of(Class priority) { return static_cast<std::size_t>(priority) - 1; }
  bool waits(std::size_t c) const { return !fresh_[c].empty() || !again_[c].empty(); }

  std::array<List<Fetch>, kClasses> fresh_;
  std::array<List<Fetch>, kClasses> again_;
  DueHeap<Fetch> due_;
  List<Fetch> backing_off_;
  int since_again_ = 0;
  std::size_t again_turn_ = 0;  // the class whose `again` goes first when those are behind
  std::array<int, kClasses> since_class_{};
};

}  // namespace quarry::peer_selector
