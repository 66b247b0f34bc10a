#include "actors/engine/look_ups.hpp"

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

std::optional<FetchId> LookUps::overdue(Time now) {
  if (until_.empty() || now < until_.front().until) return std::nullopt;
  const FetchId fetch = until_.front().fetch;
  until_.pop_front();
  return fetch;
}

}  // namespace quarry::engine
