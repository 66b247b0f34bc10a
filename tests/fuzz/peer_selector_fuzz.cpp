// The PeerSelector beside its naive twin: the input says what happens, and
// how its chance falls.
#include <cstdio>

#include "tests/actors/peer_selector/twins.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace quarry;
  test::FromBytes choices(std::as_bytes(std::span(data, size)));
  const std::uint64_t seed = choices.below(256);
  using Setting = peer_selector::Twins::Setting;
  peer_selector::Twins twins(choices, seed, static_cast<Setting>(choices.below(6)));
  constexpr std::uint64_t kMostEvents = 5000;  // a second or two in the tests
  while (!choices.over() && !twins.over() && twins.events() < kMostEvents) twins.step();
  std::fputs(twins.wrong().c_str(), stderr);
  QUARRY_CHECK(twins.wrong().empty());
  return 0;
}
