// The values given for judgement: what each is, where it is from, to whom it was delivered. One is
// known from its Judge until its Verdict, even when its fetch is over. Never reads a verdict.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "actors/engine/budget.hpp"
#include "actors/engine/ids.hpp"
#include "msg/link.hpp"
#include "msg/pooled.hpp"

namespace quarry::engine {

// Where a value is from; each origin has its own budget.
enum class Origin : std::uint8_t {
  answer = 1,   // a peer
  look_up = 2,  // the own storages
  put = 3,      // a client puts it: no fetch is concerned yet
  was_put = 4,  // was put and is on disk; given to the fetch that waited for its key
};

// A value to be given for judgement.
struct Value {
  Origin origin = Origin::answer;
  Payload bytes;
  PeerKey peer;            // the node itself unless it is an answer
  RequestId request;       // answer only
  std::uint16_t life = 0;  // answer only: the selector's life it came in
};

struct Delivery {
  DeliveryId id;
  FetchId fetch;  // put: none
  Key key;
  Value value;
  // The subscriptions delivered, by index; kNone where one has ended since. A put: nobody.
  std::vector<Slot> delivered;
  // The first verdict that said something; the bytes are accepted when it was `complete`.
  std::optional<Outcome> first;
  bool aborted = false;  // its fetch is over, or its put was given up
  bool scored = false;   // the selector has been told already
  CallId call;           // put only
  // A peer's answer that came while a value of our own was judged: judged next.
  std::optional<Value> held;
};

class Deliveries {
 public:
  explicit Deliveries(std::uint64_t start) : ids_(start) {}

  Delivery& add(Delivery delivery);
  // The same value again under a new id.
  Delivery& renew(DeliveryId id);
  Delivery* find(DeliveryId id);
  // The delivery that a fetch is validating, or nullptr.
  Delivery* of(FetchId fetch);
  const Delivery* of(FetchId fetch) const;
  // The put that awaits its verdict, or nullptr.
  Delivery* of(CallId call);
  // Its fetch does not know it any more.
  void part(Delivery& delivery);
  Delivery take(DeliveryId id);
  const PooledMap<DeliveryId, Delivery>& all() const { return all_; }

 private:
  Sequence<DeliveryId> ids_;
  PooledMap<DeliveryId, Delivery> all_;  // in the order they were given
  PooledHashMap<FetchId, DeliveryId> by_fetch_;
  std::unordered_map<CallId, DeliveryId> by_call_;
};

}  // namespace quarry::engine
