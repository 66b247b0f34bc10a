// Several storages: whom a look-up asks in which order, who keeps, and storages for some keys only.
#include "tests/actors/producer_bridge/fixture.hpp"

namespace quarry::producer_bridge {
namespace {

using std::chrono::milliseconds;

constexpr WorkerId kZoo{4};

Config keeps_in(std::string name) {
  Config config;
  config.keep_in = std::move(name);
  return config;
}

// Whom the look-up of this ask goes to, one after the other, when none has the value.
std::vector<std::uint64_t> asked(Fixture& f, std::uint64_t request, unsigned key = 1) {
  std::vector<std::uint64_t> workers;
  f.ask('a', request, key);
  for (auto given = f.said<ToWorker<worker::LookUp>>(); !given.empty();
       given = f.said<ToWorker<worker::LookUp>>()) {
    REQUIRE(given.size() == 1);
    CHECK(f.said<ToPeer<peer::NoData>>().empty());
    workers.push_back(given[0].worker.value);
    f.no_data(given[0].worker, given[0].item.job);
  }
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  return workers;
}

TEST_CASE("R36 the built-in storage is asked first, then the others as they attached, each once") {
  Fixture f;
  f.admit('a');
  f.attach(kZoo, "zoo");
  f.attach(kOther, "archive");
  f.attach(kStore, "store");
  CHECK(asked(f, 1) == std::vector<std::uint64_t>{kStore.value, kZoo.value, kOther.value});
  // Who leaves and comes again is the last.
  f.gone(kZoo);
  f.attach(kZoo, "zoo");
  f.gone(kStore);
  f.attach(kStore, "store");
  CHECK(asked(f, 2) == std::vector<std::uint64_t>{kStore.value, kOther.value, kZoo.value});
}

TEST_CASE("R36 workers of one name are one storage: one of them is asked") {
  Fixture f;
  f.admit('a');
  f.attach(kStore, "store");
  f.attach(kOther, "archive");
  f.attach(kZoo, "archive");
  CHECK(asked(f, 1).size() == 2);
}

TEST_CASE("R36 the first value found ends the look-up") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  f.attach(kOther, "archive");
  f.ask('a', 1);
  f.no_data(kStore, f.job(kStore));
  f.found(kOther, f.job(kOther), "from the archive");
  CHECK(f.said<ToPeer<peer::Value>>().at(0).item.value == Payload::of("from the archive"));
}

TEST_CASE("N12 a storage is asked for the keys that it says it is for, and for no others") {
  Fixture f;
  f.admit('a');
  f.attach_for(10, 19, kOther, "tens");
  f.attach_for(20, 29, kZoo, "twenties");
  CHECK(asked(f, 1, 12) == std::vector<std::uint64_t>{kOther.value});
  CHECK(asked(f, 2, 20) == std::vector<std::uint64_t>{kZoo.value});
  CHECK(asked(f, 3, 30).empty());
  f.attach(kStore);
  CHECK(asked(f, 4, 29) == std::vector<std::uint64_t>{kStore.value, kZoo.value});
}

TEST_CASE("R37 the jobs of a storage that comes back for other keys go to others") {
  Fixture f;
  f.admit('a');
  f.attach_for(10, 19, kOther, "tens");
  f.ask('a', 1, 12);
  f.job(kOther);
  worker::Hello again{WorkerRole::storage, Instance{kOther.value + 100}, 512, 1, "tens", ""};
  again.keys.push_back({Prefix(std::string(1, 11)), Prefix(std::string(1, 19))});
  f.core.hello_received(kZoo, again, f.now);
  f.gone(kOther);
  CHECK(f.said<ToWorker<worker::LookUp>>().at(0).worker == kZoo);
  CHECK(f.said<ToPeer<peer::NoData>>().empty());
}

TEST_CASE("N17 what is to be kept goes to the storage that is named, and never to another") {
  Fixture f({}, keeps_in("archive"));
  constexpr std::uint8_t kBoth = worker::kLooksUp | worker::kKeeps;
  f.attach(kStore, "store", kBoth);
  f.keep(1);
  CHECK(f.said<report::Failed>().at(0) ==
        report::Failed{CallId{1}, Reason::unavailable, "no storage called archive is attached"});
  f.attach(kOther, "archive");
  f.remove(2);
  CHECK(f.said<report::Failed>().at(0).detail == "the storage called archive keeps nothing");
  f.attach(kZoo, "archive", kBoth);
  f.keep(3);
  f.done(kZoo, f.job<worker::Keep>(kZoo));
  CHECK(f.said<report::Done>().at(0).call == CallId{3});
  // When it is gone what it held is told to be uncertain, and the next is refused at once.
  f.keep(4);
  f.gone(kZoo);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unavailable);
  f.keep(5);
  CHECK(f.said<report::Failed>().at(0).reason == Reason::unavailable);
  for (const auto& keep : f.said<ToWorker<worker::Keep>>()) CHECK(keep.worker == kZoo);
  CHECK(f.said<ToWorker<worker::Remove>>().empty());
}

TEST_CASE("N17 a named storage in parts keeps each key in the part that is for it") {
  Fixture f({}, keeps_in("parts"));
  f.attach_for(10, 19, kOther, "parts", worker::kKeeps);
  f.attach_for(20, 29, kZoo, "parts", worker::kKeeps);
  f.keep(1, "value", 25);
  f.done(kZoo, f.job<worker::Keep>(kZoo));
  f.keep(2, "value", 15);
  f.done(kOther, f.job<worker::Keep>(kOther));
  f.keep(3, "value", 35);
  CHECK(f.said<report::Failed>().at(0) ==
        report::Failed{CallId{3}, Reason::unavailable,
                       "the storage called parts is not for this key"});
}

TEST_CASE(
    "R37 an asker hears no data before its patience ends, and the storage keeps its own time") {
  Fixture f;
  f.attach(kStore);
  f.admit('a');
  f.ask('a', 1, 1, 1 << 20, 200);
  f.ask('a', 2, 1, 1 << 20, 2000);
  f.ask('a', 3, 2, 1 << 20, 1);
  const auto jobs = f.said<ToWorker<worker::LookUp>>();
  REQUIRE(jobs.size() == 2);
  const auto said_so = [&] {
    std::vector<std::uint64_t> requests;
    for (const auto& said : f.said<ToPeer<peer::NoData>>()) {
      requests.push_back(said.item.request.value);
    }
    return requests;
  };
  f.pass(kLeastPatience - milliseconds(1));
  CHECK(said_so().empty());
  f.pass(milliseconds(1) + kImpatientEvery);
  CHECK(said_so() == std::vector<std::uint64_t>{3});
  f.pass(milliseconds(150) - kLeastPatience);
  CHECK(said_so() == std::vector<std::uint64_t>{1});
  // It is neither late nor passed over yet: what it finds is for who still waits, or asks again.
  f.ask('a', 4, 2, 1 << 20, 200);
  f.found(kStore, jobs.at(0).item.job);
  f.found(kStore, jobs.at(1).item.job);
  const auto values = f.said<ToPeer<peer::Value>>();
  REQUIRE(values.size() == 2);
  CHECK(values.at(0).item.request == RequestId{2});
  CHECK(values.at(1).item.request == RequestId{4});
  CHECK(f.counters().at("look_ups_timed_out_total") == 0);
  CHECK(f.counters().at("serves_impatient_total") == 2);
}

TEST_CASE("R37 one silent storage is no data once; then the others are asked at once") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  f.attach(kOther, "archive");
  f.ask('a', 1);
  f.job(kStore);
  f.pass(Config{}.look_up_within);
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  f.ask('a', 2);
  f.found(kOther, f.job(kOther));
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
}

TEST_CASE("R37 of a killed storage's look-ups none waits for its time: the next one has them") {
  Fixture f;
  f.attach(kStore);
  f.attach(kOther, "archive");
  for (char peer : {'a', 'b', 'c'}) {
    f.admit(peer);
    for (unsigned i = 1; i <= 20; ++i) f.ask(peer, i, 100u * static_cast<unsigned>(peer) + i);
  }
  CHECK(f.said<ToWorker<worker::LookUp>>().size() == 60);
  f.gone(kStore);
  const auto moved = f.said<ToWorker<worker::LookUp>>();
  CHECK(moved.size() == 60);
  for (const auto& job : moved) f.found(job.worker, job.item.job);
  CHECK(f.said<ToPeer<peer::Value>>().size() == 60);
  // And when it is back it is asked again.
  f.attach(kStore);
  f.ask('a', 100, 7);
  f.job(kStore);
}

// What a worker may do to its node.

TEST_CASE("N8 a value beyond the room that was offered is never passed on") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  f.ask('a', 1, 1, 10);
  f.found(kStore, f.job(kStore), std::string(11, 'v'));
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.said<ToPeer<peer::TooLarge>>().at(0).item == peer::TooLarge{RequestId{1}, 11});
  f.look_up(1, 2, 10);
  f.found(kStore, f.job(kStore), std::string(11, 'v'));
  CHECK(f.said<link::Found>().empty());
  CHECK(f.said<link::TooLarge>().at(0).size == 11);
}

TEST_CASE("N8 a storage that says hello a thousand times is one storage, and keeps its jobs") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.said<link::Attached>();
  for (int i = 0; i < 1000; ++i) f.attach(kStore, "another name");
  CHECK(f.said<link::Attached>().empty());
  CHECK(f.said<ToWorker<worker::LookUp>>().empty());
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
}

TEST_CASE("N8 storages that come and go leave nothing behind, and lose no ask") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const WorkerId worker{1000 + i};
    f.attach_for(1, 1 + static_cast<unsigned>(i % 200), worker, "n" + std::to_string(i));
    if (i % 2 == 0) f.gone(worker);
    if (i % 2 == 1) f.core.bye_received(worker, f.now);
  }
  f.ask('a', 1);
  f.no_data(kStore, f.job(kStore));
  CHECK(f.said<ToPeer<peer::NoData>>().size() == 1);
  const auto counters = f.counters();
  CHECK(counters.at("storage_jobs") == 0);
  CHECK(counters.at("look_ups_timed_out_total") == 0);
}

TEST_CASE("R37 who claims the instance of a storage that is alive is refused and counted") {
  Fixture f;
  f.admit('a');
  f.attach(kStore);
  f.ask('a', 1);
  const JobId job = f.job(kStore);
  f.core.hello_received(
      WorkerId{8}, {WorkerRole::storage, Instance{kStore.value + 100}, 512, 1, "store", ""}, f.now);
  f.pass(milliseconds(1));
  const auto pings = f.said<workers::Ping>();
  REQUIRE(pings.size() == 1);
  CHECK(pings[0].worker == kStore);
  f.core.pong_received(kStore, {pings[0].nonce}, f.now);
  f.found(WorkerId{8}, job, "a lie");
  CHECK(f.said<workers::Refuse>().at(0) ==
        workers::Refuse{WorkerId{8}, Reason::duplicate, "this instance is attached already"});
  CHECK(f.said<ToPeer<peer::Value>>().empty());
  CHECK(f.counters().at("storages_duplicates_total") == 1);
  f.found(kStore, job);
  CHECK(f.said<ToPeer<peer::Value>>().size() == 1);
}

}  // namespace
}  // namespace quarry::producer_bridge
