// Elements by their due time: the earliest on top, any of them removed in O(log n), because each
// knows its place. Does not own its elements. An element has `Time due` and
// `std::uint32_t heap_at`; whoever changes `due` of one that is in calls moved().
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "msg/check.hpp"
#include "msg/time.hpp"

namespace quarry::peer_selector {

inline constexpr std::uint32_t kNotInHeap = UINT32_MAX;

template <class T>
class DueHeap {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  T* top() const { return heap_.front(); }
  Time next() const { return heap_.empty() ? kNever : heap_.front()->due; }

  void push(T& element) {
    QUARRY_CHECK(element.heap_at == kNotInHeap);
    heap_.push_back(&element);
    up(heap_.size() - 1, &element);
  }
  void remove(T& element) {
    const std::size_t at = element.heap_at;
    QUARRY_CHECK(at < heap_.size() && heap_[at] == &element);
    element.heap_at = kNotInHeap;
    T* last = heap_.back();
    heap_.pop_back();
    if (last != &element) settle(at, last);
  }
  void moved(T& element) {
    QUARRY_CHECK(element.heap_at < heap_.size());
    settle(element.heap_at, &element);
  }
  void check_invariants() const {
    for (std::size_t at = 0; at < heap_.size(); ++at) {
      QUARRY_CHECK(heap_[at]->heap_at == at);
      QUARRY_CHECK(heap_[(at - (at > 0)) / 2]->due <= heap_[at]->due);
    }
  }

 private:
  void settle(std::size_t at, T* element) {
    if (at > 0 && element->due < heap_[(at - 1) / 2]->due) {
      up(at, element);
    } else {
      down(at, element);
    }
  }
  void place(std::size_t at, T* element) {
    heap_[at] = element;
    element->heap_at = static_cast<std::uint32_t>(at);
  }
  void up(std::size_t at, T* element) {
    while (at > 0 && element->due < heap_[(at - 1) / 2]->due) {
      place(at, heap_[(at - 1) / 2]);
      at = (at - 1) / 2;
    }
    place(at, element);
  }
  void down(std::size_t at, T* element) {
    for (;;) {
      std::size_t child = 2 * at + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1]->due < heap_[child]->due) ++child;
      if (heap_[child]->due >= element->due) break;
      place(at, heap_[child]);
      at = child;
    }
    place(at, element);
  }

  std::vector<T*> heap_;
};

}  // namespace quarry::peer_selector
