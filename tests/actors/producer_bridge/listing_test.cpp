// Listing what the storage keeps that values are kept in.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

constexpr std::uint8_t kReads = worker::kLooksUp | worker::kLists;
constexpr WorkerId kParts{4};

std::vector<report::StoredEntry> entries(std::initializer_list<unsigned> keys) {
  std::vector<report::StoredEntry> all;
  for (const unsigned key : keys) all.push_back({Fixture::key_of(key), key});
  return all;
}

TEST_CASE("what is kept is listed by the storage that keeps, and no other") {
  Fixture f;
  f.attach(kOther, "archive", kReads);
  f.list(1);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unavailable);
  f.attach(kWriter, "store", worker::kKeeps);
  f.list(1);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unsupported);
  f.attach(kStore, "store", kReads);
  const Prefix after(std::string("abc"));
  f.list(2, after);
  const auto given = f.said<ToWorker<worker::List>>();
  REQUIRE(given.size() == 1);
  CHECK(given[0].worker == kStore);
  CHECK(given[0].item.after == after);
  CHECK(given[0].item.most == limits::kMaxStored);
  f.listed(kStore, given[0].item.job, entries({100, 101}));
  CHECK(f.said<report::Stored>() == std::vector<report::Stored>{{CallId{2}, entries({100, 101})}});
  CHECK(f.said<report::Done>() == std::vector<report::Done>{{CallId{2}, 2}});
  CHECK(f.core.lists() == 0);
}

TEST_CASE("a storage in parts is listed as one: in order, each key once") {
  Fixture f;
  f.attach_for(0, 9, kStore, "store", kReads);
  f.attach_for(5, 19, kParts, "store", kReads);
  f.list(1);
  f.listed(kStore, f.job<worker::List>(kStore), entries({2, 7}));
  CHECK(f.said<report::Stored>().empty());
  f.listed(kParts, f.job<worker::List>(kParts), entries({6, 7, 12}));
  CHECK(f.said<report::Stored>() ==
        std::vector<report::Stored>{{CallId{1}, entries({2, 6, 7, 12})}});
}

TEST_CASE("N8 a list has no more than its most, of however many parts") {
  Fixture f;
  f.attach_for(0, 127, kStore, "store", kReads);
  f.attach_for(128, 255, kParts, "store", kReads);
  std::vector<report::StoredEntry> even, odd;
  for (unsigned i = 0; i < limits::kMaxStored; ++i) {
    const auto key = [&](unsigned number) {
      std::string text(32, '.');
      text[0] = static_cast<char>(number >> 8);
      text[1] = static_cast<char>(number);
      return Key(text);
    };
    even.push_back({key(2 * i), i});
    odd.push_back({key(2 * i + 1), i});
  }
  f.list(1);
  f.listed(kStore, f.job<worker::List>(kStore), even);
  f.listed(kParts, f.job<worker::List>(kParts), odd);
  const auto stored = f.said<report::Stored>();
  REQUIRE(stored.size() == 1);
  REQUIRE(stored[0].entries.size() == limits::kMaxStored);
  CHECK(stored[0].entries[0] == even[0]);
  CHECK(stored[0].entries.back() == odd[limits::kMaxStored / 2 - 1]);
}

TEST_CASE("a list that makes no sense, or that never comes, has failed") {
  Fixture f;
  f.attach(kStore, "store", kReads);
  f.list(1, Prefix(Fixture::key_of(7).view()));
  const JobId job = f.job<worker::List>(kStore);
  SECTION("with keys that are not above") { f.listed(kStore, job, entries({7, 8})); }
  SECTION("with more than was wanted") {
    std::vector<report::StoredEntry> many;
    for (unsigned i = 0; i <= limits::kMaxStored; ++i) many.push_back({Fixture::key_of(8), i});
    f.listed(kStore, job, many);
  }
  SECTION("something else") { f.done(kStore, job); }
  SECTION("no data") { f.no_data(kStore, job); }
  SECTION("a value") { f.found(kStore, job); }
  SECTION("a failure") { f.failed(kStore, job, "the disk is broken"); }
  SECTION("nothing in time") {
    f.pass(kListWithin - std::chrono::milliseconds(1));
    CHECK(f.said<report::Failed>().empty());
    f.pass(std::chrono::milliseconds(1));
  }
  SECTION("the storage goes") { f.gone(kStore); }
  const auto failed = f.said<report::Failed>();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].call == CallId{1});
  CHECK(f.core.lists() == 0);
  CHECK(f.said<report::Stored>().empty());
  CHECK(f.said<report::Done>().empty());
}

TEST_CASE("a list in answer to a look-up is no answer: the look-up goes on") {
  Fixture f;
  f.attach(kStore, "store", kReads);
  f.attach(kOther, "archive");
  f.look_up(1);
  f.listed(kStore, f.job(kStore), entries({1}));
  f.found(kOther, f.job(kOther));
  CHECK(f.said<link::Found>().size() == 1);
  CHECK(f.counters().at("storages_nonsense_total") == 1);
}

TEST_CASE("R38 lists have a place at a storage beside what peers ask") {
  Fixture f;
  f.admit('a');
  f.attach(kStore, "store", kReads, 4);
  for (unsigned i = 1; i <= 10; ++i) f.ask('a', i, i);
  f.list(1);
  CHECK(f.said<ToWorker<worker::List>>().size() == 1);
}

TEST_CASE("N8 lists in progress are bounded; a new Engine drops the old one's") {
  Fixture f;
  f.attach(kStore, "store", kReads);
  for (std::uint64_t call = 1; call <= kLists; ++call) f.list(call);
  CHECK(f.said<report::Failed>().empty());
  f.list(kLists + 1);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::full);
  CHECK(f.counters().at("lists_in_progress") == kLists);
  const auto given = f.said<ToWorker<worker::List>>();
  f.core.engine_attached(f.now);
  f.listed(kStore, given[0].item.job, {});
  CHECK(f.said<report::Stored>().empty());
  CHECK(f.core.lists() == 0);
}

}  // namespace
}  // namespace quarry::producer_bridge
