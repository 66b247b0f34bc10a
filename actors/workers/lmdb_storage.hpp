// The storage over an LmdbStore; the built-in one, unless it is given another name. What it does to
// look up is a few page reads, so the reader may live on any loop. The jobs of a turn are read from
// one snapshot, or written in one transaction.
#pragma once

#include <memory>
#include <string>

#include "actors/workers/lmdb_store.hpp"
#include "actors/workers/storage.hpp"

namespace quarry::workers {

class LmdbStorage {
 public:
  static constexpr const char* kName = "store";

  static Result<std::unique_ptr<Work>> reader(std::shared_ptr<LmdbStore> store,
                                              std::string name = kName);
  static std::unique_ptr<Work> writer(std::shared_ptr<LmdbStore> store, std::string name = kName);
};

}  // namespace quarry::workers
