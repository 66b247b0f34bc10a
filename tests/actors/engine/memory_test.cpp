// What a pending fetch costs, measured at the allocator.
#include "actors/engine/core.hpp"
#include "tests/support/allocated.hpp"
#include "tests/support/catch.hpp"

namespace quarry::engine {

TEST_CASE("R3 a pending fetch with one subscriber costs the Engine at most 160 bytes") {
  Core core({}, {}, 1, {});
  core.selector_attached({});
  core.client_greeted(ClientId{1}, {});
  const std::size_t before = allocated;
  const std::uint32_t count = 100'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string name = "key " + std::to_string(i);
    name.resize(32, '.');
    core.fetch_asked(ClientId{1}, {Tag("8 bytes!"), Key(name), {}}, {});
    if (i % 100 == 0) core.take_effects();
  }
  core.take_effects();
  REQUIRE(core.fetches() == count);
  CHECK((allocated - before) / count <= 160);
}

}  // namespace quarry::engine
