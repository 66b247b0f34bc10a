// Looks into the node's own storages: which fetches wait for one, which are out, until when a fetch
// may look, and when it looks again. Bounded in number and in bytes. Never knows what a fetch is
// otherwise doing: what it names may be over, or have gone on to the network.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "actors/engine/budget.hpp"
#include "actors/engine/ids.hpp"
#include "actors/engine/limits.hpp"

namespace quarry::engine {

class LookUps {
 public:
  struct LookUp {
    FetchId fetch;
    std::uint32_t room = 0;  // bytes
  };

  explicit LookUps(std::uint64_t start)
      : budget_(limits::kMaxLookUps, limits::kMaxLookUpBytes), ids_(start) {}

  // False when too many wait already.
  bool wait(FetchId fetch);
  // It waits again, before all others, for room for more.
  void wait_for_more(LookUp look_up) { waiting_.push_front(look_up); }
  // The next that may go out: the caller sends it, or drops it because nobody wants it any more.
  std::optional<LookUp> next();
  LookUpId send(LookUp look_up);
  // What was out under this id, and is not any more.
  std::optional<LookUp> answered(LookUpId id);
  const std::map<LookUpId, LookUp>& out() const { return out_; }

  // Fetches whose time to look is over, in order.
  void look_until(FetchId fetch, Time until) { until_.push_back({fetch, until}); }
  std::optional<FetchId> overdue(Time now);
  // Fetches that may look again, in order. Beyond the limit one is not noted.
  void look_again(FetchId fetch, Time at);
  std::optional<FetchId> due_again(Time now);
  Time next_deadline() const;

  // Values found hold their room until they are judged.
  Budget& budget() { return budget_; }
  const Budget& budget() const { return budget_; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Due {
    FetchId fetch;
    Time at;
  };
  static std::optional<FetchId> take_due(std::deque<Due>& of, Time now);

  Budget budget_;
  Sequence<LookUpId> ids_;
  std::deque<LookUp> waiting_;
  std::map<LookUpId, LookUp> out_;
  // Each is ordered by time, which is one constant after the present.
  std::deque<Due> until_;
  std::deque<Due> again_;
};

}  // namespace quarry::engine
