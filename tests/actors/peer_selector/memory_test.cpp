// What a pending fetch costs, measured at the allocator.
#include "actors/peer_selector/core.hpp"
#include "tests/support/allocated.hpp"
#include "tests/support/catch.hpp"

namespace quarry::peer_selector {

TEST_CASE("R3 a pending fetch without targets costs the PeerSelector at most 150 bytes") {
  Core core({}, {}, 1, {});
  core.engine_attached({});
  core.room_granted({1000, 1 << 30});
  const std::size_t before = allocated;
  const std::uint32_t count = 100'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name = "key " + std::to_string(i);
    name.resize(32, '.');
    core.wanted({FetchId{i + 1}, Key(name), Class::normal, {}}, {});
  }
  core.dispatch({});
  core.take_effects();
  CHECK((allocated - before) / count <= 150);
}

}  // namespace quarry::peer_selector
