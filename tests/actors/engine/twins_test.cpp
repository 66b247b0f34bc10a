// The Engine says what its naive twin says, event by event.
#include "tests/actors/engine/twins.hpp"

#include "tests/support/catch.hpp"

namespace quarry::engine {

TEST_CASE("R1 R4 R12 R20 R23 R24 R27 R28 whatever happens, the Engine says what a naive one says") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    test::Seeded choices(seed);
    Twins twins(choices, seed);
    for (int step = 0; step < 400 && twins.wrong().empty(); ++step) twins.step();
    twins.finish();
    REQUIRE(twins.wrong() == "");
  }
}

}  // namespace quarry::engine
