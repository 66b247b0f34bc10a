// The key that follows from a value, in a network where keys are digests.
#pragma once

#include <string>

#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::cli {

// Whether a network can be like this: a digest that is known, and as long as a key.
Result<> check_digest(const Network& network);
// Requires check_digest and a network with a digest.
Result<Key> digest_of(ByteView value, const Network& network);

}  // namespace quarry::cli
