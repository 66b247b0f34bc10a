// Tables whose nodes come and go by the hundred with each batch: what one entry gives back the next
// takes, without asking the heap. A table keeps few spare nodes, so one that was large once gives
// its memory back. For one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <unordered_map>
#include <utility>

namespace quarry {

// Four batches. Where a sanitizer is to see each node live and die, none.
#if defined(__has_feature)
#define QUARRY_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define QUARRY_SANITIZED 1
#else
#define QUARRY_SANITIZED 0
#endif
inline constexpr std::size_t kSpareNodes = QUARRY_SANITIZED ? 0 : 1024;
#undef QUARRY_SANITIZED

// The spare nodes of one table, all of one size.
class SpareNodes {
 public:
  explicit SpareNodes(std::size_t most = kSpareNodes) : most_(most) {}
  SpareNodes(const SpareNodes&) = delete;
  SpareNodes& operator=(const SpareNodes&) = delete;
  ~SpareNodes() {
    while (first_ != nullptr) ::operator delete(take());
  }

  void* get(std::size_t size) {
    return first_ != nullptr && size == size_ ? take() : ::operator new(size);
  }
  void put(void* node, std::size_t size) {
    if (count_ == most_ || size < sizeof(void*) || (count_ > 0 && size != size_)) {
      return ::operator delete(node);
    }
    size_ = size;
    first_ = new (node) Spare{first_};
    ++count_;
  }

 private:
  struct Spare {
    Spare* next;
  };
  void* take() {
    --count_;
    return std::exchange(first_, first_->next);
  }

  std::size_t most_;
  Spare* first_ = nullptr;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
};

// An allocator for a table of nodes. Each table has its own; arrays come from the heap.
template <class T>
class Pooled {
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;

  Pooled() : spare_(std::make_shared<SpareNodes>()) {}
  // Also for a move: a table that was moved from is a table still.
  Pooled(const Pooled&) = default;
  Pooled& operator=(const Pooled&) = default;
  template <class U>
  Pooled(const Pooled<U>& other) : spare_(other.spare_) {}  // of the same table
  Pooled select_on_container_copy_construction() const { return {}; }

  T* allocate(std::size_t count) {
    return static_cast<T*>(count == 1 ? spare_->get(sizeof(T)) : ::operator new(count * sizeof(T)));
  }
  void deallocate(T* node, std::size_t count) {
    count == 1 ? spare_->put(node, sizeof(T)) : ::operator delete(node);
  }
  template <class U>
  friend bool operator==(const Pooled& a, const Pooled<U>& b) {
    return a.spare_ == b.spare_;
  }

 private:
  template <class U>
  friend class Pooled;
  std::shared_ptr<SpareNodes> spare_;
};

template <class Key, class Value, class Hash = std::hash<Key>>
using PooledHashMap =
    std::unordered_map<Key, Value, Hash, std::equal_to<Key>, Pooled<std::pair<const Key, Value>>>;
template <class Key, class Value>
using PooledMap = std::map<Key, Value, std::less<Key>, Pooled<std::pair<const Key, Value>>>;

}  // namespace quarry
