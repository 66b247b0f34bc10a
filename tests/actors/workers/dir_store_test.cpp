#include "actors/workers/dir_store.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "tests/bus/temporary.hpp"
#include "tests/support/catch.hpp"

namespace quarry::workers {
namespace {

namespace fs = std::filesystem;
using Answer = Look::Answer;

// sha256 of "hello", and of "world".
constexpr const char* kHello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
constexpr const char* kWorld = "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7";

Network network_of(std::string digest) { return {"main", 32, 1 << 20, std::move(digest)}; }

class Fixture {
 public:
  explicit Fixture(std::string digest) : network_(network_of(std::move(digest))) {
    reader_ = std::move(*dir_store::open_reader(folder_.path, network_));
  }
  const fs::path& folder() const { return folder_.path; }
  void put(const fs::path& file, std::string_view text) {
    std::ofstream(folder() / file, std::ios::binary) << text;
  }
  std::string got(const fs::path& file) {
    std::ifstream in(folder() / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Look look(std::string_view hex, std::size_t room = 1000) {
    return reader_->look_up(*key_from_hex(hex, 32), room);
  }
  ReadsValues& reader() { return *reader_; }
  std::vector<report::StoredEntry> list(ByteView after, std::size_t most) {
    auto page = reader_->list(Prefix(after), most);
    REQUIRE(page);
    return *page;
  }
  std::vector<report::StoredEntry> list(std::string_view after, std::size_t most) {
    return list(bytes_of(after), most);
  }
  std::string found(std::string_view hex) {
    const Look look = this->look(hex);
    CAPTURE(look.detail);
    REQUIRE(look.answer == Answer::found);
    return std::string(text_of(look.value.view()));
  }
  WritesValues& writer() {
    if (!writer_) writer_ = std::move(*dir_store::open_writer(folder(), network_));
    return *writer_;
  }
  Result<> keep(std::string_view hex, std::string value) {
    Change change{*key_from_hex(hex, 32), Payload::of(std::move(value))};
    return writer().write({&change, 1});
  }
  Result<> remove(std::string_view hex) {
    Change change{*key_from_hex(hex, 32), std::nullopt};
    return writer().write({&change, 1});
  }
  std::set<std::string> files() {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder())) {
      if (entry.is_regular_file()) names.insert(fs::relative(entry, folder()).string());
    }
    return names;
  }
  const Network& network() const { return network_; }
  void drop_writer() { writer_.reset(); }

 private:
  bus::TemporaryFolder folder_;
  Network network_;
  std::unique_ptr<ReadsValues> reader_;
  std::unique_ptr<WritesValues> writer_;
};

TEST_CASE("A file of a folder is found by its name, also one that was added later") {
  Fixture f("sha256");
  CHECK(f.look(kHello).answer == Answer::no_data);
  f.put(kHello, "hello");
  CHECK(f.found(kHello) == "hello");
  fs::create_directory(f.folder() / "48");
  f.put(fs::path("48") / kWorld, "world");
  CHECK(f.found(kWorld) == "world");
  fs::remove(f.folder() / kHello);
  CHECK(f.look(kHello).answer == Answer::no_data);
}

TEST_CASE("N17 where keys are digests, a file whose digest is not its name is no answer") {
  Fixture f("sha256");
  f.put(kHello, "hell");
  const Look look = f.look(kHello);
  CHECK(look.answer == Answer::rotten);
  CHECK(look.detail.find(kHello) != std::string::npos);
  f.put(kHello, "hello");
  CHECK(f.found(kHello) == "hello");
}

TEST_CASE("N17 where keys are no digests, a file counts only with its digest beside it") {
  Fixture f("");
  const std::string key(64, '7');
  f.put(key, "hello");
  CHECK(f.look(key).answer == Answer::rotten);
  CHECK(f.look(key).detail.find("sha256sum") != std::string::npos);
  f.put(key + ".sha256", std::string(kHello) + "  " + key + "\n");
  CHECK(f.found(key) == "hello");
  f.put(key, "hellp");
  CHECK(f.look(key).answer == Answer::rotten);
  f.put(key, "world");
  f.put(key + ".sha256", std::string(kHello) + "  old\n\\" + kWorld + "  new\n");
  CHECK(f.found(key) == "world");
}

TEST_CASE("A file beyond the room is too large, and the answer says how large") {
  Fixture f("sha256");
  f.put(kHello, "hello");
  CHECK(f.look(kHello, 4).answer == Answer::too_large);
  CHECK(f.look(kHello, 4).size == 5);
  CHECK(f.look(kHello, 5).answer == Answer::found);
}

TEST_CASE("An empty value is a value") {
  Fixture f("sha256");
  constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(f.look(kEmpty).answer == Answer::no_data);
  f.put(kEmpty, "");
  CHECK(f.found(kEmpty).empty());
}

TEST_CASE("What is no file is no answer, and holds up nobody") {
  Fixture f("sha256");
  REQUIRE(::mkfifo((f.folder() / kHello).c_str(), 0600) == 0);
  CHECK(f.look(kHello).answer == Answer::rotten);
  fs::create_directory(f.folder() / kWorld);
  CHECK(f.look(kWorld).answer == Answer::rotten);
}

TEST_CASE("What is kept is found, replaces what was there, and can be removed") {
  for (const char* digest : {"sha256", ""}) {
    CAPTURE(digest);
    Fixture f(digest);
    const bool digests = *digest != '\0';
    REQUIRE(f.keep(kHello, "hello"));
    CHECK(f.found(kHello) == "hello");
    if (!digests) {
      REQUIRE(f.keep(kHello, "another"));
      CHECK(f.found(kHello) == "another");
      CHECK(f.got(std::string(kHello) + ".sha256").find(kHello) != std::string::npos);
    }
    std::set<std::string> files{".lock", kHello};
    if (!digests) files.insert(std::string(kHello) + ".sha256");
    CHECK(f.files() == files);
    REQUIRE(f.remove(kHello));
    REQUIRE(f.remove(kHello));
    CHECK(f.look(kHello).answer == Answer::no_data);
    CHECK(f.files() == std::set<std::string>{".lock"});
  }
}

TEST_CASE("N17 a value that is being replaced is good at each moment") {
  Fixture f("");
  REQUIRE(f.keep(kHello, "one"));
  REQUIRE(f.keep(kHello, "two"));
  // As a writer leaves it that died between the two renames: the new digest, the old value.
  f.put(kHello, "one");
  CHECK(f.found(kHello) == "one");
}

TEST_CASE("What is kept goes to the sub-folder of its key, where there is one") {
  Fixture f("sha256");
  fs::create_directory(f.folder() / "2c");
  REQUIRE(f.keep(kHello, "hello"));
  REQUIRE(f.keep(kWorld, "world"));
  CHECK(f.files() == std::set<std::string>{".lock", kWorld, "2c/" + std::string(kHello)});
  CHECK(f.found(kHello) == "hello");
}

TEST_CASE("Several values of a turn are kept together; what cannot be written is an error") {
  Fixture f("");
  std::vector<Change> changes;
  for (char c = '0'; c <= '9'; ++c) {
    changes.push_back({*key_from_hex(std::string(64, c), 32), Payload::of(std::string(100, c))});
  }
  changes.push_back({*key_from_hex(std::string(64, '3'), 32), std::nullopt});
  REQUIRE(f.writer().write(changes));
  CHECK(f.found(std::string(64, '9')) == std::string(100, '9'));
  CHECK(f.look(std::string(64, '3')).answer == Answer::no_data);

  fs::create_directory(f.folder() / kHello);
  const auto written = f.keep(kHello, "hello");
  REQUIRE_FALSE(written);
  CHECK(written.error().what.find(kHello) != std::string::npos);
}

TEST_CASE(
    "What a folder has is listed in order, page by page: files with the names of keys alone") {
  Fixture f("");
  fs::create_directory(f.folder() / "22");
  for (const char c : {'3', '1', '2', '0'}) {
    REQUIRE(f.keep(std::string(64, c), std::string(static_cast<std::size_t>(c - '0'), 'x')));
  }
  f.put("notes", "no key");
  f.put(std::string(64, 'A'), "an upper-case name");
  f.put("22/" + std::string(64, '7'), "in the wrong folder");
  fs::create_directory(f.folder() / std::string(64, '4'));
  CHECK(f.files().contains("22/" + std::string(64, '2')));
  auto page = f.list("", 3);
  REQUIRE(page.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(page[i].key == *key_from_hex(std::string(64, static_cast<char>('0' + i)), 32));
    CHECK(page[i].size == i);
  }
  page = f.list(page[2].key.view(), 3);
  REQUIRE(page.size() == 1);
  CHECK(page[0].size == 3);
  CHECK(f.list(page[0].key.view(), 3).empty());
}

TEST_CASE("A folder that is gone cannot be listed") {
  Fixture f("");
  fs::remove_all(f.folder());
  CHECK_FALSE(f.reader().list({}, 3));
}

TEST_CASE("What is removed is told from what was not there") {
  Fixture f("");
  REQUIRE(f.keep(kHello, "hello"));
  std::vector<Change> changes{{*key_from_hex(kHello, 32), {}}, {*key_from_hex(kWorld, 32), {}}};
  REQUIRE(f.writer().write(changes));
  CHECK_FALSE(changes[0].missing);
  CHECK(changes[1].missing);
}

TEST_CASE("One process at a time keeps values in a folder") {
  Fixture f("sha256");
  f.writer();
  const auto second = dir_store::open_writer(f.folder(), f.network());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == Error::Kind::busy);
  f.drop_writer();
  CHECK(dir_store::open_writer(f.folder(), f.network()));
}

TEST_CASE("A folder that is not there, and keys too long for files, are told at once") {
  Fixture f("");
  CHECK(dir_store::open_reader("/nowhere", f.network()).error().kind == Error::Kind::io);
  Network network = f.network();
  network.key_length = dir_store::kLongestKey;
  REQUIRE(dir_store::open_reader(f.folder(), network));
  auto writer = dir_store::open_writer(f.folder(), network);
  Change change{Key(std::string(network.key_length, 'k')), Payload::of("long")};
  REQUIRE((*writer)->write({&change, 1}));
  network.key_length += 1;
  CHECK(dir_store::open_reader(f.folder(), network).error().kind == Error::Kind::config);
}

}  // namespace
}  // namespace quarry::workers
