// The PeerSelector's twins: what may happen to them.
#include <algorithm>

#include "tests/actors/peer_selector/twins.hpp"

namespace quarry::peer_selector {

using namespace std::chrono_literals;

void Twins::step() {
  if (over()) return;
  if (setting_ == Setting::held_up && choices_.one_in(2)) {
    more_ = true;
    for (std::uint64_t more = choices_.below(6); more > 0; --more) happens();
    more_ = false;
    turn();
  } else {
    happens();
  }
  answer_pings();
}

void Twins::happens() {
  const std::uint64_t what = choices_.below(64);
  if (what < 12) {
    want();
  } else if (what < 17) {
    change_targets();
  } else if (what < 22) {
    change_set();
  } else if (what < 25) {
    block();
  } else if (what < 29) {
    live();
  } else if (what < 44) {
    answer();
  } else if (what < 54) {
    judge();
  } else if (what == 54) {
    wanted_.clear();
    judging_.clear();
    tell(
        "engine attached",
        [&] {
          core_.engine_attached(now_);
          core_.room_granted(room());
        },
        [&] { naive_.engine_attached(room()); });
  } else if (what == 55) {
    pass(std::chrono::hours(choices_.below(30)));
  } else if (what < 59) {
    have();
  } else {
    pass(std::chrono::milliseconds(choices_.below(choices_.one_in(4) ? 20'000 : 800)));
  }
}

PeerKey Twins::some_peer() { return peer_key(1 + choices_.below(kPeers)); }

// The node itself and strangers among them.
std::vector<PeerKey> Twins::some_targets() {
  std::vector<PeerKey> targets;
  for (std::uint64_t i = choices_.below(4); i > 0; --i) {
    targets.push_back(peer_key(choices_.below(kPeers + 3)));
  }
  return targets;
}

void Twins::want() {
  link::Want want;
  want.fetch =
      !wanted_.empty() && choices_.one_in(8) ? choices_.any(wanted_) : FetchId{++last_fetch_};
  if (wanted_.size() > 12 && !wanted_.contains(want.fetch)) return;
  want.key = key_of(want.fetch);
  want.priority = static_cast<Class>(1 + choices_.below(3));
  if (choices_.one_in(2) && !wanted_.contains(want.fetch)) want.targets = some_targets();
  wanted_.insert(want.fetch);
  tell(
      "want", [&] { core_.wanted(want, now_); }, [&] { naive_.wanted(want); });
}

void Twins::change_targets() {
  if (wanted_.empty()) return;
  const FetchId fetch = choices_.any(wanted_);
  const std::uint64_t what = choices_.below(5);
  if (what == 0) {
    wanted_.erase(fetch);
    return tell(
        "end", [&] { core_.ended({fetch}, now_); }, [&] { naive_.ended({fetch}, now_); });
  }
  if (what == 1) {
    return tell(
        "clear targets", [&] { core_.targets_cleared({fetch}, now_); },
        [&] { naive_.targets_cleared({fetch}); });
  }
  const link::AddTargets added{fetch, some_targets()};
  tell(
      "add targets", [&] { core_.targets_added(added, now_); },
      [&] { naive_.targets_added(added); });
}

void Twins::change_set() {
  const PeerKey key = choices_.one_in(16) ? peer_key(0) : some_peer();
  const std::uint64_t what = choices_.below(8);
  if (what == 0) {
    // Now and then an older one.
    report::PeerSet set{{}, choices_.one_in(4) ? set_number_ : ++set_number_, {}};
    for (std::uint64_t i = 0; i <= kPeers; ++i) {
      if (!choices_.one_in(4)) set.peers.push_back(entry(peer_key(i), PeerRole::primary));
    }
    return tell(
        "set", [&] { core_.peer_set_came(set, now_); },
        [&] { naive_.peer_set_came(set.number, set.peers); });
  }
  if (what == 1) {
    return tell(
        "remove",
        [&] {
          core_.peer_removed({{}, key}, now_);
        },
        [&] { naive_.peer_removed(key); });
  }
  const report::PeerEntry one =
      entry(key, choices_.one_in(6) ? PeerRole::serve_only : PeerRole::primary);
  tell(
      "add",
      [&] {
        core_.peer_added({{}, one}, now_);
      },
      [&] { naive_.peer_added(one); });
}

void Twins::block() {
  const PeerKey key = some_peer();
  if (choices_.one_in(2)) {
    return tell(
        "unblock",
        [&] {
          core_.unblock_ordered({{}, key}, now_);
        },
        [&] { naive_.unblock_ordered(key); });
  }
  const std::uint64_t ms = choices_.one_in(4) ? 0 : 1 + choices_.below(20'000);
  tell(
      "block",
      [&] {
        core_.block_ordered({{}, key, ms}, now_);
      },
      [&] { naive_.block_ordered(key, std::chrono::milliseconds(ms), now_); });
}

// Peers come to life, die, begin another life, or want nothing to do with us.
void Twins::live() {
  const PeerKey key = some_peer();
  const std::uint64_t what = choices_.below(8);
  if (what < 4) {
    living_.insert(key);
  } else if (what == 4) {
    living_.erase(key);
  } else if (what == 5) {
    ++instances_[key];
  } else if (!open_.empty()) {
    const auto& one = *std::next(open_.begin(), static_cast<long>(choices_.below(open_.size())));
    const PeerIndex index = one.first;
    const PeerKey peer = one.second;
    tell(
        "refuses",
        [&] {
          core_.refused_received(index, {RequestId{}, Reason::blocked, ""}, now_);
        },
        [&] { naive_.connection_refused(peer); });
  }
}

void Twins::answer() {
  if (asked_.empty()) return;
  const std::size_t at = choices_.below(asked_.size());
  Asked asked = asked_[at];
  // Now and then it is answered twice.
  if (!choices_.one_in(5)) asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(at));
  const std::uint64_t what = choices_.below(9), size = choices_.below(100'000);
  const Duration some_ms = std::chrono::milliseconds(choices_.below(6000));
  // And by another.
  if (choices_.one_in(16) && !open_.empty()) {
    std::tie(asked.index, asked.peer) = std::pair(*open_.begin());
  }
  // An answer comes over a DEALER that is there.
  if (!open_.contains(asked.index) || open_.at(asked.index) != asked.peer) return;
  const auto [index, peer, id] = asked;
  const RequestId request = id;
  const PeerKey key = peer;
  const PeerIndex from = index;
  switch (what) {
    case 0:
    case 1: {
      constexpr Duration kTimes[] = {0s, 1s, 31s, 20min, 2h, 9h};
      const Duration remembered = choices_.one_in(3) ? 0s : kTimes[choices_.below(6)];
      return tell(
          "no data", [&] { core_.no_data_received(from, request, remembered, now_); },
          [&] { naive_.no_data_received(key, request, remembered, now_); });
    }
    case 2:
      return tell(
          "overloaded", [&] { core_.overloaded_received(from, request, some_ms, now_); },
          [&] { naive_.overloaded_received(key, request, some_ms, now_); });
    case 3:
      return tell(
          "too large", [&] { core_.too_large_received(from, request, size * 60, now_); },
          [&] { naive_.too_large_received(key, request, size * 60); });
    case 4:
      return tell(
          "refused",
          [&] {
            core_.refused_received(from, {request, Reason::failed, ""}, now_);
          },
          [&] { naive_.refused_received(key, request); });
    case 5:
      return tell(
          "send failed", [&] { core_.send_failed(from, request, now_); },
          [&] { naive_.send_failed(key, request, now_); });
    default:
      return answer(asked, size);
  }
}

void Twins::answer(const Asked& asked, std::size_t size) {
  tell(
      "value",
      [&] {
        core_.value_received(asked.index, asked.request, Payload::of(std::string(size, 'v')), now_);
      },
      [&] { naive_.value_received(asked.peer, asked.request, size); });
}

// What it was asked for, or something else; or it has forgotten all.
void Twins::have() {
  if (open_.empty()) return;
  const auto& one = *std::next(open_.begin(), static_cast<long>(choices_.below(open_.size())));
  const PeerIndex index = one.first;
  const PeerKey peer = one.second;
  if (choices_.one_in(8)) {
    return tell(
        "forgotten", [&] { core_.forgotten_received(index, now_); },
        [&] { naive_.forgotten_received(peer); });
  }
  const bool known = !wanted_.empty() && !choices_.one_in(8);
  const Key key = key_of(known ? choices_.any(wanted_) : FetchId{1 + choices_.below(99)});
  tell(
      "have", [&] { core_.have_received(index, key, now_); },
      [&] { naive_.have_received(peer, key, now_); });
}

void Twins::judge() {
  if (judging_.empty()) return;
  const std::size_t at = choices_.below(judging_.size());
  const link::Answer answer = judging_[at];
  judging_.erase(judging_.begin() + static_cast<std::ptrdiff_t>(at));
  const Outcome outcome =
      choices_.one_in(3) ? Outcome::complete : static_cast<Outcome>(1 + choices_.below(7));
  judge(answer, outcome, outcome != Outcome::complete && choices_.below(4) > 0);
}

void Twins::judge(const link::Answer& answer, Outcome outcome, bool again) {
  const link::Judged judged{answer.fetch, answer.request, outcome, again};
  if (!again) wanted_.erase(answer.fetch);
  tell(
      "judged",
      [&] {
        core_.judged(judged, now_);
        core_.room_granted({1, answer.value.size()});
      },
      [&] { naive_.judged(judged, now_); });
}

// As a loop does, at each deadline; but at whole milliseconds. None passes within a turn.
void Twins::pass(Duration duration) {
  if (more_) return;
  const Time end = now_ + duration;
  for (int turns = 0; !over() && core_.next_deadline() <= end && turns < 300; ++turns) {
    now_ =
        std::max(now_, Time(std::chrono::ceil<std::chrono::milliseconds>(core_.next_deadline())));
    std::uint64_t timed_out = 0;
    std::vector<Effect> effects;
    tell(
        "time",
        [&] {
          core_.time_passed(now_);
          effects = core_.take_effects();
          timed_out = counters({})["requests_timed_out_total"];
        },
        [&] {
          naive_.time_passed(timed_out, now_);
          note(std::move(effects));
        });
    answer_pings();
  }
  if (!over() && core_.next_deadline() > end) now_ = std::max(now_, end);
}

}  // namespace quarry::peer_selector
