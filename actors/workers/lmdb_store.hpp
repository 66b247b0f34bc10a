// Values on disk, in one LMDB environment per process. What is written is on the disk when write()
// returns. What is read is exactly what was written for that key: each record carries a checksum
// over key and value, and a record that does not agree with it is never given out (N17).
//
// Never: WRITEMAP, a read transaction that outlives a turn, two processes in one directory.
//
// The directory holds `data.mdb` and `lock.mdb` (LMDB's) and `owner`, which is locked by the
// process that has the store. A record is
//
//     version, 1 byte (kRecordVersion) | checksum, 8 bytes, XXH3-64 little-endian | value
//
// with the checksum of the key as the seed of that of the value. What LMDB itself keeps around the
// records has no checksum: there, rotten bytes may end the process.
//
// Many threads may read, each with its own LmdbReader, while one writes.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <vector>

#include "actors/workers/storage.hpp"
#include "msg/payload.hpp"
#include "msg/result.hpp"
#include "msg/types.hpp"

struct MDB_env;
struct MDB_txn;

namespace quarry::workers {

class LmdbStore : public WritesValues {
 public:
  static constexpr std::uint32_t kFormat = 1;
  static constexpr std::uint8_t kRecordVersion = 1;
  static constexpr std::size_t kRecordHeader = 9;  // bytes

  struct Options {
    // Address space, not memory nor disk. Where the process may not have that much (RLIMIT_AS), a
    // quarter of it is tried, and so on; a full map is grown while the system gives more.
    std::size_t map_size = std::size_t{1} << 40;          // bytes
    std::size_t largest_map_size = std::size_t{1} << 45;  // bytes; what the store may grow to
  };

  // Makes the directory and an empty store where there is none.
  static Result<std::shared_ptr<LmdbStore>> open(const std::filesystem::path& directory,
                                                 std::uint8_t key_length, Options options);
  static Result<std::shared_ptr<LmdbStore>> open(const std::filesystem::path& directory,
                                                 std::uint8_t key_length) {
    return open(directory, key_length, Options{});
  }
  ~LmdbStore() override;
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  using Change = workers::Change;
  // All of the changes, in order, or none of them; on disk when it returns. A failed write leaves
  // the store as it was.
  Result<> write(std::span<Change> changes) override;

  std::uint8_t key_length() const override { return key_length_; }
  // Rotten records that were read, since the store was opened.
  std::uint64_t rotten() const { return rotten_.load(std::memory_order_relaxed); }

 private:
  friend class LmdbReader;
  LmdbStore(std::filesystem::path directory, std::uint8_t key_length, Options options)
      : directory_(std::move(directory)), key_length_(key_length), options_(options) {}

  Result<> take_directory();
  Result<> open_environment();
  Result<> open_tables();
  int prepare_tables(MDB_txn* txn, std::string& mismatch);
  int write_once(std::span<Change> changes, std::size_t& map_size);
  bool grow(std::size_t map_size);
  Error failed(std::string_view what, int code) const;

  std::filesystem::path directory_;
  std::uint8_t key_length_;
  Options options_;
  int owner_ = -1;
  MDB_env* env_ = nullptr;
  unsigned values_ = 0;  // the table key -> record
  std::mutex writing_;
  // Held shared while a read transaction lives, and alone to move the map.
  std::shared_mutex map_;
  std::atomic<std::uint64_t> rotten_ = 0;
};

// Reads, on one thread. What is read between the first look and end() is one snapshot: end() is to
// be called before the turn ends.
class LmdbReader : public ReadsValues {
 public:
  static Result<std::unique_ptr<LmdbReader>> open(std::shared_ptr<LmdbStore> store);
  bool by_keep_alone() const override { return true; }
  ~LmdbReader() override;
  LmdbReader(const LmdbReader&) = delete;
  LmdbReader& operator=(const LmdbReader&) = delete;

  using Look = workers::Look;
  using Answer = Look::Answer;
  Look look_up(const Key& key, std::size_t room) override;

  Result<std::vector<report::StoredEntry>> list(const Prefix& after, std::size_t most) override;
  struct Totals {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;  // on disk, with what LMDB adds
  };
  Result<Totals> totals();

  void end() override;

 private:
  explicit LmdbReader(std::shared_ptr<LmdbStore> store) : store_(std::move(store)) {}
  int begin();

  std::shared_ptr<LmdbStore> store_;
  MDB_txn* txn_ = nullptr;
  std::shared_lock<std::shared_mutex> in_map_;  // owned between begin() and end()
};

}  // namespace quarry::workers
