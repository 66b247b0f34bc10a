// The PeerSelector and its naive twin among peers and an Engine who do anything they may, in any
// order: whatever the selector says must be what the twin says, or permits. Random choices decide
// what happens next, so a seed or a fuzzer's input replays a run.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "actors/peer_selector/core.hpp"
#include "tests/actors/peer_selector/naive.hpp"
#include "tests/support/choices.hpp"

namespace quarry::peer_selector {

class Twins {
 public:
  // What a run is under, beside all that may happen. In plain and held_up peers remember.
  enum class Setting {
    plain,
    hedged,   // enough is known of answers to ask a second peer beside a slow one
    paced,    // four requests a second to each peer
    crowded,  // room for few answers
    all,      // the last three together
    held_up,  // several events are heard in one turn
  };
  Twins(test::Choices& choices, std::uint64_t seed, Setting setting);

  // Something happens, or several things.
  void step();
  // What is wrong first; empty: nothing.
  const std::string& wrong() const { return wrong_; }
  // Nobody can tell what should be: the run is over.
  bool over() const { return !wrong_.empty() || naive_.unsure(); }
  // How many events there have been: a step that lets a day pass has hundreds.
  std::uint64_t events() const { return events_; }
  std::uint64_t hedges() { return counters({})["hedges_total"]; }

 private:
  struct Asked {
    PeerIndex index;
    PeerKey peer;
    RequestId request;
  };

  static constexpr std::uint64_t kPeers = 6;
  static PeerKey peer_key(std::uint64_t number);
  static Key key_of(FetchId id);
  static report::PeerEntry entry(const PeerKey& key, PeerRole role);
  static bool is(Setting setting, Setting one) { return setting == one || setting == Setting::all; }
  static Config config(Setting setting);
  link::Room room() const;
  void warm_up();
  std::set<FetchId> left_queued();

  void happens();
  template <class OfCore, class OfNaive>
  void tell(const char* what, OfCore core, OfNaive naive);
  void turn();
  void answer_pings();
  void look_who_is_left_alone();
  void note(std::vector<Effect> effects);
  void on(const Open& open);
  void on(const Close& close);
  void on(const ToPeer& to);
  void on(const ToEngine& to);
  void on(const ToProducer& to);
  void on(const Alarm&) {}
  std::map<std::string, std::uint64_t> counters(const std::vector<FetchId>& describe);
  void compare();
  void differ(const std::string& what);

  void want();
  void change_targets();
  void change_set();
  void block();
  void live();
  void answer();
  void have();
  void judge();
  void answer(const Asked& asked, std::size_t size);
  void judge(const link::Answer& answer, Outcome outcome, bool again);
  void pass(Duration duration);

  PeerKey some_peer();
  std::vector<PeerKey> some_targets();

  test::Choices& choices_;
  const Setting setting_;
  Time now_ = Time{} + std::chrono::hours(1000);
  Core core_;
  Naive naive_;
  std::string what_, wrong_;
  bool more_ = false;  // another event comes before the turn
  std::uint64_t events_ = 0, last_fetch_ = 0, set_number_ = 0;
  std::set<FetchId> wanted_;
  std::map<PeerIndex, PeerKey> open_;
  std::map<PeerIndex, std::uint64_t> pings_;  // not answered yet
  std::set<PeerKey> living_;
  std::map<PeerKey, std::uint64_t> instances_;
  std::vector<Asked> asked_;
  std::vector<link::Answer> judging_;
};

template <class OfCore, class OfNaive>
void Twins::tell(const char* what, OfCore core, OfNaive naive) {
  if (over()) return;
  ++events_;
  what_ = what;
  core();
  naive();
  note(core_.take_effects());
  look_who_is_left_alone();
  naive_.event_over(now_);
  core_.check_invariants();
  if (!more_) turn();
}

}  // namespace quarry::peer_selector
