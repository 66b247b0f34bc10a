// Counts what a program has allocated. In one file of a program only: it replaces operator new.
#pragma once

#include <cstdlib>
#include <new>

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
