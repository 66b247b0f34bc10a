#include "actors/workers/lmdb_storage.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/support/catch.hpp"

namespace quarry::workers {
namespace {

class Fixture {
 public:
  explicit Fixture(LmdbStore::Options options = {}) {
    char pattern[] = "/tmp/quarry-storage-XXXXXX";
    REQUIRE(mkdtemp(pattern) != nullptr);
    directory_ = pattern;
    store_ = *LmdbStore::open(directory_, 4, options);
    reader_ = std::move(*LmdbStorage::reader(store_));
    writer_ = LmdbStorage::writer(store_);
  }
  ~Fixture() { std::filesystem::remove_all(directory_); }

  void keep(std::uint64_t job, std::string key, std::string value) {
    CHECK_FALSE(writer_->keep({JobId{job}, Key(key), Payload::of(std::move(value))}));
  }
  void remove(std::uint64_t job, std::string key) {
    CHECK_FALSE(writer_->remove({JobId{job}, Key(key)}));
  }
  std::vector<Work::Answer> answers() {
    std::vector<Work::Answer> answers;
    writer_->take_answers(answers);
    return answers;
  }
  void end_turn() { writer_->turn_ended(); }
  Work::Answer list(std::string after, std::uint32_t most) {
    const auto answer = reader_->list({JobId{9}, Prefix(after), most});
    reader_->turn_ended();
    REQUIRE(answer);
    return *answer;
  }
  Work::Answer look_up(std::string key, std::uint32_t room = 1000) {
    const auto answer = reader_->look_up({JobId{9}, Key(key), room});
    reader_->turn_ended();
    REQUIRE(answer);
    return *answer;
  }
  // Turns one bit wherever this text stands in the file, under the open store.
  void rot(std::string_view text) {
    std::fstream file(directory_ / "data.mdb", std::ios::in | std::ios::out | std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), {});
    REQUIRE(all.find(text) != std::string::npos);
    file.clear();
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(all[at] ^ 1));
    }
  }
  Work& reader() { return *reader_; }
  Work& writer() { return *writer_; }
  LmdbStore& store() { return *store_; }

 private:
  std::filesystem::path directory_;
  std::shared_ptr<LmdbStore> store_;
  std::unique_ptr<Work> reader_;
  std::unique_ptr<Work> writer_;
};

bool done(const Work::Answer& answer, std::uint64_t job) {
  return answer == Work::Answer(worker::Done{JobId{job}});
}

TEST_CASE("N17 nothing is done before the turn's transaction is on disk, then all of it is") {
  Fixture f;
  f.keep(1, "key1", "one");
  f.keep(2, "key2", "two");
  f.remove(3, "key1");
  CHECK(f.answers().empty());
  CHECK(std::holds_alternative<worker::NoData>(f.look_up("key2")));
  f.end_turn();
  const auto answers = f.answers();
  REQUIRE(answers.size() == 3);
  for (std::uint64_t job : {1, 2, 3}) CHECK(done(answers[job - 1], job));
  CHECK(f.look_up("key2") == Work::Answer(worker::Found{JobId{9}, Payload::of("two")}));
  CHECK(std::holds_alternative<worker::NoData>(f.look_up("key1")));
  CHECK(f.answers().empty());
}

TEST_CASE("what is read in one turn is one snapshot, and the next turn sees what was kept") {
  Fixture f;
  CHECK(std::holds_alternative<worker::NoData>(*f.reader().look_up({JobId{1}, Key("key1"), 99})));
  f.keep(1, "key1", "one");
  f.end_turn();
  CHECK(std::holds_alternative<worker::NoData>(*f.reader().look_up({JobId{2}, Key("key1"), 99})));
  f.reader().turn_ended();
  CHECK(std::holds_alternative<worker::Found>(f.look_up("key1")));
}

TEST_CASE("a value beyond the room is too large, and the answer says how large") {
  Fixture f;
  f.keep(1, "key1", std::string(100, 'x'));
  f.end_turn();
  CHECK(f.look_up("key1", 99) == Work::Answer(worker::TooLarge{JobId{9}, 100}));
}

TEST_CASE("a full store fails every job of the turn with the reason, and works again when it can") {
  Fixture f({.map_size = 1 << 20, .largest_map_size = 1 << 20});
  f.keep(1, "key1", "small");
  f.keep(2, "key2", std::string(2 << 20, 'x'));
  f.end_turn();
  const auto answers = f.answers();
  REQUIRE(answers.size() == 2);
  for (const auto& answer : answers) {
    REQUIRE(std::holds_alternative<worker::Failed>(answer));
    CHECK(std::get<worker::Failed>(answer).detail.find("largest size") != std::string::npos);
  }
  CHECK(std::holds_alternative<worker::NoData>(f.look_up("key1")));
  f.keep(3, "key1", "small");
  f.end_turn();
  CHECK(done(f.answers().at(0), 3));
}

TEST_CASE("what is kept is listed after a key, and what was removed told from what was not there") {
  Fixture f;
  const auto entry = [](std::string key, std::uint64_t size) {
    return report::StoredEntry{Key(key), size};
  };
  f.keep(1, "key2", "second");
  f.keep(2, "key1", "one");
  f.keep(3, "key3", "");
  f.end_turn();
  f.answers();
  CHECK(f.list("", 2) ==
        Work::Answer(worker::Listed{JobId{9}, {entry("key1", 3), entry("key2", 6)}}));
  CHECK(f.list("key1", 9) ==
        Work::Answer(worker::Listed{JobId{9}, {entry("key2", 6), entry("key3", 0)}}));
  CHECK(f.list("key2.", 9) == Work::Answer(worker::Listed{JobId{9}, {entry("key3", 0)}}));
  f.remove(4, "key2");
  f.remove(5, "key2");
  f.end_turn();
  const auto answers = f.answers();
  REQUIRE(answers.size() == 2);
  CHECK(done(answers[0], 4));
  CHECK(answers[1] == Work::Answer(worker::NoData{JobId{5}}));
  CHECK(f.list("key1", 9) == Work::Answer(worker::Listed{JobId{9}, {entry("key3", 0)}}));
}

TEST_CASE("a key of another length fails alone") {
  Fixture f;
  f.keep(1, "key1", "one");
  const auto answer = f.writer().keep({JobId{2}, Key("too long"), Payload::of("two")});
  REQUIRE(answer);
  CHECK(std::get<worker::Failed>(*answer).job == JobId{2});
  f.end_turn();
  CHECK(done(f.answers().at(0), 1));
  CHECK(std::holds_alternative<worker::NoData>(f.look_up("too long")));
}

TEST_CASE("N17 a rotten record is no data, never an answer") {
  Fixture f;
  f.keep(1, "key1", "the value of a key that will rot");
  f.keep(2, "key2", "two");
  f.end_turn();
  f.rot("the value of a key");
  CHECK(f.look_up("key1") == Work::Answer(worker::NoData{JobId{9}}));
  CHECK(f.store().rotten() == 1);
  CHECK(std::holds_alternative<worker::Found>(f.look_up("key2")));
}

TEST_CASE("each worker does what it says and nothing else, under one name") {
  Fixture f;
  CHECK(f.reader().about().abilities == (worker::kLooksUp | worker::kLists | worker::kTells));
  CHECK(f.writer().about().abilities == worker::kKeeps);
  CHECK(f.reader().about().name == f.writer().about().name);
  CHECK(f.reader().about().role == WorkerRole::storage);
  CHECK(std::holds_alternative<worker::Failed>(
      *f.reader().keep({JobId{1}, Key("key1"), Payload::of("one")})));
  CHECK(std::holds_alternative<worker::Failed>(*f.writer().look_up({JobId{1}, Key("key1"), 9})));
}

}  // namespace
}  // namespace quarry::workers
