#include "actors/peer_selector/fetch.hpp"

namespace quarry::peer_selector {

void Queues::fresh(Fetch& fetch) {
  QUARRY_CHECK(fetch.place == Place::nowhere);
  fetch.place = Place::fresh;
  fresh_[of(fetch.priority)].push_back(fetch);
}

void Queues::again(Fetch& fetch, Time now) {
  QUARRY_CHECK(fetch.place == Place::nowhere);
  fetch.place = Place::again;
  if (!fetch.hastened) fetch.due = now;
  again_[of(fetch.priority)].push_back(fetch);
}

void Queues::back_off(Fetch& fetch, Time due, std::uint32_t generation) {
  QUARRY_CHECK(fetch.place == Place::nowhere);
  fetch.place = Place::back_off;
  fetch.due = due;
  fetch.generation = generation;
  due_.push(fetch);
  backing_off_.push_back(fetch);
}

void Queues::remove(Fetch& fetch) {
  switch (fetch.place) {
    case Place::fresh:
      fresh_[of(fetch.priority)].remove(fetch);
      break;
    case Place::again:
      again_[of(fetch.priority)].remove(fetch);
      break;
    case Place::back_off:
      due_.remove(fetch);
      backing_off_.remove(fetch);
      break;
    case Place::nowhere:
    case Place::parked:
      return;
  }
  fetch.place = Place::nowhere;
}

void Queues::reclass(Fetch& fetch, Class priority) {
  auto* lists = fetch.place == Place::fresh   ? &fresh_
                : fetch.place == Place::again ? &again_
                                              : nullptr;
  if (lists != nullptr) (*lists)[of(fetch.priority)].remove(fetch);
  fetch.priority = priority;
  if (lists != nullptr) (*lists)[of(priority)].push_back(fetch);
}

void Queues::begin_anew(Fetch& fetch, std::uint32_t generation) {
  QUARRY_CHECK(fetch.place == Place::back_off);
  fetch.generation = generation;
  backing_off_.remove(fetch);
  backing_off_.push_back(fetch);
}

Fetch* Queues::next() const {
  for (std::size_t i = 0; since_again_ >= kPassedOver && i < kClasses; ++i) {
    const std::size_t c = (again_turn_ + i) % kClasses;
    if (!again_[c].empty()) return again_[c].front();
  }
  std::size_t chosen = 0;
  while (chosen < kClasses && !waits(chosen)) ++chosen;
  if (chosen == kClasses) return nullptr;
  for (std::size_t c = chosen + 1; c < kClasses; ++c) {
    if (waits(c) && since_class_[c] >= kPassedOver) chosen = c;
  }
  return !fresh_[chosen].empty() ? fresh_[chosen].front() : again_[chosen].front();
}

void Queues::sent(const Fetch& fetch) {
  if (fetch.place == Place::again) {
    since_again_ = 0;
    again_turn_ = (of(fetch.priority) + 1) % kClasses;
  } else if (again_size() > 0) {
    ++since_again_;
  }
  for (std::size_t c = 0; c < kClasses; ++c) {
    since_class_[c] = c == of(fetch.priority) || !waits(c) ? 0 : since_class_[c] + 1;
  }
}

std::size_t Queues::fresh_size() const {
  return fresh_[0].size() + fresh_[1].size() + fresh_[2].size();
}

std::size_t Queues::again_size() const {
  return again_[0].size() + again_[1].size() + again_[2].size();
}

void Queues::check_invariants() const {
  due_.check_invariants();
  QUARRY_CHECK(due_.size() == backing_off_.size());
}

}  // namespace quarry::peer_selector
