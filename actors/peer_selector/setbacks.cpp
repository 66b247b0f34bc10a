// The part of the core that makes peers pay for failing: their score, and a while in which they are
// left alone; unless so many fail together that it must be us (N2).
#include <algorithm>

#include "actors/peer_selector/core.hpp"

namespace quarry::peer_selector {
namespace {
constexpr double kJitter = 0.25;
constexpr int kMaxDoublings = 16;
// Together is within twice the usual answer.
constexpr double kTogether = 2;
}  // namespace

Duration Core::together() const {
  const Duration usual(static_cast<std::int64_t>(pool_.latency_us * 1e3 * kTogether));
  return std::clamp(usual, Ourselves::kLeastWindow, Ourselves::kMostWindow);
}

std::size_t Core::asked_since(Time since) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      peers_.set(), [&](const Peer* peer) { return peer->member->last_asked >= since; }));
}

void Core::score_timeout(Request& request, Duration elapsed, Time now) {
  Peer& peer = *request.peer;
  Member& member = *peer.member;
  ++member.count.timed_out;
  if (ourselves_.known_to_be_us(now)) return void(++count_.acquitted);
  ourselves_.suspect({peer.index, now, member.score, member.aside_until, member.setbacks},
                     together());
  member.score.timed_out(elapsed, now);
  set_back(peer, now);
  const std::size_t suspects = ourselves_.suspects();
  if (suspects < Ourselves::kLeastPeers) return;
  if (suspects * 3 >= asked_since(now - elapsed - together())) acquit_all(now);
}

void Core::acquit_all(Time now) {
  for (const Ourselves::Suspect& suspect : ourselves_.acquit(now, together())) {
    ++count_.acquitted;
    Peer* peer = peers_.at(suspect.peer);
    if (peer == nullptr || !peer->member) continue;
    peer->member->score = suspect.before;
    peer->member->aside_until = suspect.aside_until;
    peer->member->setbacks = suspect.setbacks;
  }
}

// Left alone for a while, by fetches that can ask somebody else. Requests that fail meanwhile were
// sent before, or for want of others, and are one failure.
void Core::set_back(Peer& peer, Time now) {
  Member& member = *peer.member;
  if (config_.cooldown > Duration::zero() && now >= member.aside_until) {
    const Duration exact =
        std::min(Duration(config_.cooldown * (1LL << member.setbacks)), config_.cooldown_cap);
    const double jittered = static_cast<double>(exact.count()) * random_.around_one(kJitter);
    member.setbacks = std::min(member.setbacks + 1, kMaxDoublings);
    member.aside_until = now + Duration(static_cast<std::int64_t>(jittered));
    readmit(now);
  }
}

// Without proof no more than a third of the candidates (or one of two) are left alone: the least
// bad comes back. To be looked at when one more is left alone, or a candidate is lost.
void Core::readmit(Time now) {
  for (;;) {
    const std::size_t candidates = peers_.candidates().size();
    std::size_t aside = 0;
    Peer* least_bad = nullptr;
    for (Peer* peer : peers_.candidates()) {
      const Time until = peer->member->aside_until;
      if (until <= now) continue;
      ++aside;
      if (least_bad == nullptr || until < least_bad->member->aside_until) least_bad = peer;
    }
    if (aside <= std::max<std::size_t>(candidates > 1 ? 1 : 0, candidates / 3)) return;
    least_bad->member->aside_until = Time::min();
  }
}

// What it failed at may be over.
void Core::reconnected(Member& member, Time now) {
  member.aside_until = std::min(member.aside_until, now + config_.cooldown);
}

// `in_time`: before its timeout. One that was left alone is back then.
void Core::succeeded(Peer& peer, bool in_time) {
  Member& member = *peer.member;
  member.overloads = 0;
  member.setbacks /= 2;
  if (in_time) member.aside_until = Time::min();
  ourselves_.answered();
}

}  // namespace quarry::peer_selector
