// What the Engine gets.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("N13 each look-up of the Engine has exactly one answer") {
  Fixture f;
  f.look_up(1);
  CHECK(f.said<link::NoData>() == std::vector<link::NoData>{{LookUpId{1}, true}});
  f.attach(kStore);
  f.look_up(2);
  f.found(kStore, f.job(kStore), "mine");
  CHECK(f.said<link::Found>() == std::vector<link::Found>{{LookUpId{2}, Payload::of("mine")}});
  f.look_up(3, 1, 8);
  f.too_large(kStore, f.job(kStore), 9);
  CHECK(f.said<link::TooLarge>() == std::vector<link::TooLarge>{{LookUpId{3}, 9}});
  f.look_up(4);
  f.no_data(kStore, f.job(kStore));
  CHECK(f.said<link::NoData>() == std::vector<link::NoData>{{LookUpId{4}, true}});
  f.look_up(5);
  f.failed(kStore, f.job(kStore));
  CHECK(f.said<link::NoData>() == std::vector<link::NoData>{{LookUpId{5}, false}});
  f.look_up(6);
  const JobId job = f.job(kStore);
  f.pass(seconds(2));
  CHECK(f.said<link::NoData>() == std::vector<link::NoData>{{LookUpId{6}, false}});
  f.found(kStore, job);
  CHECK(f.said<link::Found>().empty());
  CHECK(f.core.look_ups() == 0);
}

TEST_CASE("R38 however much peers ask, the Engine's look-up has room at a storage at once") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 8);
  f.admit('a');
  for (unsigned i = 0; i < 1000; ++i) f.ask('a', i + 1, i, 100);
  f.forget_said();
  f.look_up(1, 5000);
  f.look_up(2, 5001);
  CHECK(f.said<ToWorker<worker::LookUp>>().size() == 2);
}

TEST_CASE("R38 where both wait, the Engine's look-ups go first") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 1);
  f.admit('a');
  f.ask('a', 1, 1);
  const JobId job = f.job(kStore);
  f.ask('a', 2, 2);
  f.look_up(1, 3);
  f.no_data(kStore, job);
  CHECK(f.said<ToWorker<worker::LookUp>>().at(0).item.key == Fixture::key_of(3));
}

TEST_CASE("R38 however much the Engine looks up, peers' asks are looked up beside it") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 4);
  f.admit('a');
  for (unsigned i = 1; i <= kPeerLookUps; ++i) f.look_up(i, i);
  f.ask('a', 1, 5000, 100);
  CHECK(f.core.look_ups() == kPeerLookUps + 1);
}

TEST_CASE("N8 look-ups beyond the table are no data at once") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 1);
  for (std::uint64_t i = 1; i <= kEngineLookUps; ++i) {
    f.core.look_up_received({LookUpId{i}, Fixture::key_of(static_cast<unsigned>(i)), 10}, f.now);
  }
  f.look_up(kEngineLookUps + 1);
  CHECK(f.said<link::NoData>() == std::vector<link::NoData>{{LookUpId{kEngineLookUps + 1}, false}});
}

TEST_CASE("N17 a value is kept by the storage that keeps, and done when it says so") {
  Fixture f;
  f.attach(kOther, "archive", worker::kLooksUp | worker::kKeeps);
  f.keep(1);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unavailable);
  f.attach(kStore, "store", worker::kLooksUp);
  f.keep(2);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unavailable);
  f.attach(kWriter, "store", worker::kKeeps);
  f.keep(3, "a value");
  const auto given = f.said<ToWorker<worker::Keep>>();
  REQUIRE(given.size() == 1);
  CHECK(given[0].worker == kWriter);
  CHECK(given[0].item.value == Payload::of("a value"));
  f.pass(seconds(20));
  CHECK(f.said<report::Done>().empty());
  f.done(kWriter, given[0].item.job);
  CHECK(f.said<report::Done>() == std::vector<report::Done>{{CallId{3}, 1}});
}

TEST_CASE("N13 a value is removed by the storage that keeps") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps);
  f.remove(1);
  f.done(kWriter, f.job<worker::Remove>(kWriter));
  CHECK(f.said<report::Done>() == std::vector<report::Done>{{CallId{1}, 1}});
  f.remove(2);
  f.no_data(kWriter, f.job<worker::Remove>(kWriter));
  CHECK(f.said<report::Done>() == std::vector<report::Done>{{CallId{2}, 0}});
}

TEST_CASE("N17 what could not be kept is said, with the storage's reason") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps);
  f.keep(1);
  f.failed(kWriter, f.job<worker::Keep>(kWriter), "no space left on device");
  CHECK(f.said<report::Failed>() ==
        std::vector<report::Failed>{{CallId{1}, Reason::failed, "no space left on device"}});
  f.keep(2);
  f.found(kWriter, f.job<worker::Keep>(kWriter));
  CHECK(f.said<report::Failed>().at(0).reason == Reason::failed);
}

TEST_CASE("N17 what a storage has not kept in time failed, and makes room for others") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps, 2);
  f.keep(1, std::string(kKeepBytes, 'x'));
  const JobId stalled = f.job<worker::Keep>(kWriter);
  f.pass(seconds(10));
  f.remove(2, 2);
  f.keep(3);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::full);
  f.pass(kKeepWithin - seconds(10) - milliseconds(1));
  CHECK(f.said<report::Failed>().empty());
  f.pass(milliseconds(1));
  auto failed = f.said<report::Failed>();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].call == CallId{1});
  CHECK(failed[0].reason == Reason::failed);
  f.done(kWriter, stalled);
  CHECK(f.said<report::Done>().empty());
  f.keep(4, std::string(kKeepBytes, 'x'));
  f.pass(seconds(10));
  failed = f.said<report::Failed>();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].call == CallId{2});
  CHECK(f.core.keeps() == 1);
}

TEST_CASE("N17 what waits for a storage that keeps fails in time, too") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps, 1);
  f.keep(1);
  f.keep(2, "value", 2);
  f.pass(kKeepWithin);
  CHECK(f.said<report::Failed>().size() == 2);
  CHECK(f.core.keeps() == 0);
  f.pass(kForgottenWithin);
  CHECK(f.counters().at("storage_jobs") == 0);
}

TEST_CASE("N14 a storage that dies while it keeps has not kept") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps, 1);
  f.keep(1);
  f.keep(2, "value", 2);
  f.gone(kWriter);
  const auto failed = f.said<report::Failed>();
  REQUIRE(failed.size() == 2);
  for (const auto& failure : failed) CHECK(failure.reason == Reason::unavailable);
  CHECK(f.core.keeps() == 0);
}

TEST_CASE("what is beyond a storage's credit waits, in order") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps, 1);
  f.keep(1, "first");
  f.keep(2, "second");
  f.keep(3, "third");
  for (std::uint64_t call : {1, 2, 3}) {
    f.done(kWriter, f.job<worker::Keep>(kWriter));
    CHECK(f.said<report::Done>().at(0).call == CallId{call});
  }
}

TEST_CASE("N8 values waiting to be kept are bounded in number and in bytes, but one always fits") {
  Fixture f;
  f.attach(kWriter, "store", worker::kKeeps, 1);
  f.keep(1, std::string(kKeepBytes + 1, 'x'));
  CHECK(f.said<report::Failed>().empty());
  f.keep(2, "x");
  CHECK(f.said<report::Failed>().at(0).reason == Reason::full);
  f.done(kWriter, f.job<worker::Keep>(kWriter));
  for (std::uint64_t i = 0; i < kKeeps; ++i) f.keep(10 + i, "x");
  CHECK(f.said<report::Failed>().empty());
  f.keep(9, "x");
  CHECK(f.said<report::Failed>().at(0).reason == Reason::full);
}

TEST_CASE(
    "N14 a new Engine is told how many storages there are, and hears nothing of the old one") {
  Fixture f;
  f.attach(kStore);
  f.attach(kWriter, "store", worker::kKeeps);
  f.said<link::Attached>();
  f.look_up(1);
  f.keep(1);
  const JobId looked_up = f.job(kStore);
  const JobId kept = f.job<worker::Keep>(kWriter);
  f.core.engine_attached(f.now);
  f.admit('a');
  CHECK(f.said<link::Attached>() == std::vector<link::Attached>{{WorkerRole::storage, 2}});
  f.found(kStore, looked_up);
  f.done(kWriter, kept);
  CHECK(f.said<link::Found>().empty());
  CHECK(f.said<report::Done>().empty());
  f.look_up(2);
  f.found(kStore, f.job(kStore));
  CHECK(f.said<link::Found>().at(0).look_up == LookUpId{2});
}

TEST_CASE("N14 what was said in the turn of the Engine's Hello was for its earlier life") {
  Fixture f;
  f.attach(kStore);
  f.look_up(1, 2);
  const auto given = f.said<ToWorker<worker::LookUp>>();
  f.core.found_received(kStore, {given.front().item.job, Payload::of("v")}, f.now);
  f.core.engine_attached(f.now);
  CHECK(f.said<link::Found>().empty());
  CHECK(f.said<link::Attached>().size() == 1);
}

TEST_CASE("N14 a new Engine does not take peers' answers away") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  f.look_up(1, 2);
  const auto given = f.said<ToWorker<worker::LookUp>>();
  f.core.engine_attached(f.now);
  for (const auto& job : given) f.found(kStore, job.item.job);
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
  CHECK(f.said<link::Found>().empty());
}

TEST_CASE("the Engine hears of every change in the number of storages") {
  Fixture f;
  f.attach(kStore);
  f.attach(kOther, "archive");
  f.gone(kStore);
  f.gone(kOther);
  std::vector<std::uint32_t> workers;
  for (const auto& attached : f.said<link::Attached>()) workers.push_back(attached.workers);
  CHECK(workers == std::vector<std::uint32_t>{1, 2, 1, 0});
}

TEST_CASE("R40 a survey names the workers and counts what was done, then ends") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1, 1);
  f.found(kStore, f.job(kStore), "12345");
  f.ask('a', 2, 2);
  f.look_up(1, 3);
  auto counters = f.counters();
  CHECK(counters["serves_asked_total"] == 2);
  CHECK(counters["serves_value_total"] == 1);
  CHECK(counters["served_bytes_total"] == 5);
  CHECK(counters["serves_in_progress"] == 1);
  CHECK(counters["peers_admitted"] == 1);
  f.core.survey_received({CallId{3}}, f.now);
  f.admit('a');
  CHECK(f.said<report::WorkerInfo>().size() >= 1);
  CHECK(f.said<report::Done>() == std::vector<report::Done>{{CallId{3}, 0}});
}

}  // namespace
}  // namespace quarry::producer_bridge
