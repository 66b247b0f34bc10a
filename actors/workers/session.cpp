#include "actors/workers/session.hpp"

#include <algorithm>

namespace quarry::workers {

void Session::heard(Time now) {
  if (attached_) next_hello_ = now + kGreetSilentAfter;
}

void Session::welcome_received(const worker::Welcome& welcome, Time now) {
  if (stopped_) return;
  if (welcome.key_length != key_length_) {
    if (std::exchange(last_refusal_, Reason::key_length) != Reason::key_length) {
      effects_.push_back(Notice{true, "network " + welcome.network + " has keys of " +
                                          std::to_string(welcome.key_length) +
                                          " bytes, this worker is made for " +
                                          std::to_string(key_length_)});
    }
    attached_ = false;
    next_hello_ = now + kGreetRefusedAfter;
    effects_.push_back(worker::Bye{});
    return;
  }
  if (!attached_) {
    effects_.push_back(
        Notice{false, "attached to network " + welcome.network + " (" + welcome.agent + ")"});
  }
  attached_ = true;
  last_refusal_ = {};
  again_ = kGreetAgainAfter;
  next_hello_ = now + kGreetSilentAfter;
}

void Session::refused_received(const worker::Refused& refused, Time now) {
  if (stopped_) return;
  attached_ = false;
  if (refused.reason == Reason::unknown) {
    next_hello_ = std::max(now, last_hello_ + kGreetAgainAfter);
    return;
  }
  if (std::exchange(last_refusal_, refused.reason) != refused.reason) {
    effects_.push_back(
        Notice{true, "refused (" + std::string(name(refused.reason)) + "): " + refused.detail});
  }
  // A double is most likely ourselves on an older connection, which the door is about to notice.
  next_hello_ =
      now + (refused.reason == Reason::duplicate ? kGreetSilentAfter : kGreetRefusedAfter);
}

void Session::stopped() {
  if (std::exchange(stopped_, true)) return;
  if (attached_) effects_.push_back(worker::Bye{});
  attached_ = false;
  next_hello_ = kNever;
}

void Session::time_passed(Time now) {
  if (stopped_ || now < next_hello_) return;
  effects_.push_back(hello_);
  last_hello_ = now;
  next_hello_ = now + again_;
  again_ = std::min(again_ * 2, kGreetSilentAfter);
}

}  // namespace quarry::workers
