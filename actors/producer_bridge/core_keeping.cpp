// The ProducerBridge's core: what the Engine has kept, removed and listed.
#include <algorithm>
#include <functional>
#include <iterator>

#include "actors/producer_bridge/core.hpp"

namespace quarry::producer_bridge {
namespace {

bool is_above(const Key& key, const Prefix& after) {
  return text_of(key.view()) > text_of(after.view());
}

}  // namespace

void Core::keep_received(const link::Keep& item, Time now) {
  change(item.call, {Line::keeps, 0, item.key, 0, item.value.kept()}, now);
}

void Core::remove_received(const link::Remove& item, Time now) {
  change(item.call, {Line::keeps, 0, item.key, 0, {}}, now);
}

void Core::change(CallId call, Work work, Time now) {
  const std::size_t bytes = work.value ? work.value->size() : 0;
  const bool full = keeps_.size() >= kKeeps || keep_bytes_ + bytes > kKeepBytes;
  if (full && !keeps_.empty()) {
    effects_.push_back(report::Failed{call, Reason::full, "too much waits to be kept"});
    return;
  }
  work.ticket = next_ticket_++;
  const auto job = storages_.keep(work, now);
  if (!job) {
    effects_.push_back(report::Failed{call, Reason::unavailable, job.error()});
    return;
  }
  keeps_.emplace_hint(keeps_.end(), work.ticket, Keep{call, *job, bytes, now + kKeepWithin});
  keep_bytes_ += bytes;
}

CallId Core::end_keep(std::uint64_t ticket) {
  const auto keep = keeps_.extract(ticket);
  QUARRY_CHECK(!keep.empty());
  keep_bytes_ -= keep.mapped().bytes;
  return keep.mapped().call;
}

void Core::list_received(const report::StoredList& item, Time now) {
  if (lists_.size() >= kLists) {
    effects_.push_back(report::Failed{item.call, Reason::full, "too many lists are being made"});
    return;
  }
  const auto at = lists_.emplace_hint(lists_.end(), next_ticket_++,
                                      List{item.call, item.after, now + kListWithin, {}, {}, {}});
  list_further(at, now);
}

void Core::list_further(Lists::iterator at, Time now) {
  auto& [ticket, list] = *at;
  Work work{Line::lists, ticket, {}, limits::kMaxStored, {}, list.after};
  if (const auto job = storages_.list(work, list.last, now)) {
    list.job = *job;
    return;
  }
  if (!list.last) {
    const std::string called = "storage called " + config_.keep_in;
    return storages_.keeper_attached()
               ? not_done(work, Reason::unsupported, "the " + called + " does not list", now)
               : not_done(work, Reason::unavailable, "no " + called + " is attached", now);
  }
  const std::uint64_t count = list.entries.size();
  effects_.push_back(report::Stored{list.call, std::move(list.entries)});
  effects_.push_back(report::Done{list.call, count});
  lists_.erase(at);
}

void Core::listed_received(WorkerId worker, worker::Listed item, Time now) {
  const auto work = storages_.answered(worker, item.job, now);
  const bool sense = work && work->line == Line::lists && item.entries.size() <= work->room &&
                     (item.entries.empty() || is_above(item.entries.front().key, work->after));
  if (sense) {
    const auto at = lists_.find(work->ticket);
    QUARRY_CHECK(at != lists_.end());
    std::vector<report::StoredEntry> both;
    std::ranges::set_union(at->second.entries, item.entries, std::back_inserter(both), {},
                           &report::StoredEntry::key, &report::StoredEntry::key);
    if (both.size() > limits::kMaxStored) both.resize(limits::kMaxStored);
    at->second.entries = std::move(both);
    list_further(at, now);
  } else if (work) {
    ++totals_.nonsense;
    not_done(*work, Reason::failed, kNonsense, now);
  }
  serve(now);
}

}  // namespace quarry::producer_bridge
