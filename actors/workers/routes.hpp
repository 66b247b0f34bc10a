// Which connection of a door is which worker, for the shells of the bridges. It grows only with the
// workers that a core knows: who is refused or gone is forgotten.
#pragma once

#include <unordered_map>

#include "actors/workers/attached.hpp"
#include "bus/socket.hpp"

namespace quarry::workers {

class Routes {
 public:
  // A connection not seen yet, or forgotten, gets a new id.
  WorkerId id_of(const bus::Route& route) {
    const auto [at, fresh] = ids_.try_emplace(route, WorkerId{last_ + 1});
    if (fresh) routes_.emplace(++last_, route);
    return at->second;
  }
  std::optional<WorkerId> find(const bus::Route& route) const {
    const auto at = ids_.find(route);
    return at == ids_.end() ? std::nullopt : std::optional(at->second);
  }
  // Null when it is forgotten.
  const bus::Route* route_of(WorkerId worker) const {
    const auto at = routes_.find(worker.value);
    return at == routes_.end() ? nullptr : &at->second;
  }
  void forget(WorkerId worker) {
    const auto at = routes_.find(worker.value);
    if (at == routes_.end()) return;
    ids_.erase(at->second);
    routes_.erase(at);
  }
  std::size_t size() const { return routes_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const bus::Route& route) const { return SaltedHash{}(route); }
  };
  std::unordered_map<bus::Route, WorkerId, Hash> ids_;
  std::unordered_map<std::uint64_t, bus::Route> routes_;
  std::uint64_t last_ = 0;
};

}  // namespace quarry::workers
