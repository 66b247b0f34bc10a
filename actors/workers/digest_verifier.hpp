// A verifier for networks whose keys are digests of their values: `complete` when the digest of the
// value equals the key, else `invalid`. An empty value is a value. It never says anything else, and
// never looks at subscribers.
#pragma once

#include <memory>

#include "actors/workers/work.hpp"
#include "msg/result.hpp"

namespace quarry::workers {

class DigestVerifier {
 public:
  // `digest` is a name that OpenSSL knows. Its output must be as long as the network's keys:
  // nothing is cut to fit.
  static Result<std::unique_ptr<Work>> open(const std::string& digest, std::uint8_t key_length);
};

}  // namespace quarry::workers
