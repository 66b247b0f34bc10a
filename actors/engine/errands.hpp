// What the ProducerBridge was told to keep or to remove, until it has said that it did. What is
// kept for fetches, and what is removed, is bounded here; what clients put is bounded by who took
// it. Never decides what is worth keeping.
#pragma once

#include <map>
#include <optional>

#include "actors/engine/budget.hpp"
#include "actors/engine/ids.hpp"
#include "actors/engine/limits.hpp"
#include "msg/payload.hpp"

namespace quarry::engine {

struct Errand {
  enum class Kind : std::uint8_t {
    put,     // keep what a client put
    keep,    // keep what a fetch brought
    remove,  // as a client says, or because a record of our own was judged invalid
  };
  Kind kind = Kind::keep;
  Key key;
  Payload value;
  CallId call = {};  // of which this is a part: a client's remove
};

class Errands {
 public:
  // False when there is no room for it.
  bool add(CallId id, Errand errand);
  std::size_t room_for_removes() const { return removes_.left().slots; }
  // What it was, and is not any more.
  std::optional<Errand> done(CallId id);
  const std::map<CallId, Errand>& all() const { return all_; }
  void check_invariants() const;

 private:
  // nullptr: not counted here.
  Budget* budget(Errand::Kind kind) {
    return kind == Errand::Kind::keep     ? &keeps_
           : kind == Errand::Kind::remove ? &removes_
                                          : nullptr;
  }

  std::map<CallId, Errand> all_;  // in the order they were told
  Budget keeps_{limits::kMaxKeeps, limits::kMaxKeepBytes};
  Budget removes_{limits::kMaxRemoves, 0};
};

}  // namespace quarry::engine
