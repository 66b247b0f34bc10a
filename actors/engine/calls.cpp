#include "actors/engine/calls.hpp"

namespace quarry::engine {

Call& Calls::open(Call call) {
  call.id = next_id();
  by_time_.emplace(call.until, call.id);
  return all_.emplace(call.id, call).first->second;
}

Call* Calls::find(CallId id) {
  const auto at = all_.find(id);
  return at == all_.end() ? nullptr : &at->second;
}

void Calls::close(CallId id) {
  const auto at = all_.find(id);
  if (at == all_.end()) return;
  by_time_.erase({at->second.until, id});
  all_.erase(at);
}

std::optional<CallId> Calls::overdue(Time now) const {
  if (by_time_.empty() || now < by_time_.begin()->first) return std::nullopt;
  return by_time_.begin()->second;
}

std::optional<CallId> Calls::any() const {
  if (all_.empty()) return std::nullopt;
  return all_.begin()->first;
}

}  // namespace quarry::engine
