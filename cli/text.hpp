// Text that came from somebody else, made fit to be shown.
#pragma once

#include <string>
#include <string_view>

namespace quarry::cli {

// UTF-8 on one line, with "?" for each control character, each byte that is no UTF-8, and each
// character that turns a terminal's writing direction. What is longer than `most` bytes is cut off
// with "...".
std::string shown(std::string_view text, std::size_t most = std::string_view::npos);

// As a JSON string, with its quotes. What `shown` would replace is escaped; bytes that are no UTF-8
// are replaced.
std::string json_string(std::string_view text);

}  // namespace quarry::cli
