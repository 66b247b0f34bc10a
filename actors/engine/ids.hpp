// Names that only the Engine uses.
#pragma once

#include <cstdint>

#include "msg/types.hpp"

namespace quarry::engine {

// One connection of one client, from its Hello until it is gone.
using ClientId = Id<struct ClientIdKind>;

// A place in one of the Engine's tables. Reused: never leaves the core.
using Slot = std::uint32_t;
inline constexpr Slot kNone = UINT32_MAX;

// The three actors at the Engine's links.
enum class Part : std::uint8_t { selector = 1, consumer = 2, producer = 4 };

// Ids in sequence, from wherever the seed says.
template <class Id>
class Sequence {
 public:
  explicit Sequence(std::uint64_t start) : last_{start} {}
  Id next() {
    if (++last_.value == 0) ++last_.value;
    return last_;
  }

 private:
  Id last_;
};

}  // namespace quarry::engine
