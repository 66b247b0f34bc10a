// What peers get.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("R36 an admitted peer's ask goes to the storage and its value comes back") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 7);
  f.found(kStore, f.job(kStore), "the value");
  const auto values = f.said<ToPeer<peer::Value>>();
  REQUIRE(values.size() == 1);
  CHECK(values[0] == ToPeer<peer::Value>{route_of('a'), {RequestId{7}, Payload::of("the value")}});
  CHECK(f.core.look_ups() == 0);
}

TEST_CASE("R36 asks are answered as storages answer, in any order") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1, 1);
  const JobId first = f.job(kStore);
  f.ask('a', 2, 2);
  const JobId second = f.job(kStore);
  f.found(kStore, second);
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.request == RequestId{2});
  f.found(kStore, first);
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.request == RequestId{1});
}

TEST_CASE("R37 without a storage, or with one that only keeps, an ask is no data at once") {
  Fixture f;
  f.admit('a');
  f.ask('a', 1);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.attach(kWriter, "store", worker::kKeeps);
  f.ask('a', 2);
  CHECK(f.said<ToPeer<peer::NoData>>().at(0).item.request == RequestId{2});
}

TEST_CASE("R37 a storage that fails is a storage without the value") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  f.failed(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
}

TEST_CASE("R37 when a storage worker is gone its jobs go to the next storage, or are no data") {
  Fixture f;
  f.attach(kStore);
  f.attach(kOther, "archive");
  f.admit('a');
  f.ask('a', 1);
  f.job(kStore);
  f.gone(kStore);
  CHECK(f.said<ToPeer<peer::NoData>>().empty());
  f.job(kOther);
  f.gone(kOther);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
}

TEST_CASE("R37 a storage that leaves in good order, or speaks nonsense, is like one that is gone") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  f.core.bye_received(kStore, f.now);
  f.pass(milliseconds(0));
  f.admit('b');
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.attach(kOther, "archive");
  f.ask('a', 2);
  f.core.unfit_received(kOther, {Reason::malformed, "noise"}, f.now);
  f.admit('b');
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  CHECK(f.said<workers::Refuse>().size() == 1);
  CHECK_FALSE(f.said<Forget>().empty());
}

TEST_CASE(
    "R37 a storage that stays silent is no data when the time is over, and then passed over") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.pass(Config{}.look_up_within - milliseconds(1));
  CHECK(f.said<ToPeer<peer::NoData>>().empty());
  f.pass(milliseconds(1));
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.ask('a', 2);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  CHECK(f.said<ToWorker<worker::LookUp>>().empty());
  // Its late answer changes nothing, but shows that it is back.
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  f.ask('a', 3);
  f.found(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.request == RequestId{3});
}

TEST_CASE("a look-up that nobody waits for takes its storage's credit until it is answered") {
  Fixture f;
  f.attach(kStore, "store", worker::kLooksUp, 4);
  f.admit('a');
  for (unsigned i = 0; i < 4; ++i) f.ask('a', i, i);
  const auto given = f.said<ToWorker<worker::LookUp>>();
  REQUIRE(given.size() == 3);
  f.no_data(kStore, given[0].item.job);
  CHECK(f.said<ToWorker<worker::LookUp>>().size() == 1);
  f.pass(milliseconds(1100));
  // It answers some, so it is slow and not stuck: nothing beyond its credit goes to it.
  f.no_data(kStore, given[1].item.job);
  f.forget_said();
  for (unsigned i = 10; i < 14; ++i) f.ask('a', i, i);
  CHECK(f.said<ToWorker<worker::LookUp>>().size() == 1);
  f.pass(seconds(60));
  CHECK(f.counters()["storage_jobs"] == 0);
}

TEST_CASE("a value beyond the asker's room or the network's limit is too large, with its size") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1, 1, 100);
  const auto given = f.said<ToWorker<worker::LookUp>>();
  CHECK(given.at(0).item.room == 100);
  f.too_large(kStore, given[0].item.job, 101);
  CHECK(f.said<ToPeer<peer::TooLarge>>().at(0).item == peer::TooLarge{RequestId{1}, 101});
  // A storage that does not keep to the room is held to it here.
  f.ask('a', 2, 1, 4);
  f.found(kStore, f.job(kStore), "value");
  CHECK(f.said<ToPeer<peer::TooLarge>>().at(0).item == peer::TooLarge{RequestId{2}, 5});
  f.ask('a', 3, 1, UINT32_MAX);
  CHECK(f.said<ToWorker<worker::LookUp>>().at(0).item.room == Network{}.max_value);
}

TEST_CASE("an empty value is a value") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1, 1, 0);
  f.found(kStore, f.job(kStore), "");
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
}

TEST_CASE("N7 equal asks share one look-up, and each is held to its own room") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.admit('b');
  f.ask('a', 1, 1, 100);
  f.ask('b', 2, 1, 3);
  f.ask('b', 3, 1, 100);
  const JobId job = f.job(kStore);
  // One with more room than the look-up has is looked up by itself.
  f.ask('b', 4, 1, 200);
  const JobId second = f.job(kStore);
  f.found(kStore, job, "value");
  CHECK(f.said<ToPeer<peer::Value>>().size() == 2);
  CHECK(f.said<ToPeer<peer::TooLarge>>().at(0).item == peer::TooLarge{RequestId{2}, 5});
  f.found(kStore, second, "value");
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.request == RequestId{4});
}

TEST_CASE("an answer for another's job is dropped and counted") {
  Fixture f;
  f.attach(kStore);
  f.attach(kOther, "archive");
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.found(kOther, job, "a lie");
  f.found(kStore, JobId{job.value + 1}, "of no job");
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.counters()["storages_unmatched_total"] == 2);
  f.found(kStore, job, "the truth");
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.value == Payload::of("the truth"));
  f.found(kStore, job, "again");
  CHECK(f.said<ToPeer<peer::Value>>().empty());
}

TEST_CASE("a storage that answers a look-up with something else does not have the value") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  f.done(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.ask('a', 2);
  f.core.nonsense_received(kStore, f.job(kStore), f.now);
  f.admit('a');
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.ask('a', 3, 1, 100);
  f.too_large(kStore, f.job(kStore), 100);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  CHECK(f.counters()["storages_nonsense_total"] == 3);
}

TEST_CASE("N12 who is no storage is refused and its connection forgotten") {
  Fixture f;
  f.found(WorkerId{9}, JobId{1});
  CHECK(f.said<workers::Refuse>().at(0).reason == Reason::unknown);
  f.attach(WorkerId{9}, "neither", 0);
  CHECK(f.said<workers::Refuse>().at(0).reason == Reason::unsupported);
  f.core.hello_received(WorkerId{10}, {WorkerRole::verifier, Instance{1}, 1, 0, "v", ""}, f.now);
  f.admit('a');
  CHECK(f.said<workers::Refuse>().size() == 1);
  CHECK(f.said<Forget>().size() == 3);
}

TEST_CASE("a storage that comes back takes its jobs over, unless it is another now") {
  const bool same = GENERATE(true, false);
  CAPTURE(same);
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  // The same instance on another connection, and then the first one turns out to be gone.
  f.core.hello_received(WorkerId{8},
                        {WorkerRole::storage, Instance{kStore.value + 100}, 512, worker::kLooksUp,
                         same ? "store" : "archive", ""},
                        f.now);
  f.gone(kStore);
  if (same) {
    CHECK(f.job(WorkerId{8}) == job);
    f.found(WorkerId{8}, job);
    CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
  } else {
    CHECK_FALSE(f.said<ToWorker<worker::LookUp>>().at(0).item.job == job);
  }
}

TEST_CASE(
    "R40 a serve takes from the ask to its answer, its turn included; who is gone takes none") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.admit('b');
  f.ask('a', 1, 1);
  const JobId first = f.job(kStore);
  f.ask('b', 2, 2);
  const JobId second = f.job(kStore);
  f.pass(milliseconds(7));
  f.found(kStore, first, "value");
  f.core.connection_gone(route_of('b'), f.now);
  f.found(kStore, second, "value");
  CHECK(f.counters()["serve_us_le_5000"] == 0);
  CHECK(f.counters()["serve_us_le_10000"] == 1);
  CHECK(f.counters()["serve_us_count"] == 1);
  CHECK(f.counters()["serve_us_sum"] == 7000);
}

}  // namespace
}  // namespace quarry::producer_bridge
