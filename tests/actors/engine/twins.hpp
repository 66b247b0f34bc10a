// The Engine and its naive twin among the same partners, who do anything they may, in any order:
// after each event both must have said the same. Random choices decide what happens next, so a seed
// or a fuzzer's input replays a run.
#pragma once

#include <string>
#include <vector>

#include "tests/actors/engine/naive.hpp"
#include "tests/support/choices.hpp"
#include "tests/support/said.hpp"

namespace quarry::engine {

class Twins {
 public:
  Twins(test::Choices& choices, std::uint64_t seed);

  // Something happens.
  void step();
  // All comes to an end, and nothing may be left anywhere.
  void finish();
  // How they differed first, or what else is wrong; empty: nothing.
  const std::string& wrong() const { return wrong_; }

 private:
  // Ids are the naive twin's; those of the core are looked up when an event names one.
  struct Pursued {
    FetchId fetch;
    bool answered = false;  // and not judged yet
  };
  struct Asked {  // of a part, by a call
    Part part;
    CallId call;
  };

  static Config config();
  static Self self();

  // Both are told; what they say is compared.
  template <class Event>
  void tell(const char* what, Event event);
  void compare(const char* what, std::vector<Effect> core, std::vector<Effect> naive);
  void note(const Effect& effect);
  void differ(const std::string& what);

  void fetch();
  void withdraw();
  void answer();
  void verdict();
  void look_up();
  void put();
  void errand();
  void report();
  void command();
  void sweep();
  void client();
  void attach();
  void workers();
  void pass(Duration duration);

  ClientId some_client();
  Key some_key();
  Tag some_tag();
  CallId theirs() { return CallId{1 + choices_.below(9)}; }
  template <class Id>
  Id of_core(char kind, Id naive) const {
    return Id{pairs_.first_of(kind, naive.value)};
  }
  // One that is out, or now and then one that was.
  template <class Id>
  Id some(std::vector<Id>& out, std::vector<Id>& done);

  test::Choices& choices_;
  Time now_ = Time{} + std::chrono::hours(1);
  Core core_;
  Naive naive_;
  test::Pairs pairs_;
  std::string wrong_;
  std::uint64_t last_client_ = 0, last_request_ = 0;
  std::vector<ClientId> clients_;
  std::vector<Pursued> pursued_;
  std::vector<DeliveryId> deliveries_, judged_;
  std::vector<LookUpId> look_ups_, looked_up_;
  std::vector<CallId> errands_, done_;
  std::vector<Asked> asked_;
};

template <class Event>
void Twins::tell(const char* what, Event event) {
  if (!wrong_.empty()) return;
  event(core_, [&](char kind, auto id) { return of_core(kind, id); });
  event(naive_, [](char, auto id) { return id; });
  core_.check_invariants();
  compare(what, core_.take_effects(), naive_.take_effects());
  if (core_.fetches() != naive_.fetches()) differ("the number of fetches");
  if (core_.next_deadline() > naive_.next_due()) differ("the Engine would sleep too long");
}

}  // namespace quarry::engine
