// A PeerSelector's core with a virtual clock, peers that are played by the test, and verbs that
// keep the tests short. After each verb the core checks its invariants.
#pragma once

#include <map>
#include <set>

#include "actors/peer_selector/core.hpp"
#include "tests/support/catch.hpp"

namespace quarry::peer_selector {

using namespace std::chrono_literals;

inline PeerKey peer_key(int n) {
  PeerKey key;
  key.bytes[0] = std::byte(n & 255);
  key.bytes[1] = std::byte(n >> 8);
  key.bytes[31] = std::byte(1);
  return key;
}
inline Key key_of(std::uint64_t n) {
  std::string text(32, 'k');
  std::memcpy(text.data(), &n, sizeof n);
  return Key(text);
}
inline report::PeerEntry entry(int n, PeerRole role = PeerRole::primary) {
  return {peer_key(n), "tcp://host" + std::to_string(n) + ":7000", role,
          "peer" + std::to_string(n)};
}

struct Asked {
  int peer;
  RequestId request;
  Key key;
  std::uint32_t room;
  std::uint32_t wait_ms = 0;
  std::uint32_t remember_ms = 0;
};

class Fixture {
 public:
  explicit Fixture(Config config = {}, std::uint64_t seed = 7)
      : core(config, {Network{}, peer_key(0), Instance{1}, "quarry/test"}, seed, start()) {
    core.engine_attached(now);
    room(1'000'000, std::uint64_t{1} << 40);
    carry_out();
  }
  static Time start() { return Time(1000h); }

  // --- The Engine.
  void room(std::uint32_t slots, std::uint64_t bytes) {
    core.room_granted({slots, bytes});
    turn();
  }
  void want(std::uint64_t fetch, std::vector<int> targets = {}, Class priority = Class::normal) {
    core.wanted({FetchId{fetch}, key_of(fetch), priority, keys(targets)}, now);
    turn();
  }
  void add_targets(std::uint64_t fetch, std::vector<int> targets) {
    core.targets_added({FetchId{fetch}, keys(targets)}, now);
    turn();
  }
  void clear_targets(std::uint64_t fetch) {
    core.targets_cleared({FetchId{fetch}}, now);
    turn();
  }
  void end(std::uint64_t fetch) {
    core.ended({FetchId{fetch}}, now);
    turn();
  }
  void judge(const link::Answer& answer, Outcome outcome, bool again) {
    core.judged({answer.fetch, answer.request, outcome, again}, now);
    core.room_granted({1, answer.value.size()});
    turn();
  }
  link::Waits explain(std::uint64_t fetch) {
    core.described({CallId{1}, {FetchId{fetch}}}, now);
    turn();
    REQUIRE(waits.size() == 1);
    return std::exchange(waits, {}).front();
  }
  // And what the fetch of that number waits for, if there is one.
  std::vector<report::AskInfo> explain_asks(std::uint64_t fetch) {
    explained.clear();
    waits.clear();
    core.explained({CallId{1}, FetchId{fetch}, key_of(fetch)}, now);
    turn();
    return explained;
  }
  std::uint64_t counter(const std::string& name) {
    counters.clear();
    core.described({CallId{1}, {}}, now);
    turn();
    REQUIRE(counters.contains(name));
    return counters.at(name);
  }
  report::PeerInfo info(int peer) {
    infos.clear();
    core.peers_listed({CallId{1}}, now);
    turn();
    for (const auto& info : infos) {
      if (info.peer.peer == peer_key(peer)) return info;
    }
    FAIL("no such peer");
    return {};
  }

  // --- The peer set.
  void set(std::uint64_t number, std::vector<int> peers) {
    report::PeerSet set{CallId{9}, number, {}};
    for (const int peer : peers) set.peers.push_back(entry(peer));
    core.peer_set_came(set, now);
    turn();
  }
  void add(int peer, PeerRole role = PeerRole::primary) {
    core.peer_added({CallId{9}, entry(peer, role)}, now);
    turn();
  }
  void remove(int peer) {
    core.peer_removed({CallId{9}, peer_key(peer)}, now);
    turn();
  }
  void block(int peer, std::uint64_t ms) {
    core.block_ordered({CallId{9}, peer_key(peer), ms}, now);
    turn();
  }
  void unblock(int peer) {
    core.unblock_ordered({CallId{9}, peer_key(peer)}, now);
    turn();
  }

  // --- The peers. Those that live answer pings, after no time at all.
  void lives(int peer) {
    living.insert(peer);
    answer_pings();
    turn();
  }
  void dies(int peer) { living.erase(peer); }
  void restarts(int peer) { instances[peer] = instance(peer).value + 1000; }
  // In the set and connected.
  void connect(std::vector<int> peers) {
    for (const int peer : peers) {
      add(peer);
      lives(peer);
    }
    clear();
  }
  void value(const Asked& asked, const std::string& bytes = "value") {
    value_from(asked.peer, asked, bytes);
  }
  void value_from(int peer, const Asked& asked, const std::string& bytes = "value") {
    core.value_received(index(peer), asked.request, Payload::of(bytes), now);
    turn();
  }
  void no_data(const Asked& asked, Duration remembered = {}) {
    core.no_data_received(index(asked.peer), asked.request, remembered, now);
    turn();
  }
  void forgets(int peer) {
    core.forgotten_received(index(peer), now);
    turn();
  }
  void has(int peer, std::uint64_t fetch) {
    core.have_received(index(peer), key_of(fetch), now);
    turn();
  }
  void overloaded(const Asked& asked, Duration retry_after) {
    core.overloaded_received(index(asked.peer), asked.request, retry_after, now);
    turn();
  }
  void too_large(const Asked& asked, std::uint64_t size) {
    core.too_large_received(index(asked.peer), asked.request, size, now);
    turn();
  }
  void refused(int peer, RequestId request, Reason reason, const std::string& detail = "") {
    core.refused_received(index(peer), {request, reason, detail}, now);
    turn();
  }
  void send_failed(const Asked& asked) {
    core.send_failed(index(asked.peer), asked.request, now);
    turn();
  }

  // --- Time, stopping at each deadline as a loop does.
  void pass(Duration duration) {
    const Time until = now + duration;
    int steps = 0;
    while (core.next_deadline() <= until) {
      REQUIRE(++steps < 1'000'000);
      now = std::max(now, core.next_deadline());
      core.time_passed(now);
      turn();
    }
    now = until;
    core.time_passed(now);
    turn();
  }

  // Up to the next ask, if there is one within so long.
  void pass_until_asked(Duration most) {
    const Time until = now + most;
    while (asks.empty() && core.next_deadline() <= until) {
      pass(std::max(Duration::zero(), core.next_deadline() - now));
    }
  }

  // --- What came out.
  Asked only_ask() {
    REQUIRE(asks.size() == 1);
    return std::exchange(asks, {}).front();
  }
  std::vector<Asked> take_asks() { return std::exchange(asks, {}); }
  link::Answer only_answer() {
    REQUIRE(answers.size() == 1);
    return std::exchange(answers, {}).front();
  }
  report::Done only_done() {
    REQUIRE(dones.size() == 1);
    return std::exchange(dones, {}).front();
  }
  report::Failed only_failed() {
    REQUIRE(fails.size() == 1);
    return std::exchange(fails, {}).front();
  }
  void clear() {
    asks.clear(), answers.clear(), dones.clear(), fails.clear(), opened.clear(), closed.clear();
    admissions.clear(), syncs.clear(), alarms.clear(), waits.clear();
  }
  PeerIndex index(int peer) const {
    for (const auto& [index, number] : open) {
      if (number == peer) return index;
    }
    return UINT32_MAX;
  }
  // One turn of the loop: what can be sent is sent.
  void turn() {
    if (in_bulk) return;
    core.dispatch(now);
    carry_out();
    answer_pings();
    core.check_invariants();
  }
  void carry_out() {
    for (Effect& effect : core.take_effects()) {
      std::visit([&](auto& it) { on(it); }, effect);
    }
  }

  Time now = start();
  Core core;
  std::vector<Asked> asks;
  std::vector<std::pair<int, Key>> to_forget;  // whom, and what
  std::vector<link::Answer> answers;
  std::vector<link::Waits> waits;
  std::vector<report::Done> dones;
  std::vector<report::Failed> fails;
  std::vector<report::PeerInfo> infos;
  std::vector<report::AskInfo> explained;
  std::map<std::string, std::uint64_t> counters;
  std::vector<int> opened, closed;
  std::vector<bool> by_ipv6;  // of each opened
  std::vector<link::Admission> admissions;
  std::vector<CallId> syncs;
  std::vector<std::string> alarms;
  std::map<PeerIndex, int> open;  // DEALERs
  std::set<int> living;
  bool in_bulk = false;  // no turns: for a million of something

 private:
  static std::vector<PeerKey> keys(const std::vector<int>& peers) {
    std::vector<PeerKey> keys;
    for (const int peer : peers) keys.push_back(peer_key(peer));
    return keys;
  }
  static int number_of(const PeerKey& key) {
    return std::to_integer<int>(key.bytes[0]) + 256 * std::to_integer<int>(key.bytes[1]);
  }
  Instance instance(int peer) {
    auto& instance = instances[peer];
    if (instance == 0) instance = 100 + static_cast<std::uint64_t>(peer);
    return Instance{instance};
  }
  void answer_pings() {
    for (const auto& [index, nonce] : std::exchange(pings, {})) {
      if (!open.contains(index)) continue;
      const int peer = open.at(index);
      if (!living.contains(peer)) {
        pings[index] = nonce;  // waits in the pipe
        continue;
      }
      core.pong_received(index, {nonce, instance(peer)}, now);
      core.dispatch(now);
      carry_out();
    }
  }
  void on(const Open& it) {
    REQUIRE_FALSE(open.contains(it.peer));
    open[it.peer] = number_of(it.key);
    opened.push_back(number_of(it.key));
    by_ipv6.push_back(it.ipv6);
  }
  void on(const Close& it) {
    REQUIRE(open.contains(it.peer));
    closed.push_back(open.at(it.peer));
    open.erase(it.peer);
    pings.erase(it.peer);
  }
  void on(const ToPeer& to) {
    REQUIRE(open.contains(to.peer));
    if (const auto* ask = std::get_if<peer::Ask>(&to.item)) {
      asks.push_back(
          {open.at(to.peer), ask->request, ask->key, ask->room, ask->wait_ms, ask->remember_ms});
    } else if (const auto* ping = std::get_if<peer::Ping>(&to.item)) {
      pings[to.peer] = ping->nonce;
    } else if (const auto* forget = std::get_if<peer::Forget>(&to.item)) {
      to_forget.emplace_back(open.at(to.peer), forget->key);
    }
  }
  void on(const ToEngine& to) {
    if (const auto* it = std::get_if<link::Answer>(&to.item)) answers.push_back(*it);
    if (const auto* it = std::get_if<link::Waits>(&to.item)) waits.push_back(*it);
    if (const auto* it = std::get_if<report::PeerInfo>(&to.item)) infos.push_back(*it);
    if (const auto* it = std::get_if<report::AskInfo>(&to.item)) explained.push_back(*it);
    if (const auto* it = std::get_if<report::Counter>(&to.item)) counters[it->name] = it->value;
    if (const auto* it = std::get_if<report::Done>(&to.item)) dones.push_back(*it);
    if (const auto* it = std::get_if<report::Failed>(&to.item)) fails.push_back(*it);
  }
  void on(const ToProducer& to) {
    if (const auto* it = std::get_if<link::Admission>(&to.item)) admissions.push_back(*it);
    if (const auto* it = std::get_if<link::Sync>(&to.item)) syncs.push_back(it->call);
  }
  void on(const Alarm& alarm) { alarms.push_back(alarm.text); }

  std::map<int, std::uint64_t> instances;
  std::map<PeerIndex, std::uint64_t> pings;
};

}  // namespace quarry::peer_selector
