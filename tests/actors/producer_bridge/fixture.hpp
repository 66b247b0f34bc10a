// A ProducerBridge's core on a clock of its own, with verbs for what peers, storages, the Engine
// and the selector say. Invariants are checked after each.
#pragma once

#include <algorithm>
#include <map>

#include "actors/producer_bridge/core.hpp"
#include "tests/support/catch.hpp"

namespace quarry::producer_bridge {

inline constexpr WorkerId kStore{1};
inline constexpr WorkerId kOther{2};
inline constexpr WorkerId kWriter{3};

inline PeerKey peer_named(char letter) {
  PeerKey peer;
  peer.bytes.fill(static_cast<std::byte>(letter));
  return peer;
}
inline Route route_of(char letter, int connection = 0) {
  return Route(std::string{letter, static_cast<char>('0' + connection)});
}

class Fixture {
 public:
  explicit Fixture(Network network = {}, Config config = {})
      : core(std::move(config), Self{network, Instance{77}, "agent"}, 5) {}

  // The selector.
  void admit(char peer, bool admitted = true, bool blocked = false) {
    core.admission_received({peer_named(peer), admitted, blocked});
    checked();
  }
  void block(char peer) { admit(peer, true, true); }

  // Peers.
  Core::Standing heard(char peer, int connection = 0) {
    const auto standing = core.heard(peer_named(peer), route_of(peer, connection), now);
    checked();
    return standing;
  }
  void ask(char peer, std::uint64_t request, unsigned key = 1, std::uint32_t room = 1 << 20,
           std::uint32_t wait_ms = 0) {
    REQUIRE(heard(peer) == Core::Standing::served);
    core.ask_received(peer_named(peer), route_of(peer),
                      {RequestId{request}, key_of(key), room, wait_ms}, now);
    checked();
  }
  void replies_waiting(char peer, std::uint64_t bytes) {
    core.replies_waiting(route_of(peer), bytes, now);
    checked();
  }

  // Storages.
  void attach(WorkerId worker, std::string name = "store", std::uint8_t abilities = 1,
              std::uint32_t credit = 512) {
    core.hello_received(worker,
                        {WorkerRole::storage, Instance{worker.value + 100}, credit, abilities,
                         std::move(name), "agent"},
                        now);
    checked();
  }
  // One for keys whose first byte is one of first to last.
  void attach_for(unsigned first, unsigned last, WorkerId worker, std::string name,
                  std::uint8_t abilities = 1) {
    const auto bound = [](unsigned byte) {
      return Prefix(std::string(1, static_cast<char>(byte)));
    };
    worker::Hello hello{WorkerRole::storage,
                        Instance{worker.value + 100},
                        512,
                        abilities,
                        std::move(name),
                        "agent"};
    hello.keys.push_back({bound(first), bound(last)});
    core.hello_received(worker, hello, now);
    checked();
  }
  void found(WorkerId worker, JobId job, std::string value = "value") {
    core.found_received(worker, {job, Payload::of(std::move(value))}, now);
    checked();
  }
  void no_data(WorkerId worker, JobId job) {
    core.no_data_received(worker, {job}, now);
    checked();
  }
  void too_large(WorkerId worker, JobId job, std::uint64_t size) {
    core.too_large_received(worker, {job, size}, now);
    checked();
  }
  void done(WorkerId worker, JobId job) {
    core.done_received(worker, {job}, now);
    checked();
  }
  void listed(WorkerId worker, JobId job, std::vector<report::StoredEntry> entries) {
    core.listed_received(worker, {job, std::move(entries)}, now);
    checked();
  }
  void failed(WorkerId worker, JobId job, std::string detail = "it failed") {
    core.failed_received(worker, {job, std::move(detail)}, now);
    checked();
  }
  void gone(WorkerId worker) {
    core.worker_gone(worker, now);
    checked();
  }

  // The Engine.
  void look_up(std::uint64_t id, unsigned key = 1, std::uint32_t room = 1 << 20) {
    core.look_up_received({LookUpId{id}, key_of(key), room}, now);
    checked();
  }
  void keep(std::uint64_t call, std::string value = "value", unsigned key = 1) {
    core.keep_received({CallId{call}, key_of(key), Payload::of(std::move(value))}, now);
    checked();
  }
  void remove(std::uint64_t call, unsigned key = 1) {
    core.remove_received({CallId{call}, key_of(key)}, now);
    checked();
  }

  void list(std::uint64_t call, const Prefix& after = {}) {
    core.list_received({CallId{call}, after}, now);
    checked();
  }

  void pass(Duration duration) {
    const Time end = now + duration;
    while (core.next_deadline() <= end) {
      now = std::max(now, core.next_deadline());
      core.time_passed(now);
      checked();
    }
    now = end;
  }

  // What the core has said, of one kind, since it was last asked for that kind.
  template <class Kind>
  std::vector<Kind> said() {
    std::vector<Kind> wanted;
    for (Effect& effect : said_) {
      if (auto* item = std::get_if<Kind>(&effect)) wanted.push_back(*item);
    }
    std::erase_if(said_, [](const Effect& effect) { return std::holds_alternative<Kind>(effect); });
    return wanted;
  }
  // The one job that was given to this worker.
  template <class Item = worker::LookUp>
  JobId job(WorkerId worker) {
    const auto given = said<ToWorker<Item>>();
    REQUIRE(given.size() == 1);
    REQUIRE(given[0].worker == worker);
    return given[0].item.job;
  }
  void forget_said() { said_.clear(); }
  std::map<std::string, std::uint64_t> counters() {
    core.survey_received({CallId{1}}, now);
    checked();
    std::map<std::string, std::uint64_t> counters;
    for (const auto& counter : said<report::Counter>()) counters[counter.name] = counter.value;
    said<report::Done>();
    return counters;
  }

  static Key key_of(unsigned number) {
    std::string text(32, 'k');
    text[0] = static_cast<char>(number);
    text[1] = static_cast<char>(number >> 8);
    return Key(text);
  }

  Time now{std::chrono::seconds(1000)};
  Core core;

 private:
  void checked() {
    core.check_invariants();
    for (Effect& effect : core.take_effects()) said_.push_back(std::move(effect));
  }
  Effects said_;
};

}  // namespace quarry::producer_bridge
