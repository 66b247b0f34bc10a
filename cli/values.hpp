// What people type and read: keys, endpoints, durations, sizes. Nothing here touches the world.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "msg/result.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

Result<Key> parse_key(std::string_view text, std::size_t length);
// The first bytes of keys of this length, none to all of them.
Result<Prefix> parse_prefix(std::string_view text, std::size_t length);

// "500ms", "2s", "5m", "1h30m", "7d"; a number alone is seconds.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
// "4096", "64KiB", "4MiB", "1GiB"; K, M and G are short for these.
Result<std::uint64_t> parse_size(std::string_view text);

// tcp://HOST:PORT, where a peer is reached.
Result<> check_endpoint(std::string_view endpoint);
// tcp://ADDRESS:PORT or "none"; gives back what a node is told, empty for none.
Result<std::string> parse_listen(std::string_view text);

// What a peer or a network may be called: letters, digits, ".", "_" and "-", at most 64.
Result<> check_name(std::string_view what, std::string_view name);

std::string format_duration(std::chrono::milliseconds duration);  // "350 ms", "2.5 s", "3 min 20 s"
std::string format_size(std::uint64_t bytes);                     // "17 B", "1.2 MiB"

}  // namespace quarry::cli
