#include "actors/workers/lmdb_storage.hpp"

namespace quarry::workers {

Result<std::unique_ptr<Work>> LmdbStorage::reader(std::shared_ptr<LmdbStore> store,
                                                  std::string name) {
  auto reader = LmdbReader::open(std::move(store));
  if (!reader) return tl::unexpected(reader.error());
  return storage_reader(std::move(*reader), std::move(name));
}

std::unique_ptr<Work> LmdbStorage::writer(std::shared_ptr<LmdbStore> store, std::string name) {
  return storage_writer(std::move(store), std::move(name));
}

}  // namespace quarry::workers
