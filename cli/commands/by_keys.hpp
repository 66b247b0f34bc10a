// Commands about keys, as many as there are: a message takes only so many, so several go out one
// after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cli/client.hpp"

namespace quarry::cli {

// The sum of what they count. An error says what was done before it.
template <class Command>
Result<std::uint64_t> call_by_keys(Client& client, const std::vector<Key>& keys) {
  std::uint64_t sum = 0;
  for (auto at = keys.begin(); at != keys.end();) {
    const auto end = at + std::min<std::ptrdiff_t>(keys.end() - at, limits::kMaxKeys);
    Command command;
    command.keys.assign(at, end);
    Client::Items ignored;
    const auto count = client.call(std::move(command), ignored);
    if (!count) {
      Error why = count.error();
      if (sum > 0)
        why.what +=
            " (after " + std::to_string(sum) + " of " + std::to_string(keys.size()) + " keys)";
      return tl::unexpected(std::move(why));
    }
    sum += *count;
    at = end;
  }
  return sum;
}

}  // namespace quarry::cli
