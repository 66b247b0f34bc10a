// The part of the core that remembers why it asked whom, and tells (N11).
#include <algorithm>

#include "actors/peer_selector/core.hpp"
#include "actors/peer_selector/limits.hpp"

namespace quarry::peer_selector {
namespace {

std::uint32_t in_us(double us) { return static_cast<std::uint32_t>(std::clamp(us, 0.0, 4e9)); }

}  // namespace

// Requires choose(), as the last choice.
void Core::note_ask(const Fetch& fetch, const Request& request, Why why, Time now) {
  JournalEntry& entry = journal_.asked(request.id);
  entry.key = fetch.key;
  entry.peer = request.peer->key;
  entry.sent = now;
  entry.why = why;
  entry.in_set = static_cast<std::uint32_t>(peers_.set().size());
  entry.available = static_cast<std::uint32_t>(peers_.available().size());
  entry.tried = static_cast<std::uint32_t>(fetch.progress ? fetch.progress->tried.size() : 0);
  for (const Candidate& candidate : choice_.considered()) {
    const Peer& peer = *peers_.at(candidate.id);
    entry.weigh({peer.serial, static_cast<float>(candidate.cost_us), Standing::candidate});
  }
  // Of a small network, also who could not be asked, and why.
  if (peers_.set().size() > entry.weighed.size()) return;
  for (const Peer* peer : peers_.set()) {
    const auto is_it = [&](const Candidate& candidate) { return candidate.id == peer->index; };
    if (peer == request.peer || std::ranges::any_of(choice_.considered(), is_it)) continue;
    entry.weigh({peer->serial, 0, standing(fetch, *peer, now)});
  }
}

// Requires mark_tried().
Standing Core::standing(const Fetch& fetch, const Peer& peer, Time now) const {
  Member& member = *peer.member;
  if (!peers_.askable(member)) return Standing::serve_only;
  if (member.block.holds(now)) return Standing::blocked;
  if (member.candidate_at == kNotListed) return Standing::not_connected;
  if (fetch.restricted && std::ranges::count(fetch.progress->targets, &peer) == 0) {
    return Standing::not_target;
  }
  if (!may_ask(fetch, peer)) return Standing::tried;
  if (member.in_flight >= config_.in_flight_cap) return Standing::busy;
  if (member.cool_until > now) return Standing::cooling;
  if (!member.pace.ready(now)) return Standing::rate;
  return member.aside_until > now ? Standing::left_alone : Standing::candidate;
}

void Core::explained(const link::Explain& explain, Time now) {
  now_ = now;
  if (const Fetch* fetch = find(explain.fetch)) {
    link::Waits item = waits(*fetch, now);
    item.call = explain.call;
    effects_.push_back(ToEngine{std::move(item)});
  }
  const auto keys = peers_.keys_by_serial();
  const auto asks = journal_.of(explain.key, limits::kExplained);
  for (const JournalEntry* ask : asks) {
    report::AskInfo info;
    info.call = explain.call;
    info.peer = ask->peer;
    info.why = ask->why;
    info.result = ask->result;
    const bool waiting = ask->result == AskResult::waiting;
    info.age_ms = static_cast<std::uint64_t>((now - ask->sent) / std::chrono::milliseconds(1));
    info.took_us = static_cast<std::uint64_t>(((waiting ? now : ask->ended) - ask->sent) /
                                              std::chrono::microseconds(1));
    info.in_set = ask->in_set;
    info.available = ask->available;
    info.tried = ask->tried;
    for (std::size_t i = 0; i < ask->weighed_count; ++i) {
      const Weighed& weighed = ask->weighed[i];
      const auto known = keys.find(weighed.serial);
      if (known == keys.end()) continue;  // forgotten since
      info.candidates.push_back({known->second, weighed.standing, in_us(weighed.cost_us)});
    }
    effects_.push_back(ToEngine{std::move(info)});
  }
  effects_.push_back(ToEngine{report::Done{explain.call, asks.size()}});
}

}  // namespace quarry::peer_selector
