// What an operation that can fail gives back: a value, or an Error for a person to read.
// Outcomes of the domain (a verdict, "no data") are enums, not errors.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace quarry {

struct Error {
  enum class Kind { usage, config, busy, unavailable, refused, io, internal };
  Kind kind;
  std::string what;    // what went wrong, with the name of the thing: "port 7001 is in use"
  std::string remedy;  // what to do about it; may be empty
  std::string line() const { return remedy.empty() ? what : what + "; " + remedy; }
};

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> error(Error::Kind kind, std::string what, std::string remedy = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(what), std::move(remedy)});
}

}  // namespace quarry
