// What a pending fetch costs, measured at the allocator.
#include <cstdlib>
#include <new>

#include "actors/engine/core.hpp"
#include "tests/support/catch.hpp"

namespace {
std::size_t allocated = 0;
constexpr std::size_t kHeader = 16;
}  // namespace

void* operator new(std::size_t size) {
  auto* at = static_cast<char*>(std::malloc(size + kHeader));
  if (at == nullptr) std::abort();
  *reinterpret_cast<std::size_t*>(at) = size;
  allocated += size + kHeader;  // about what the allocator itself adds
  return at + kHeader;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void operator delete(void* at) noexcept {
  if (at == nullptr) return;
  auto* start = static_cast<char*>(at) - kHeader;
  allocated -= *reinterpret_cast<std::size_t*>(start) + kHeader;
  std::free(start);
}
void operator delete(void* at, std::size_t) noexcept { operator delete(at); }

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
