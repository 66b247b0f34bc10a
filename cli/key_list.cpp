#include "cli/key_list.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/files.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

// Ten million keys of the usual length, with names behind them.
constexpr std::size_t kMostBytes = std::size_t{2} << 30;
constexpr std::string_view kBlanks = " \t\r";

}  // namespace

Result<std::vector<ListedKey>> parse_key_list(std::string_view text, std::string_view name,
                                              std::size_t key_length) {
  std::vector<ListedKey> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
    // sha256sum marks a line whose file name is escaped.
    if (line.starts_with('\\')) line.remove_prefix(1);
    const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
    if (word.empty() || word.starts_with('#')) continue;
    const std::string where = std::string(name) + ":" + std::to_string(number);
    auto key = parse_key(word, key_length);
    if (!key) {
      Error why = key.error();
      why.what = where + ": " + why.what;
      return tl::unexpected(std::move(why));
    }
    line.remove_prefix(word.size());
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    keys.push_back({std::move(*key), std::string(line), where});
  }
  return keys;
}

Result<std::vector<ListedKey>> read_key_list(const std::string& file, std::size_t key_length) {
  const bool in = file == "-";
  const auto text =
      in ? read_descriptor(STDIN_FILENO, "stdin", kMostBytes) : read_file(file, kMostBytes);
  if (!text) return tl::unexpected(text.error());
  return parse_key_list(*text, in ? "stdin" : file, key_length);
}

Result<std::vector<Key>> keys_given(const std::vector<std::string>& words, const std::string& from,
                                    std::size_t key_length) {
  if (words.empty() && from.empty()) {
    return error(Error::Kind::usage, "no key was given", "name keys, or use --from FILE");
  }
  std::set<Key> keys;
  for (const std::string& word : words) {
    auto key = parse_key(word, key_length);
    if (!key) return tl::unexpected(key.error());
    keys.insert(std::move(*key));
  }
  if (!from.empty()) {
    auto listed = read_key_list(from, key_length);
    if (!listed) return tl::unexpected(listed.error());
    for (ListedKey& one : *listed) keys.insert(std::move(one.key));
  }
  return std::vector<Key>(keys.begin(), keys.end());
}

}  // namespace quarry::cli
