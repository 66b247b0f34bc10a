// The Engine's twins: what may happen to them.
#include <algorithm>

#include "tests/actors/engine/twins.hpp"

namespace quarry::engine {
namespace {

PeerKey peer(std::uint64_t number) {
  PeerKey peer;
  peer.bytes.fill(static_cast<std::byte>(number));
  return peer;
}

}  // namespace

void Twins::step() {
  if (!wrong_.empty()) return;
  const std::uint64_t what = choices_.below(128);
  if (what < 40) {
    fetch();
  } else if (what < 46) {
    withdraw();
  } else if (what < 60) {
    answer();
  } else if (what < 76) {
    verdict();
  } else if (what < 86) {
    look_up();
  } else if (what < 90) {
    put();
  } else if (what < 95) {
    errand();
  } else if (what < 101) {
    report();
  } else if (what < 107) {
    command();
  } else if (what < 111) {
    sweep();
  } else if (what < 116) {
    client();
  } else if (what < 120) {
    attach();
  } else if (what < 122) {
    workers();
  } else {
    pass(choices_.one_in(8) ? std::chrono::seconds(choices_.below(40))
                            : std::chrono::milliseconds(choices_.below(60)));
  }
}

ClientId Twins::some_client() {
  // Now and then one that nobody knows.
  if (clients_.empty() || choices_.one_in(32))
    return ClientId{1 + choices_.below(last_client_ + 1)};
  return choices_.any(clients_);
}

Key Twins::some_key() {
  std::string text = std::to_string(choices_.below(9));
  text.resize(32, '.');
  return Key(text);
}

Tag Twins::some_tag() { return Tag(std::to_string(choices_.below(3))); }

template <class Id>
Id Twins::some(std::vector<Id>& out, std::vector<Id>& done) {
  if (out.empty() || choices_.one_in(16)) return done.empty() ? Id{} : choices_.any(done);
  const std::size_t at = choices_.below(out.size());
  const Id id = out[at];
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
  done.push_back(id);
  if (done.size() > 20) done.erase(done.begin());
  return id;
}

void Twins::fetch() {
  const ClientId client = some_client();
  control::Fetch ask;
  ask.tag = some_tag();
  ask.key = some_key();
  ask.local = choices_.below(2) == 0;
  ask.keep = choices_.one_in(4);
  ask.detached = choices_.one_in(8);
  ask.priority = static_cast<Class>(1 + choices_.below(3));
  ask.deadline_ms = choices_.one_in(8) ? static_cast<std::uint32_t>(1 + choices_.below(90)) : 0;
  if (choices_.one_in(3)) {
    const std::uint64_t most = choices_.one_in(8) ? 60 : 4;
    for (std::uint64_t i = choices_.below(most); i > 0; --i) {
      ask.targets.push_back(peer(choices_.below(80)));
    }
  }
  tell("fetch", [&](auto& it, auto) { it.fetch_asked(client, ask, now_); });
}

void Twins::withdraw() {
  const ClientId client = some_client();
  const control::Withdraw ask{some_tag(), some_key()};
  tell("withdraw", [&](auto& it, auto) { it.withdraw_asked(client, ask, now_); });
}

void Twins::answer() {
  if (pursued_.empty()) return;
  Pursued& pursued = pursued_[choices_.below(pursued_.size())];
  if (pursued.answered && !choices_.one_in(16)) return;
  pursued.answered = true;
  const FetchId fetch = pursued.fetch;
  const std::string value(choices_.below(400), 'a');
  link::Answer answer{{}, RequestId{++last_request_}, peer(choices_.below(5)), Payload::of(value)};
  tell("answer", [&](auto& it, auto id) {
    answer.fetch = id('f', fetch);
    it.answer_received(answer, now_);
  });
}

void Twins::verdict() {
  const DeliveryId delivery = some(deliveries_, judged_);
  link::Verdict verdict;
  verdict.outcome =
      choices_.one_in(3) ? Outcome::complete : static_cast<Outcome>(1 + choices_.below(7));
  if (verdict.outcome == Outcome::partial) {
    for (std::uint64_t i = choices_.below(4); i > 0; --i) {
      verdict.satisfied.push_back(static_cast<std::uint16_t>(choices_.below(4)));
    }
  }
  tell("verdict", [&](auto& it, auto id) {
    verdict.delivery = id('d', delivery);
    it.verdict_received(verdict, now_);
  });
}

void Twins::look_up() {
  const LookUpId look_up = some(look_ups_, looked_up_);
  const std::uint64_t size = choices_.below(150'000);
  switch (choices_.below(3)) {
    case 0:
      return tell("found", [&](auto& it, auto id) {
        // Most are small; one may be larger than the network's values.
        const std::size_t bytes = size > 140'000 ? 100'001 : size / 1000;
        it.found_received({id('l', look_up), Payload::of(std::string(bytes, 'm'))}, now_);
      });
    case 1:
      return tell("no data", [&](auto& it, auto id) {
        it.no_data_received({id('l', look_up), size % 2 == 0}, now_);
      });
    default:
      return tell("too large", [&](auto& it, auto id) {
        it.too_large_received({id('l', look_up), size}, now_);
      });
  }
}

void Twins::put() {
  const ClientId client = some_client();
  const std::size_t size = choices_.one_in(8) ? 100'001 : choices_.below(50);
  const control::Put put{theirs(), some_key(), Payload::of(std::string(size, 'p'))};
  tell("put", [&](auto& it, auto) { it.put_asked(client, put, now_); });
}

void Twins::errand() {
  const CallId call = some(errands_, done_);
  const std::uint64_t count = choices_.below(2);
  if (choices_.one_in(3)) {
    return tell("errand failed", [&](auto& it, auto id) {
      it.failed_received(Part::producer, {id('c', call), Reason::full, ""}, now_);
    });
  }
  tell("errand done", [&](auto& it, auto id) {
    it.done_received(Part::producer, {id('c', call), count}, now_);
  });
}

// A part says something to a call, or its last word.
void Twins::report() {
  if (asked_.empty()) return;
  const std::size_t at = choices_.below(asked_.size());
  const Asked asked = asked_[at];
  const std::uint64_t what = choices_.below(4), number = choices_.below(9);
  if (what > 1) asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(at));
  tell("report", [&](auto& it, auto id) {
    const CallId call = id('c', asked.call);
    if (what == 0) {
      it.counter_received({call, "counter", number});
    } else if (what == 1) {
      const FetchId fetch =
          pursued_.empty() ? FetchId{} : id('f', pursued_[number % pursued_.size()].fetch);
      it.waits_received({call, fetch, FetchState::active, WaitsFor::answer, "", 3, 7}, now_);
    } else if (what == 2) {
      it.done_received(asked.part, {call, number}, now_);
    } else {
      it.failed_received(asked.part, {call, Reason::unknown, ""}, now_);
    }
  });
}

void Twins::command() {
  const ClientId client = some_client();
  const CallId call = theirs();
  std::vector<Key> keys;
  for (std::uint64_t i = choices_.below(3); i > 0; --i) keys.push_back(some_key());
  switch (choices_.below(6)) {
    case 0:
    case 1:
      return tell("status", [&](auto& it, auto) { it.status_asked(client, {call, keys}, now_); });
    case 2:
      return tell("peers", [&](auto& it, auto) {
        it.peers_commanded(client, report::PeerList{call}, now_);
      });
    case 3:
      return tell("list", [&](auto& it, auto) { it.list_asked(client, {call, {}}, now_); });
    case 4:
      return tell("remove", [&](auto& it, auto) { it.remove_asked(client, {call, keys}, now_); });
    default: {
      const Key key = some_key();
      return tell("explain", [&](auto& it, auto) { it.explain_asked(client, {call, key}, now_); });
    }
  }
}

void Twins::sweep() {
  const ClientId client = some_client();
  const CallId call = theirs();
  std::vector<Key> keys{some_key(), some_key()};
  const std::uint64_t what = choices_.below(12);
  if (what == 0) {
    return tell("sweep", [&](auto& it, auto) { it.clear_asked(client, {call}, now_); });
  }
  if (what < 5) {
    return tell("sweep", [&](auto& it, auto) { it.cancel_asked(client, {call, keys}, now_); });
  }
  control::Retain ask;
  ask.call = call;
  ask.by = static_cast<control::Predicate>(1 + what % 4);
  // Keeping most, so that some are left.
  ask.negated =
      ask.by == control::Predicate::range ? choices_.below(2) == 0 : choices_.below(4) > 0;
  if (ask.by == control::Predicate::keys || ask.by == control::Predicate::range) ask.keys = keys;
  if (ask.by == control::Predicate::range) std::ranges::sort(ask.keys);
  if (ask.by == control::Predicate::prefix) ask.prefix = Prefix(std::string_view("3"));
  if (ask.by == control::Predicate::tag) ask.tag = some_tag();
  tell("sweep", [&](auto& it, auto) { it.retain_asked(client, ask, now_); });
}

void Twins::client() {
  if (choices_.one_in(2) && clients_.size() > 1) {
    const ClientId gone = some_client();
    std::erase(clients_, gone);
    return tell("gone", [&](auto& it, auto) { it.client_gone(gone, now_); });
  }
  const bool again = !clients_.empty() && choices_.one_in(4);
  const ClientId client = again ? choices_.any(clients_) : ClientId{++last_client_};
  const bool taken = again || clients_.size() < config().max_clients;
  if (taken && !again) clients_.push_back(client);
  tell("greeted", [&](auto& it, auto) { it.client_greeted(client, now_); });
}

void Twins::attach() {
  switch (choices_.below(3)) {
    case 0:
      pursued_.clear();
      return tell("selector attached", [&](auto& it, auto) { it.selector_attached(now_); });
    case 1:
      deliveries_.clear();
      return tell("consumer attached", [&](auto& it, auto) { it.consumer_attached(now_); });
    default:
      look_ups_.clear();
      errands_.clear();
      return tell("producer attached", [&](auto& it, auto) { it.producer_attached(now_); });
  }
}

void Twins::workers() {
  link::Attached attached{WorkerRole::verifier, static_cast<std::uint32_t>(choices_.below(3))};
  if (choices_.below(2) == 0) attached.role = WorkerRole::storage;
  tell("workers", [&](auto& it, auto) { it.workers_attached(attached, now_); });
}

// As a loop does: at each deadline.
void Twins::pass(Duration duration) {
  const Time end = now_ + duration;
  for (int turns = 0; wrong_.empty() && core_.next_deadline() <= end; ++turns) {
    now_ = std::max(now_, core_.next_deadline());
    tell("time", [&](auto& it, auto) { it.time_passed(now_); });
    if (core_.next_deadline() <= now_) differ("something is due again at once");
    if (turns > 1000) return differ("something is due again and again");
  }
  now_ = end;
}

void Twins::finish() {
  tell("selector attached", [&](auto& it, auto) { it.selector_attached(now_); });
  tell("stop", [&](auto& it, auto) { it.stop_asked(now_); });
  while (wrong_.empty() && !(deliveries_.empty() && errands_.empty() && look_ups_.empty())) {
    for (const CallId call : std::exchange(errands_, {})) {
      tell("errand done", [&](auto& it, auto id) {
        it.done_received(Part::producer, {id('c', call), 1}, now_);
      });
    }
    for (const LookUpId look_up : std::exchange(look_ups_, {})) {
      tell("no data", [&](auto& it, auto id) {
        it.no_data_received({id('l', look_up), true}, now_);
      });
    }
    for (const DeliveryId delivery : std::exchange(deliveries_, {})) {
      tell("verdict", [&](auto& it, auto id) {
        it.verdict_received({id('d', delivery), Outcome::invalid, {}}, now_);
      });
    }
  }
  if (!wrong_.empty()) return;
  if (!core_.stopped()) differ("it has not stopped");
  if (naive_.fetches() != 0) differ("fetches are left");
  if (!naive_.left().empty()) differ("left are " + naive_.left());
}

}  // namespace quarry::engine
