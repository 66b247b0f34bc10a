// A folder of mode 0700 that is gone when its test ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "msg/check.hpp"

namespace quarry::bus {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "quarry-XXXXXX").string();
    QUARRY_CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path path;
};

}  // namespace quarry::bus
