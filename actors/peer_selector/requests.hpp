// The requests: out, late (timed out, and may still be answered) and with the Engine for judgement.
// Each has an id of its own, from a random start and never reused (R6). Says which one is due; what
// that means is the core's.
#pragma once

#include "actors/peer_selector/due_heap.hpp"
#include "actors/peer_selector/list.hpp"
#include "msg/pooled.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"

namespace quarry::peer_selector {

struct Peer;

struct Request {
  enum class State : std::uint8_t { out, late, spare, judging };
  RequestId id;
  FetchId fetch;
  Peer* peer = nullptr;
  Time sent{};
  Time due{};  // out: when to hedge, then its timeout; late: when it is forgotten
  Time timeout_at{};
  Duration elapsed{};  // spare, judging: from send to arrival
  std::uint32_t room = 0;
  std::uint32_t size = 0;  // spare, judging: of the value
  std::uint32_t heap_at = kNotInHeap;
  State state = State::out;
  bool hedge = false;      // asked beside another
  bool overtaken = false;  // another's answer was accepted
  bool has_it = false;     // asked because it said so (N15)
  bool extended = false;   // its deadline, because we were late
  bool in_time = false;    // spare, judging: it came before its timeout
  Hook<Request> hook;      // out: among its peer's
};

class Requests {
 public:
  explicit Requests(std::uint64_t first_id) : next_id_(first_id == 0 ? 1 : first_id) {}

  Request& make(FetchId fetch, Peer& peer, std::uint32_t room, Time now, Time due);
  Request* find(RequestId id);
  // How many made after this one, and before that time, wait for their answers: none, where any of
  // the first `most` made after it has got its own.
  std::size_t all_wait_since(const Request& request, Time before, std::uint64_t most);
  // It got its answer: nothing is due any more.
  void answered(Request& request, Request::State to);
  void moved(Request& request, Time due);
  void became_late(Request& request, Time until);
  void erase(Request& request);

  // The one that is due first, or null.
  Request* first_due() const { return due_.empty() ? nullptr : due_.top(); }
  Time next_deadline() const { return due_.next(); }
  std::size_t late() const { return late_; }
  std::size_t size() const { return table_.size(); }
  const PooledHashMap<RequestId, Request>& all() const { return table_; }
  void check_invariants() const;

 private:
  PooledHashMap<RequestId, Request> table_;
  DueHeap<Request> due_;
  std::size_t late_ = 0;
  std::uint64_t next_id_;
};

}  // namespace quarry::peer_selector
