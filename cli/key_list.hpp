// Keys as a list in a file: one a line, in hexadecimal, at the line's beginning. What follows
// behind blanks may be anything, so that what `quarry put` and sha256sum print is such a list. "#"
// begins a comment.
#pragma once

#include <string>
#include <vector>

#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

struct ListedKey {
  Key key;
  std::string rest;   // of the line
  std::string where;  // "keys:3"
};

Result<std::vector<ListedKey>> parse_key_list(std::string_view text, std::string_view name,
                                              std::size_t key_length);
// "-" is stdin.
Result<std::vector<ListedKey>> read_key_list(const std::string& file, std::size_t key_length);

// The keys that a command is given as words and, with a file, in it; each once, in order. There
// must be one.
Result<std::vector<Key>> keys_given(const std::vector<std::string>& words, const std::string& from,
                                    std::size_t key_length);

}  // namespace quarry::cli
