#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quarry::fuzz::one_input<quarry::control::Protocol>(
      {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
