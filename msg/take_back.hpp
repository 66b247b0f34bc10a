// What was said in this turn to a partner's earlier life is nothing to the next, which is told all.
#pragma once

#include <type_traits>
#include <variant>
#include <vector>

namespace quarry {

// Drops the effects that are a `To`, or one of what a `To` may be.
template <class To, class Effect>
void take_back(std::vector<Effect>& effects) {
  std::erase_if(effects, [](const Effect& effect) {
    return std::visit(
        []<class Said>(const Said&) { return std::is_constructible_v<To, const Said&>; }, effect);
  });
}

}  // namespace quarry
