// The only clock of a simulation, and what happens on it: in the order of time, and at one time in
// the order in which it was announced. One thread; nothing else moves time.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "msg/time.hpp"

namespace quarry::sim {

using namespace std::chrono_literals;

class Events {
 public:
  using What = std::function<void()>;

  Time now() const { return now_; }
  void at(Time when, What what) {
    heap_.push_back({std::max(when, now_), ++announced_, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  void after(Duration delay, What what) { at(now_ + delay, std::move(what)); }
  // The next event up to `until`. False: there is none, and it is `until` now.
  bool step(Time until) {
    if (heap_.empty() || heap_.front().at > until) {
      now_ = std::max(now_, until);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    ++happened_;
    event.what();
    return true;
  }
  std::uint64_t happened() const { return happened_; }

 private:
  struct Event {
    Time at;
    std::uint64_t order;
    What what;
  };
  static bool later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  Time now_{1000h};
  std::vector<Event> heap_;
  std::uint64_t announced_ = 0;
  std::uint64_t happened_ = 0;
};

}  // namespace quarry::sim
