// An always-on assertion for our own bugs: prints file, line and the broken condition, then aborts.
// Never used on anything that comes from outside.
#pragma once

namespace quarry {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}

#define QUARRY_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::quarry::check_failed(__FILE__, __LINE__, #condition))
