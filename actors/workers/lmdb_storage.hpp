// The built-in storage: two workers over one LmdbStore. The reader looks up and may live on any
// loop: what it does is a few page reads. The writer keeps and removes; it waits for the disk, so
// it belongs on a thread of its own. Both go by one name, and so are one storage.
//
// The jobs of a turn are read from one snapshot, or written in one transaction: none is `done`
// before all are on disk. Rotten bytes are "no data" and an alarm in the log, never an answer
// (N17).
#pragma once

#include <memory>
#include <string>

#include "actors/workers/lmdb_store.hpp"
#include "actors/workers/work.hpp"

namespace quarry::workers {

class LmdbStorage {
 public:
  static constexpr const char* kName = "store";
  // Each rotten key is named in the log once, as long as there are no more than these.
  static constexpr std::size_t kAlarms = 64;

  static Result<std::unique_ptr<Work>> reader(std::shared_ptr<LmdbStore> store,
                                              std::string name = kName);
  static std::unique_ptr<Work> writer(std::shared_ptr<LmdbStore> store, std::string name = kName);
};

}  // namespace quarry::workers
