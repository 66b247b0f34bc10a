#include "actors/engine/errands.hpp"

namespace quarry::engine {

bool Errands::add(CallId id, Errand errand) {
  if (Budget* budget = this->budget(errand.kind)) {
    if (!budget->fits(errand.value.size())) return false;
    budget->take(errand.value.size());
  }
  all_.emplace(id, std::move(errand));
  return true;
}

std::optional<Errand> Errands::done(CallId id) {
  auto node = all_.extract(id);
  if (node.empty()) return std::nullopt;
  if (Budget* budget = this->budget(node.mapped().kind)) budget->give(node.mapped().value.size());
  return std::move(node.mapped());
}

void Errands::check_invariants() const {
  Held keeps, removes;
  for (const auto& [id, errand] : all_) {
    if (errand.kind == Errand::Kind::keep) {
      keeps.slots += 1;
      keeps.bytes += errand.value.size();
    } else if (errand.kind == Errand::Kind::remove) {
      removes.slots += 1;
    }
  }
  QUARRY_CHECK(keeps == keeps_.held() && removes == removes_.held());
}

}  // namespace quarry::engine
