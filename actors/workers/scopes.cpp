#include "actors/workers/scopes.hpp"

#include <algorithm>
#include <string_view>

#include "msg/limits.hpp"

namespace quarry::workers {
namespace {

std::string_view head_of(const Prefix& bound, std::size_t length) {
  return text_of(bound.view()).substr(0, length);
}

// Whether a range that begins at `first` begins no later than behind a range that ends at `last`.
bool meets(const Prefix& last, const Prefix& first) {
  const std::size_t both = std::min(last.size(), first.size());
  return head_of(first, both) <= head_of(last, both);
}

// A shorter bound ends later, for it includes whatever follows it.
bool ends_before(const Prefix& a, const Prefix& b) {
  const std::size_t both = std::min(a.size(), b.size());
  if (head_of(a, both) != head_of(b, both)) return a < b;
  return a.size() > b.size();
}

}  // namespace

Scopes ScopeTable::enter(const std::vector<KeyRange>& keys) {
  Scopes bit = exactly(keys);
  if (bit == 0) {
    bit = ~used_ & (used_ + 1);  // the lowest that is free
    QUARRY_CHECK(bit != 0);
    list(bit).keys = keys;
    used_ |= bit;
    if (keys.empty()) all_ = bit;
  }
  ++list(bit).workers;
  return bit;
}

void ScopeTable::leave(Scopes scope) {
  QUARRY_CHECK(std::has_single_bit(scope) && (used_ & scope) != 0);
  if (--list(scope).workers > 0) return;
  list(scope).keys.clear();
  used_ &= ~scope;
  all_ &= ~scope;
}

Scopes ScopeTable::of(const Key& key) const {
  Scopes scopes = all_;
  for (Scopes left = used_ & ~all_; left != 0; left &= left - 1) {
    const Scopes bit = left & -left;
    if (contains(list(bit).keys, key)) scopes |= bit;
  }
  return scopes;
}

Scopes ScopeTable::exactly(const std::vector<KeyRange>& keys) const {
  if (keys.empty()) return all_;
  for (Scopes left = used_ & ~all_; left != 0; left &= left - 1) {
    const Scopes bit = left & -left;
    if (list(bit).keys == keys) return bit;
  }
  return 0;
}

std::vector<KeyRange> ScopeTable::keys() const {
  if (all_ != 0) return {};
  std::vector<KeyRange> ranges;
  for (const List& list : lists_) ranges.insert(ranges.end(), list.keys.begin(), list.keys.end());
  std::sort(ranges.begin(), ranges.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.first < b.first; });
  std::vector<KeyRange> together;
  for (const KeyRange& range : ranges) {
    if (together.empty() || !meets(together.back().last, range.first)) {
      together.push_back(range);
    } else if (ends_before(together.back().last, range.last)) {
      together.back().last = range.last;
    }
  }
  if (together.size() > limits::kMaxRanges) {
    together = {{together.front().first, together.back().last}};
  }
  return together;
}

void ScopeTable::check_invariants() const {
  for (std::size_t i = 0; i < lists_.size(); ++i) {
    const Scopes bit = Scopes{1} << i;
    QUARRY_CHECK((lists_[i].workers > 0) == ((used_ & bit) != 0));
    QUARRY_CHECK(((all_ & bit) != 0) == (lists_[i].workers > 0 && lists_[i].keys.empty()));
    QUARRY_CHECK(lists_[i].workers > 0 || lists_[i].keys.empty());
  }
}

}  // namespace quarry::workers
