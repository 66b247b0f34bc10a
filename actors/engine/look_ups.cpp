#include "actors/engine/look_ups.hpp"

#include <algorithm>

namespace quarry::engine {

bool LookUps::wait(FetchId fetch) {
  if (waiting_.size() >= limits::kMaxWaitingLookUps) return false;
  waiting_.push_back({fetch, limits::kFirstRoom});
  return true;
}

std::optional<LookUps::LookUp> LookUps::next() {
  if (waiting_.empty() || !budget_.fits(waiting_.front().room)) return std::nullopt;
  const LookUp look_up = waiting_.front();
  waiting_.pop_front();
  return look_up;
}

LookUpId LookUps::send(LookUp look_up) {
  budget_.take(look_up.room);
  const LookUpId id = ids_.next();
  out_.emplace(id, look_up);
  return id;
}

std::optional<LookUps::LookUp> LookUps::answered(LookUpId id) {
  const auto at = out_.find(id);
  if (at == out_.end()) return std::nullopt;
  const LookUp look_up = at->second;
  out_.erase(at);
  budget_.give(look_up.room);
  return look_up;
}

std::optional<FetchId> LookUps::overdue(Time now) { return take_due(until_, now); }

void LookUps::look_again(FetchId fetch, Time at) {
  if (again_.size() < limits::kMaxLookAgain) again_.push_back({fetch, at});
}

std::optional<FetchId> LookUps::due_again(Time now) { return take_due(again_, now); }

Time LookUps::next_deadline() const {
  return std::min(until_.empty() ? kNever : until_.front().at,
                  again_.empty() ? kNever : again_.front().at);
}

std::optional<FetchId> LookUps::take_due(std::deque<Due>& of, Time now) {
  if (of.empty() || now < of.front().at) return std::nullopt;
  const FetchId fetch = of.front().fetch;
  of.pop_front();
  return fetch;
}

}  // namespace quarry::engine
