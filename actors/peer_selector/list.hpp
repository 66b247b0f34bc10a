// A doubly linked list through hooks in its elements: no allocation, removal from the middle in one
// step. Does not own its elements; an element is in at most one list per hook.
#pragma once

#include <cstddef>

#include "msg/check.hpp"

namespace quarry::peer_selector {

template <class T>
struct Hook {
  T* prev = nullptr;
  T* next = nullptr;
};

template <class T, Hook<T> T::*kHook = &T::hook>
class List {
 public:
  bool empty() const { return head_ == nullptr; }
  std::size_t size() const { return size_; }
  T* front() const { return head_; }
  static T* after(const T& element) { return (element.*kHook).next; }

  void push_back(T& element) {
    Hook<T>& hook = element.*kHook;
    hook = {tail_, nullptr};
    (tail_ != nullptr ? (tail_->*kHook).next : head_) = &element;
    tail_ = &element;
    ++size_;
  }
  void remove(T& element) {
    QUARRY_CHECK(size_ > 0);
    Hook<T>& hook = element.*kHook;
    (hook.prev != nullptr ? (hook.prev->*kHook).next : head_) = hook.next;
    (hook.next != nullptr ? (hook.next->*kHook).prev : tail_) = hook.prev;
    hook = {};
    --size_;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace quarry::peer_selector
