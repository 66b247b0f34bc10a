#include "actors/workers/lmdb_store.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>

namespace quarry::workers {
namespace {

constexpr std::size_t kSmallestMap = std::size_t{1} << 26;
constexpr const char* kValuesTable = "values";
constexpr const char* kAboutTable = "about";
// Below this many free bytes a write that the system cut short is one that found no space.
constexpr std::uint64_t kNoSpace = 1 << 20;

MDB_val val(ByteView bytes) { return {bytes.size(), const_cast<std::byte*>(bytes.data())}; }
ByteView bytes_of_val(const MDB_val& value) {
  return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

std::uint64_t checksum(ByteView key, ByteView value) {
  return XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
}

void write_header(std::byte* to, std::uint64_t sum) {
  to[0] = std::byte{LmdbStore::kRecordVersion};
  for (int i = 0; i < 8; ++i) to[1 + i] = static_cast<std::byte>(sum >> (8 * i) & 0xff);
}

std::uint64_t header_checksum(ByteView record) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 8; ++i) sum |= std::to_integer<std::uint64_t>(record[1 + i]) << (8 * i);
  return sum;
}

// A file that was just made is on disk only when its directory is.
void sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

// Ends a transaction that is not committed.
struct Abort {
  void operator()(MDB_txn* txn) const { mdb_txn_abort(txn); }
};
using Transaction = std::unique_ptr<MDB_txn, Abort>;

int begin_write(MDB_env* env, Transaction& to) {
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(env, nullptr, 0, &txn);
  to.reset(code == MDB_SUCCESS ? txn : nullptr);
  return code;
}

// Compares a number of the table `about` with what it must be; writes it into an empty table.
int check_about(MDB_txn* txn, MDB_dbi about, std::string_view name, std::uint64_t expected,
                std::string& mismatch) {
  MDB_val key = val(bytes_of(name));
  MDB_val stored{};
  const std::string text = std::to_string(expected);
  int code = mdb_get(txn, about, &key, &stored);
  if (code == MDB_NOTFOUND) {
    stored = val(bytes_of(text));
    return mdb_put(txn, about, &key, &stored, MDB_NOOVERWRITE);
  }
  if (code == MDB_SUCCESS && text_of(bytes_of_val(stored)) != text) {
    mismatch =
        std::string(name) + " " + std::string(text_of(bytes_of_val(stored))) + ", not " + text;
  }
  return code;
}

}  // namespace

Error LmdbStore::failed(std::string_view what, int code) const {
  const std::string where = std::string(what) + " " + directory_.string();
  struct statvfs disk {};
  const bool cut_short = code == EIO && statvfs(directory_.c_str(), &disk) == 0 &&
                         disk.f_bavail * disk.f_frsize < kNoSpace;
  if (code == ENOSPC || code == EDQUOT || cut_short) {
    return {Error::Kind::io, "no space left on device: cannot " + where,
            "free some space; what is stored is intact"};
  }
  if (code == MDB_MAP_FULL) {
    return {Error::Kind::io, "the store has reached its largest size: cannot " + where,
            "remove values or allow it more"};
  }
  if (code == EACCES || code == EPERM || code == EROFS) {
    return {Error::Kind::io, "cannot " + where + ": " + mdb_strerror(code),
            "give this user the right to write there"};
  }
  if (code == MDB_INVALID || code == MDB_VERSION_MISMATCH || code == MDB_CORRUPTED) {
    return {Error::Kind::io, "cannot " + where + ": data.mdb is damaged or no store",
            "restore it from a copy or move it away"};
  }
  return {Error::Kind::io, "cannot " + where + ": " + mdb_strerror(code), {}};
}

Result<std::shared_ptr<LmdbStore>> LmdbStore::open(const std::filesystem::path& directory,
                                                   std::uint8_t key_length, Options options) {
  QUARRY_CHECK(key_length > 0);
  std::shared_ptr<LmdbStore> store(new LmdbStore(directory, key_length, options));
  for (auto step :
       {&LmdbStore::take_directory, &LmdbStore::open_environment, &LmdbStore::open_tables}) {
    if (const Result<> done = (*store.*step)(); !done) return tl::unexpected(done.error());
  }
  return store;
}

Result<> LmdbStore::take_directory() {
  std::error_code code;
  if (std::filesystem::create_directories(directory_, code)) {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, code);
  }
  if (code) return tl::unexpected(failed("make the store", code.value()));
  const auto file = directory_ / "owner";
  owner_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (owner_ < 0) return tl::unexpected(failed("open the store", errno));
  if (flock(owner_, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return tl::unexpected(failed("lock the store", errno));
  return error(Error::Kind::busy, "the store " + directory_.string() + " is in use",
               "stop the other process or choose another directory");
}

Result<> LmdbStore::open_environment() {
  const auto file = directory_ / "data.mdb";
  const bool is_new = ::access(file.c_str(), F_OK) != 0;
  int code = MDB_SUCCESS;
  for (std::size_t size = options_.map_size;; size /= 4) {
    code = mdb_env_create(&env_);
    if (code != MDB_SUCCESS) return tl::unexpected(failed("open the store", code));
    mdb_env_set_maxdbs(env_, 2);
    mdb_env_set_mapsize(env_, size);
    code = mdb_env_open(env_, directory_.c_str(), MDB_NOTLS, 0600);
    if (code == MDB_SUCCESS) break;
    mdb_env_close(env_);
    env_ = nullptr;
    if (code != ENOMEM || size / 4 < kSmallestMap) {
      return tl::unexpected(failed("open the store", code));
    }
  }
  if (is_new) sync_directory(directory_);
  return {};
}

Result<> LmdbStore::open_tables() {
  Transaction txn;
  std::string mismatch;
  int code = begin_write(env_, txn);
  if (code == MDB_SUCCESS) code = prepare_tables(txn.get(), mismatch);
  if (code == MDB_SUCCESS && mismatch.empty()) code = mdb_txn_commit(txn.release());
  if (code != MDB_SUCCESS) return tl::unexpected(failed("open the store", code));
  if (!mismatch.empty()) {
    return error(Error::Kind::config, "the store " + directory_.string() + " has " + mismatch,
                 "use a store of this network and version, or an empty directory");
  }
  return {};
}

int LmdbStore::prepare_tables(MDB_txn* txn, std::string& mismatch) {
  MDB_dbi about = 0;
  int code = mdb_dbi_open(txn, kAboutTable, MDB_CREATE, &about);
  if (code == MDB_SUCCESS) code = check_about(txn, about, "format", kFormat, mismatch);
  if (code == MDB_SUCCESS && mismatch.empty()) {
    code = check_about(txn, about, "key_length", key_length_, mismatch);
  }
  if (code == MDB_SUCCESS) code = mdb_dbi_open(txn, kValuesTable, MDB_CREATE, &values_);
  return code;
}

LmdbStore::~LmdbStore() {
  if (env_ != nullptr) mdb_env_close(env_);
  if (owner_ >= 0) ::close(owner_);
}

Result<> LmdbStore::write(std::span<Change> changes) {
  const std::scoped_lock lock(writing_);
  for (const Change& change : changes) {
    if (change.key.size() != key_length_) {
      return error(Error::Kind::refused, "keys of the store " + directory_.string() + " have " +
                                             std::to_string(key_length_) + " bytes, not " +
                                             std::to_string(change.key.size()));
    }
  }
  for (;;) {
    std::size_t map_size = 0;
    const int code = write_once(changes, map_size);
    if (code == MDB_SUCCESS) return {};
    if (code == MDB_MAP_FULL && grow(map_size)) continue;
    return tl::unexpected(failed("write to the store", code));
  }
}

int LmdbStore::write_once(std::span<Change> changes, std::size_t& map_size) {
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  map_size = info.me_mapsize;
  Transaction txn;
  int code = begin_write(env_, txn);
  for (Change& change : changes) {
    if (code != MDB_SUCCESS) return code;
    MDB_val key = val(change.key.view());
    if (!change.value) {
      code = mdb_del(txn.get(), values_, &key, nullptr);
      change.missing = code == MDB_NOTFOUND;
      if (change.missing) code = MDB_SUCCESS;
      continue;
    }
    const ByteView value = change.value->view();
    MDB_val record{kRecordHeader + value.size(), nullptr};
    code = mdb_put(txn.get(), values_, &key, &record, MDB_RESERVE);
    if (code != MDB_SUCCESS) return code;
    auto* to = static_cast<std::byte*>(record.mv_data);
    write_header(to, checksum(change.key.view(), value));
    if (!value.empty()) std::memcpy(to + kRecordHeader, value.data(), value.size());
  }
  return code == MDB_SUCCESS ? mdb_txn_commit(txn.release()) : code;
}

bool LmdbStore::grow(std::size_t map_size) {
  if (map_size >= options_.largest_map_size) return false;
  const std::size_t size = std::min(2 * map_size, options_.largest_map_size);
  // LMDB lets go of the old map before it asks for the new one, and cannot go back.
  void* probe = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, size);
  const std::unique_lock lock(map_);
  QUARRY_CHECK(mdb_env_set_mapsize(env_, size) == MDB_SUCCESS);
  return true;
}

Result<std::unique_ptr<LmdbReader>> LmdbReader::open(std::shared_ptr<LmdbStore> store) {
  std::unique_ptr<LmdbReader> reader(new LmdbReader(std::move(store)));
  const std::shared_lock lock(reader->store_->map_);
  const int code = mdb_txn_begin(reader->store_->env_, nullptr, MDB_RDONLY, &reader->txn_);
  if (code != MDB_SUCCESS) {
    reader->txn_ = nullptr;
    return tl::unexpected(reader->store_->failed("read the store", code));
  }
  mdb_txn_reset(reader->txn_);
  return reader;
}

LmdbReader::~LmdbReader() {
  end();
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

int LmdbReader::begin() {
  if (in_map_.owns_lock()) return MDB_SUCCESS;
  in_map_ = std::shared_lock(store_->map_);
  const int code = mdb_txn_renew(txn_);
  if (code != MDB_SUCCESS) in_map_.unlock();
  return code;
}

void LmdbReader::end() {
  if (!in_map_.owns_lock()) return;
  mdb_txn_reset(txn_);
  in_map_.unlock();
}

LmdbReader::Look LmdbReader::look_up(const Key& key, std::size_t room) {
  if (key.size() != store_->key_length_) return {};
  MDB_val record{};
  int code = begin();
  if (code == MDB_SUCCESS) {
    MDB_val name = val(key.view());
    code = mdb_get(txn_, store_->values_, &name, &record);
  }
  if (code == MDB_NOTFOUND) return {};
  if (code != MDB_SUCCESS) {
    return {Answer::failed, {}, 0, store_->failed("read the store", code).line()};
  }
  const ByteView bytes = bytes_of_val(record);
  const bool known =
      bytes.size() >= LmdbStore::kRecordHeader && bytes[0] == std::byte{LmdbStore::kRecordVersion};
  if (known) {
    const std::size_t size = bytes.size() - LmdbStore::kRecordHeader;
    if (size > room) return {Answer::too_large, {}, size, {}};
    // The copy is what is checked, because the copy is what is given out.
    Payload value = Payload::copy_of(bytes.subspan(LmdbStore::kRecordHeader));
    if (checksum(key.view(), value.view()) == header_checksum(bytes)) {
      return {Answer::found, std::move(value), size, {}};
    }
  }
  store_->rotten_.fetch_add(1, std::memory_order_relaxed);
  return {Answer::rotten, {}, 0, "it is rotten; check the disk, and put or fetch it again"};
}

Result<std::vector<report::StoredEntry>> LmdbReader::list(const Prefix& after, std::size_t most) {
  std::vector<report::StoredEntry> entries;
  MDB_cursor* cursor = nullptr;
  int code = begin();
  if (code == MDB_SUCCESS) code = mdb_cursor_open(txn_, store_->values_, &cursor);
  MDB_val key = val(after.view());
  MDB_val record{};
  if (code == MDB_SUCCESS) {
    code = mdb_cursor_get(cursor, &key, &record, after.empty() ? MDB_FIRST : MDB_SET_RANGE);
  }
  if (code == MDB_SUCCESS && Prefix(bytes_of_val(key)) == after) {
    code = mdb_cursor_get(cursor, &key, &record, MDB_NEXT);
  }
  while (code == MDB_SUCCESS && entries.size() < most) {
    const std::size_t size = record.mv_size;
    entries.push_back({Key(bytes_of_val(key)),
                       size < LmdbStore::kRecordHeader ? 0 : size - LmdbStore::kRecordHeader});
    code = mdb_cursor_get(cursor, &key, &record, MDB_NEXT);
  }
  if (cursor != nullptr) mdb_cursor_close(cursor);
  end();
  if (code != MDB_SUCCESS && code != MDB_NOTFOUND) {
    return tl::unexpected(store_->failed("read the store", code));
  }
  return entries;
}

Result<LmdbReader::Totals> LmdbReader::totals() {
  MDB_stat stat{};
  int code = begin();
  if (code == MDB_SUCCESS) code = mdb_stat(txn_, store_->values_, &stat);
  end();
  if (code != MDB_SUCCESS) return tl::unexpected(store_->failed("read the store", code));
  const std::uint64_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return Totals{stat.ms_entries, pages * stat.ms_psize};
}

}  // namespace quarry::workers
