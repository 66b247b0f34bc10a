// Text as it travels: UTF-8 of bounded length. What a stranger sends is shown to people and handed
// to clients in other languages, many of which fail on anything else.
#pragma once

#include <string>
#include <string_view>

namespace quarry {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The text with '?' for each byte that is not part of a character, cut to at most `most` bytes
// between characters.
std::string fit_text(std::string_view text, std::size_t most);

}  // namespace quarry
