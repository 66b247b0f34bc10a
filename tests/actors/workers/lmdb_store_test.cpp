#include "actors/workers/lmdb_store.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/catch.hpp"

namespace quarry::workers {
namespace {

using Answer = LmdbReader::Answer;

// A store in a directory of its own, which goes with it.
class Fixture {
 public:
  explicit Fixture(std::uint8_t key_length = 32, LmdbStore::Options options = {})
      : key_length_(key_length), options_(options) {
    char pattern[] = "/tmp/quarry-store-XXXXXX";
    REQUIRE(mkdtemp(pattern) != nullptr);
    directory_ = pattern;
    open();
  }
  ~Fixture() {
    close();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    auto store = LmdbStore::open(directory_, key_length_, options_);
    if (!store) FAIL(store.error().line());
    store_ = *store;
    reader_ = std::move(*LmdbReader::open(store_));
  }
  void close() {
    reader_.reset();
    store_.reset();
  }
  Key key(unsigned number) const {
    std::string text(key_length_, '\0');
    for (std::size_t i = 0; i < 4 && i < text.size(); ++i) {
      text[text.size() - 1 - i] = static_cast<char>(number >> (8 * i));
    }
    return Key(text);
  }
  Result<> keep(unsigned number, std::string value) {
    LmdbStore::Change change{key(number), Payload::of(std::move(value))};
    return store_->write({&change, 1});
  }
  LmdbReader::Look look(unsigned number, std::size_t room = 1 << 26) {
    auto look = reader_->look_up(key(number), room);
    reader_->end();
    return look;
  }
  std::string value(unsigned number) {
    const auto found = look(number);
    CAPTURE(number, found.detail);
    REQUIRE(found.answer == Answer::found);
    CHECK(found.size == found.value.size());
    return std::string(text_of(found.value.view()));
  }
  // Turns one bit of this text wherever it stands in the file: pages of old snapshots are still
  // there.
  void rot(std::string_view text) {
    close();
    std::fstream file(directory_ / "data.mdb", std::ios::in | std::ios::out | std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    REQUIRE(all.find(text) != std::string::npos);
    file.clear();
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(all[at] ^ 1));
    }
    file.close();
    open();
  }

  LmdbStore& store() { return *store_; }
  LmdbReader& reader() { return *reader_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::uint8_t key_length_;
  LmdbStore::Options options_;
  std::filesystem::path directory_;
  std::shared_ptr<LmdbStore> store_;
  std::unique_ptr<LmdbReader> reader_;
};

// Runs in a process of its own, which is then killed where it stands.
template <class Body>
void run_and_kill(Body body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

TEST_CASE("what was kept is found, what was not is no data, and a later value replaces") {
  Fixture f;
  CHECK(f.look(1).answer == Answer::no_data);
  REQUIRE(f.keep(1, "one"));
  REQUIRE(f.keep(2, "two"));
  CHECK(f.value(1) == "one");
  REQUIRE(f.keep(1, "another, longer one"));
  CHECK(f.value(1) == "another, longer one");
  CHECK(f.value(2) == "two");
}

TEST_CASE("removing is final, and removing what is not there succeeds") {
  Fixture f;
  REQUIRE(f.keep(1, "one"));
  LmdbStore::Change changes[] = {{f.key(1), {}}, {f.key(7), {}}};
  REQUIRE(f.store().write(changes));
  CHECK(f.look(1).answer == Answer::no_data);
}

TEST_CASE("an empty value is a value, and large ones come back as they were") {
  Fixture f;
  for (const std::size_t size : {0, 1, 2030, 2031, 4087, 4096, 65'536, 4 * 1024 * 1024}) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) value[i] = static_cast<char>(i * 31 + size);
    REQUIRE(f.keep(static_cast<unsigned>(size), value));
    CHECK(f.value(static_cast<unsigned>(size)) == value);
  }
}

TEST_CASE("keys of 1 and of 255 bytes are kept, and others than the store's are refused") {
  for (const int length : {1, 255}) {
    Fixture f(static_cast<std::uint8_t>(length));
    REQUIRE(f.keep(200, "value"));
    CHECK(f.value(200) == "value");
    LmdbStore::Change change{Key(std::string(length == 1 ? 2 : 254, 'k')), Payload::of("v")};
    CHECK_FALSE(f.store().write({&change, 1}));
    CHECK(f.reader().look_up(change.key, 100).answer == Answer::no_data);
  }
}

TEST_CASE("a value beyond the room is too large, with its size, and comes with room for it") {
  Fixture f;
  REQUIRE(f.keep(1, std::string(1000, 'x')));
  const auto look = f.look(1, 999);
  CHECK(look.answer == Answer::too_large);
  CHECK(look.size == 1000);
  CHECK(f.look(1, 1000).answer == Answer::found);
}

TEST_CASE("N17 rotten bytes are told from a value and from no data, and are counted") {
  Fixture f;
  const std::string small = "a value that stands among other records";
  const std::string large(100'000, 'L');
  REQUIRE(f.keep(1, small));
  REQUIRE(f.keep(2, large + "the end of a large one" + large));
  REQUIRE(f.keep(3, "an innocent neighbour"));
  f.rot(small);
  CHECK(f.look(1).answer == Answer::rotten);
  CHECK(f.store().rotten() == 1);
  f.rot("the end of a large one");
  CHECK(f.look(2).answer == Answer::rotten);
  CHECK(f.value(3) == "an innocent neighbour");
  REQUIRE(f.keep(1, small));
  CHECK(f.value(1) == small);
}

TEST_CASE("N17 a record under another key, of another version or cut short is rotten") {
  Fixture f;
  REQUIRE(f.keep(1, "the value of one"));
  f.close();
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi values = 0;
  REQUIRE(mdb_env_create(&env) == 0);
  mdb_env_set_maxdbs(env, 2);
  // The store's own size is more than a sanitizer always has room for.
  mdb_env_set_mapsize(env, 16 * 1024 * 1024);
  REQUIRE(mdb_env_open(env, f.directory().c_str(), 0, 0600) == 0);
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  REQUIRE(mdb_dbi_open(txn, "values", 0, &values) == 0);
  const auto put = [&](unsigned number, std::string record) {
    const Key name = f.key(number);
    MDB_val key{name.size(), const_cast<std::byte*>(name.view().data())};
    MDB_val value{record.size(), record.data()};
    REQUIRE(mdb_put(txn, values, &key, &value, 0) == 0);
  };
  const Key name = f.key(1);
  MDB_val key{name.size(), const_cast<std::byte*>(name.view().data())};
  MDB_val stored{};
  REQUIRE(mdb_get(txn, values, &key, &stored) == 0);
  const std::string record(static_cast<const char*>(stored.mv_data), stored.mv_size);
  put(2, record);
  put(3, "\x02" + record.substr(1));
  put(4, record.substr(0, 8));
  put(5, "");
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
  f.open();
  CHECK(f.value(1) == "the value of one");
  for (const unsigned number : {2, 3, 4, 5}) CHECK(f.look(number).answer == Answer::rotten);
}

TEST_CASE("N17 what was acknowledged survives a kill in the middle of everything") {
  Fixture f;
  f.close();
  run_and_kill([&] {
    auto store = LmdbStore::open(f.directory(), 32);
    for (unsigned i = 0; i < 50; ++i) {
      LmdbStore::Change change{f.key(i), Payload::of("value " + std::to_string(i))};
      if (!(*store)->write({&change, 1})) _exit(1);
    }
  });
  f.open();
  for (unsigned i = 0; i < 50; ++i) CHECK(f.value(i) == "value " + std::to_string(i));
}

TEST_CASE("a store that another process or we ourselves have open is busy") {
  Fixture f;
  const auto second = LmdbStore::open(f.directory(), 32);
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == Error::Kind::busy);
  CHECK_FALSE(second.error().remedy.empty());
  REQUIRE(f.keep(1, "still works"));
  CHECK(f.value(1) == "still works");
}

TEST_CASE("a store of another key length is refused with both lengths named") {
  Fixture f;
  f.close();
  const auto store = LmdbStore::open(f.directory(), 20);
  REQUIRE_FALSE(store);
  CHECK(store.error().kind == Error::Kind::config);
  CHECK(store.error().what.find("32") != std::string::npos);
  CHECK(store.error().what.find("20") != std::string::npos);
  f.open();
}

TEST_CASE("a file that is no store is refused with its name") {
  Fixture f;
  f.close();
  std::ofstream(f.directory() / "data.mdb", std::ios::trunc) << std::string(20'000, 'x');
  const auto store = LmdbStore::open(f.directory(), 32);
  REQUIRE_FALSE(store);
  CHECK(store.error().what.find(f.directory().string()) != std::string::npos);
  CHECK(store.error().what.find("damaged") != std::string::npos);
}

TEST_CASE("a full map grows, under an open reader too") {
  Fixture f(32, {.map_size = 1 << 20, .largest_map_size = 1 << 26});
  REQUIRE(f.keep(0, "the first"));
  for (unsigned i = 1; i <= 20; ++i) {
    CAPTURE(i);
    REQUIRE(f.keep(i, std::string(300'000, static_cast<char>('a' + i))));
    CHECK(f.value(0) == "the first");
  }
  for (unsigned i = 1; i <= 20; ++i) {
    CHECK(f.value(i) == std::string(300'000, static_cast<char>('a' + i)));
  }
}

TEST_CASE("a store at its largest size says so, stays intact, and takes small values again") {
  Fixture f(32, {.map_size = 1 << 20, .largest_map_size = 1 << 21});
  REQUIRE(f.keep(0, "the first"));
  unsigned kept = 0;
  Result<> last;
  while ((last = f.keep(kept + 1, std::string(300'000, 'x')))) ++kept;
  CHECK(kept > 2);
  CHECK(last.error().what.find("largest size") != std::string::npos);
  CHECK(f.look(kept + 1).answer == Answer::no_data);
  CHECK(f.value(0) == "the first");
  CHECK(f.value(kept).size() == 300'000);
  LmdbStore::Change removal{f.key(1), {}};
  REQUIRE(f.store().write({&removal, 1}));
  CHECK_FALSE(removal.missing);
  REQUIRE(f.store().write({&removal, 1}));
  CHECK(removal.missing);
  CHECK(f.keep(1, "small"));
}

TEST_CASE("a failed batch leaves nothing of itself") {
  Fixture f(32, {.map_size = 1 << 20, .largest_map_size = 1 << 20});
  LmdbStore::Change changes[] = {{f.key(1), Payload::of("fits")},
                                 {f.key(2), Payload::of(std::string(2 << 20, 'x'))}};
  CHECK_FALSE(f.store().write(changes));
  CHECK(f.look(1).answer == Answer::no_data);
}

TEST_CASE("records are listed in order, page by page, and counted") {
  Fixture f;
  for (unsigned i = 0; i < 10; ++i) REQUIRE(f.keep(9 - i, std::string(9 - i, 'x')));
  std::vector<report::StoredEntry> all;
  Prefix after;
  for (;;) {
    const auto page = f.reader().list(after, 4);
    REQUIRE(page);
    CHECK(page->size() <= 4);
    if (page->empty()) break;
    all.insert(all.end(), page->begin(), page->end());
    after = Prefix(all.back().key.view());
  }
  REQUIRE(all.size() == 10);
  for (unsigned i = 0; i < 10; ++i) {
    CHECK(all[i].key == f.key(i));
    CHECK(all[i].size == i);
  }
  const auto totals = f.reader().totals();
  REQUIRE(totals);
  CHECK(totals->records == 10);
  CHECK(totals->bytes > 0);
}

TEST_CASE("a reader and a writer on threads of their own see whole values only") {
  Fixture f(32, {.map_size = 1 << 20, .largest_map_size = std::size_t{1} << 28});
  constexpr unsigned kKeys = 16;
  constexpr unsigned kRounds = 40;
  for (unsigned i = 0; i < kKeys; ++i) REQUIRE(f.keep(i, std::string(20'000, 'a')));
  std::atomic<bool> writing = true;
  std::atomic<unsigned> failures = 0;
  std::thread writer([&] {
    for (unsigned round = 1; round <= kRounds; ++round) {
      for (unsigned i = 0; i < kKeys; ++i) {
        const char letter = static_cast<char>('a' + round % 26);
        LmdbStore::Change change{f.key(i), Payload::of(std::string(20'000 + round, letter))};
        if (!f.store().write({&change, 1})) ++failures;
      }
    }
    writing = false;
  });
  unsigned looks = 0;
  unsigned torn = 0;
  while (writing || looks == 0) {
    for (unsigned i = 0; i < kKeys; ++i) {
      const auto look = f.reader().look_up(f.key(i), 1 << 20);
      const auto text = text_of(look.value.view());
      const bool whole = look.answer == Answer::found &&
                         text.find_first_not_of(text.front()) == std::string_view::npos;
      torn += whole ? 0 : 1;
      ++looks;
    }
    f.reader().end();
  }
  writer.join();
  CHECK(torn == 0);
  CHECK(failures == 0);
  CHECK(f.store().rotten() == 0);
  for (unsigned i = 0; i < kKeys; ++i) CHECK(f.value(i).size() == 20'000 + kRounds);
}

}  // namespace
}  // namespace quarry::workers
