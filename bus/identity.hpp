// A node's CURVE key pair and its file: mode 0600, two lines, `public` and `secret` in Z85.
#pragma once

#include <filesystem>
#include <string>

#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::bus {

struct Identity {
  PeerKey key;
  std::string secret;  // Z85

  static Identity generate();
  // Refuses a file that others may read, that is damaged, or whose halves do not belong together.
  static Result<Identity> load(const std::filesystem::path& file);
  // Refuses to overwrite.
  Result<> save(const std::filesystem::path& file) const;
};

}  // namespace quarry::bus
