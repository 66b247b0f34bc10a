// Who was asked for what lately, why, and what came of it (N11): the last asks, within a fixed
// budget of memory. Noted when an ask is sent and when it ends; decides nothing.
//
// Request ids count up by one, so an ask is found by its id without a table.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "actors/peer_selector/limits.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"
#include "msg/words.hpp"

namespace quarry::peer_selector {

// A peer as it stood when another, or itself, was chosen.
struct Weighed {
  std::uint64_t serial = 0;  // of the peer
  float cost_us = 0;         // of a candidate
  Standing standing = Standing::candidate;
};

struct JournalEntry {
  RequestId request{};
  Key key{};
  PeerKey peer{};
  Time sent{};
  Time ended{};                                        // once it has
  std::uint32_t in_set = 0, available = 0, tried = 0;  // how many peers were
  Why why = Why::cheapest;
  AskResult result = AskResult::waiting;
  std::uint8_t weighed_count = 0;
  std::array<Weighed, limits::kJournalWeighed> weighed{};

  void weigh(const Weighed& one) {
    if (weighed_count < weighed.size()) weighed[weighed_count++] = one;
  }
};

class Journal {
 public:
  // Each request once, in the order of their ids. To be filled in.
  JournalEntry& asked(RequestId request) {
    if (entries_.empty()) first_ = request.value;
    const std::size_t at = place(request);
    if (at >= entries_.size()) entries_.resize(at + 1);
    entries_[at] = JournalEntry{request};
    return entries_[at];
  }
  // May come again: a timed-out request may still be answered.
  void ended(RequestId request, AskResult result, Time now) {
    if (entries_.empty()) return;
    JournalEntry& entry = entries_[std::min(place(request), entries_.size() - 1)];
    if (entry.request != request) return;
    entry.result = result;
    entry.ended = now;
  }
  // What is still known of a key, the newest `most` asks, the oldest first.
  std::vector<const JournalEntry*> of(const Key& key, std::size_t most) const {
    std::vector<const JournalEntry*> found;
    for (const JournalEntry& entry : entries_) {
      if (entry.key == key) found.push_back(&entry);
    }
    const auto age = [&](const JournalEntry* entry) { return entry->request.value - first_; };
    std::ranges::sort(found, {}, age);
    if (found.size() > most)
      found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most));
    return found;
  }

 private:
  std::size_t place(RequestId request) const {
    return static_cast<std::size_t>((request.value - first_) % limits::kJournal);
  }

  std::vector<JournalEntry> entries_;
  std::uint64_t first_ = 0;
};

}  // namespace quarry::peer_selector
