#include "cli/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "cli/text.hpp"

namespace quarry::cli {
namespace {

using std::chrono::milliseconds;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Takes a number off the front of the text.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

// Takes the letters off the front of the text, if they are one of these units.
std::optional<std::uint64_t> take_unit(std::string_view& text, std::span<const Unit> units) {
  const std::size_t end = std::min(
      text.size(),
      static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_digit) - text.begin()));
  for (const Unit& unit : units) {
    if (text.substr(0, end) == unit.name) {
      text.remove_prefix(end);
      return unit.size;
    }
  }
  return std::nullopt;
}

// A sum of numbers with units, at most `most`; a number alone counts in `unit`.
std::optional<std::uint64_t> take_sum(std::string_view text, std::span<const Unit> units,
                                      std::uint64_t unit, std::uint64_t most) {
  std::uint64_t sum = 0;
  do {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto size = text.empty() ? unit : take_unit(text, units);
    if (!size || *number > (most - sum) / *size) return std::nullopt;
    sum += *number * *size;
  } while (!text.empty());
  return sum;
}

// Splits host and port of what follows tcp://; false where it is nothing of the kind.
bool host_and_port(std::string_view text, std::string_view& host, std::uint64_t& port) {
  if (!text.starts_with("tcp://")) return false;
  text.remove_prefix(6);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  host = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find(':') != std::string_view::npos) return false;
  const bool plain = std::all_of(host.begin(), host.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '/' && c != ';' && c != '@' && c != '"';
  });
  if (!plain || digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return false;
  }
  const auto number = take_number(digits);
  port = number.value_or(0);
  return number && port >= 1 && port <= 65535;
}

}  // namespace

Result<Key> parse_key(std::string_view text, std::size_t length) {
  const std::string remedy =
      "keys of this network have " + std::to_string(2 * length) + " hexadecimal digits";
  if (text.size() != 2 * length) {
    return error(Error::Kind::usage,
                 "key '" + shown(text, 80) + "' has " + std::to_string(text.size()) +
                     (text.size() == 1 ? " character" : " characters"),
                 remedy);
  }
  const auto wrong = std::find_if_not(text.begin(), text.end(), is_hex);
  if (wrong != text.end()) {
    return error(Error::Kind::usage,
                 "key '" + shown(text, 80) + "' has '" + shown({wrong, wrong + 1}) +
                     "' at character " + std::to_string(wrong - text.begin() + 1),
                 remedy);
  }
  const auto key = key_from_hex(text, length);
  QUARRY_CHECK(key.has_value());
  return *key;
}

Result<Prefix> parse_prefix(std::string_view text, std::size_t length) {
  const bool fits = text.size() % 2 == 0 && text.size() <= 2 * length &&
                    std::all_of(text.begin(), text.end(), is_hex);
  if (!fits) {
    return error(Error::Kind::usage, "'" + shown(text, 80) + "' is no beginning of a key",
                 "use an even number of hexadecimal digits, at most " + std::to_string(2 * length));
  }
  return text.empty() ? Prefix() : Prefix(key_from_hex(text, text.size() / 2)->view());
}

Result<milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 5> kUnits{
      Unit{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  constexpr std::uint64_t kTenYears = 3650ULL * 86'400'000;
  const auto sum = take_sum(text, kUnits, 1000, kTenYears);
  if (!sum) {
    return error(Error::Kind::usage, "'" + shown(text, 40) + "' is no duration",
                 "write it like 500ms, 30s, 5m, 2h or 7d");
  }
  return milliseconds(*sum);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<Unit, 7> kUnits{Unit{"B", 1},    {"K", 1 << 10},   {"KiB", 1 << 10},
                                              {"M", 1 << 20},  {"MiB", 1 << 20}, {"G", 1 << 30},
                                              {"GiB", 1 << 30}};
  const auto sum = take_sum(text, kUnits, 1, std::uint64_t{1} << 62);
  if (!sum) {
    return error(Error::Kind::usage, "'" + shown(text, 40) + "' is no size",
                 "write it in bytes, or like 64KiB, 4MiB or 1GiB");
  }
  return *sum;
}

Result<> check_endpoint(std::string_view endpoint) {
  std::string_view host;
  std::uint64_t port = 0;
  if (endpoint.size() <= 255 && host_and_port(endpoint, host, port) && host != "*" &&
      host != "0.0.0.0") {
    return {};
  }
  return error(Error::Kind::usage, "'" + shown(endpoint, 80) + "' is no address of a peer",
               "write it like tcp://10.0.0.7:7000 or tcp://host.example:7000");
}

Result<std::string> parse_listen(std::string_view text) {
  if (text == "none" || text.empty()) return std::string();
  std::string_view host;
  std::uint64_t port = 0;
  if (text.size() <= 255 && host_and_port(text, host, port)) return std::string(text);
  return error(Error::Kind::usage, "'" + shown(text, 80) + "' is no address to listen at",
               "write it like tcp://0.0.0.0:7000, or none for a node that only asks");
}

Result<> check_name(std::string_view what, std::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
               c == '_' || c == '-';
      });
  // What looks like a key must not name somebody else.
  if (fits && !peer_from_z85(name)) return {};
  return error(Error::Kind::usage, "'" + shown(name, 80) + "' is no name for " + std::string(what),
               "use up to 64 letters, digits, '.', '_' and '-'");
}

std::string format_duration(milliseconds duration) {
  const auto ms = duration.count();
  char text[64];
  if (ms < 1000) {
    std::snprintf(text, sizeof text, "%lld ms", static_cast<long long>(ms));
  } else if (ms < 60'000) {
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms / 100) / 10);
  } else if (ms < 3'600'000) {
    std::snprintf(text, sizeof text, "%lld min %lld s", static_cast<long long>(ms / 60'000),
                  static_cast<long long>(ms / 1000 % 60));
  } else if (ms < 48 * 3'600'000LL) {
    std::snprintf(text, sizeof text, "%lld h %lld min", static_cast<long long>(ms / 3'600'000),
                  static_cast<long long>(ms / 60'000 % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld days", static_cast<long long>(ms / 86'400'000));
  }
  return text;
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", size, kUnits[unit]);
  return text;
}

}  // namespace quarry::cli
