// Commands of clients whose answer is outstanding. Each has an id of our own, under which other
// actors are asked, and a time when it is given up. Never answers.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "actors/engine/ids.hpp"
#include "msg/report.hpp"
#include "msg/time.hpp"

namespace quarry::engine {

struct Call {
  // peers: what the selector answers
  enum class Kind : std::uint8_t { status, peers, put, remove, list };
  CallId id;
  Kind kind = Kind::status;
  ClientId client;
  CallId theirs;
  Time until{};
  std::uint8_t parts = 0;  // status: the Parts that have not finished yet
  // remove:
  std::uint32_t left = 0;                                // keys that are not done
  std::uint64_t removed = 0;                             // of those done, that were there
  std::optional<report::Failed> failure = std::nullopt;  // of one of them
};

class Calls {
 public:
  explicit Calls(std::uint64_t start) : ids_(start) {}

  // Ids of commands and of errands come from one sequence: a Done names either.
  CallId next_id() { return ids_.next(); }
  Call& open(Call call);
  Call* find(CallId id);
  void close(CallId id);
  std::optional<CallId> overdue(Time now) const;
  std::optional<CallId> any() const;
  Time next_deadline() const { return by_time_.empty() ? kNever : by_time_.begin()->first; }
  std::size_t size() const { return all_.size(); }
  const std::map<CallId, Call>& all() const { return all_; }

 private:
  Sequence<CallId> ids_;
  std::map<CallId, Call> all_;
  std::set<std::pair<Time, CallId>> by_time_;
};

}  // namespace quarry::engine
