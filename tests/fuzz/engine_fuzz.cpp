// The Engine beside its naive twin: the input says what happens.
#include <cstdio>

#include "tests/actors/engine/twins.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace quarry;
  test::FromBytes choices(std::as_bytes(std::span(data, size)));
  engine::Twins twins(choices, 1);
  while (!choices.over() && twins.wrong().empty()) twins.step();
  twins.finish();
  std::fputs(twins.wrong().c_str(), stderr);
  QUARRY_CHECK(twins.wrong().empty());
  return 0;
}
