// Batches on their way out: items are collected during a turn, and flush() sends one message per
// partner (more where limits close a batch). What a full pipe does not take waits, in order, for
// the next flush, within a budget of bytes. DoorOutbox serves the many partners of a ROUTER,
// Outbox the one of a DEALER.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "bus/socket.hpp"

namespace quarry::bus {

// How soon a full pipe is tried again.
inline constexpr Duration kRetryFull = std::chrono::milliseconds(5);

// The batches for one partner.
template <class Protocol>
class Lane {
 public:
  template <class Item>
  void add(const Item& item, const typename Protocol::Context& context) {
    if (writer_.closed_for(value_size(item))) close(context);
    writer_.add(item);
  }
  // A batch of no items: it says only who is there.
  void add_nothing(const typename Protocol::Context& context) { close(context); }
  bool empty() const { return writer_.empty() && ready_.empty(); }
  // Bytes that wait.
  std::size_t bytes() const { return bytes_ + writer_.bytes(); }

  // Sends through `send(Encoded&)` until done or not taken.
  template <class Send>
  Socket::Sent flush(const typename Protocol::Context& context, Send send) {
    if (!writer_.empty()) close(context);
    while (!ready_.empty()) {
      const std::size_t size = ready_.front().envelope.size() + ready_.front().value_bytes;
      const Socket::Sent sent = send(ready_.front());
      if (sent != Socket::Sent::yes) return sent;
      ready_.pop_front();
      bytes_ -= size;
    }
    return Socket::Sent::yes;
  }

 private:
  template <class Item>
  static std::size_t value_size(const Item& item) {
    if constexpr (requires { item.value.size(); }) {
      return item.value.size();
    } else {
      return 0;
    }
  }
  void close(const typename Protocol::Context& context) {
    ready_.push_back(writer_.finish(Protocol::kProtocol, Protocol::kVersion, context));
    bytes_ += ready_.back().envelope.size() + ready_.back().value_bytes;
  }

  Writer writer_;
  std::deque<Encoded> ready_;
  std::size_t bytes_ = 0;
};

template <class Protocol>
class Outbox {
 public:
  explicit Outbox(typename Protocol::Context context) : context_(std::move(context)) {}
  template <class Item>
  void add(const Item& item) {
    lane_.add(item, context_);
  }
  void add_nothing() { lane_.add_nothing(context_); }
  Socket::Sent flush(Socket& socket) {
    return lane_.flush(context_, [&](Encoded& message) { return socket.send(message); });
  }
  Socket::Sent flush(Socket& socket, const Route& route) {
    return lane_.flush(context_, [&](Encoded& message) { return socket.send(route, message); });
  }
  bool empty() const { return lane_.empty(); }
  std::size_t bytes() const { return lane_.bytes(); }
  void clear() { lane_ = {}; }
  void set_context(typename Protocol::Context context) { context_ = std::move(context); }

 private:
  typename Protocol::Context context_;
  Lane<Protocol> lane_;
};

template <class Protocol>
class DoorOutbox {
 public:
  // A partner for whom more than `budget` bytes wait is given up.
  DoorOutbox(typename Protocol::Context context, std::size_t budget)
      : context_(std::move(context)), budget_(budget) {}
  template <class Item>
  void add(const Route& to, const Item& item) {
    lanes_[to].add(item, context_);
  }
  // The partners given up in this flush: gone, or over the budget. Their batches are dropped.
  struct Lost {
    Route route;
    bool gone;  // otherwise it does not read
  };
  std::vector<Lost> flush(Socket& socket) {
    std::vector<Lost> lost;
    for (auto it = lanes_.begin(); it != lanes_.end();) {
      const Socket::Sent sent = it->second.flush(
          context_, [&](Encoded& message) { return socket.send(it->first, message); });
      const bool over = sent == Socket::Sent::full && it->second.bytes() > budget_;
      if (sent == Socket::Sent::gone || over) {
        lost.push_back({it->first, sent == Socket::Sent::gone});
      }
      it = sent == Socket::Sent::full && !over ? std::next(it) : lanes_.erase(it);
    }
    return lost;
  }
  // Something waits for a full pipe: flush again after kRetryFull.
  bool empty() const { return lanes_.empty(); }
  std::size_t bytes(const Route& route) const {
    const auto lane = lanes_.find(route);
    return lane == lanes_.end() ? 0 : lane->second.bytes();
  }
  void drop(const Route& route) { lanes_.erase(route); }

 private:
  struct Hash {
    std::size_t operator()(const Route& route) const { return SaltedHash{}(route); }
  };
  typename Protocol::Context context_;
  std::size_t budget_;
  std::unordered_map<Route, Lane<Protocol>, Hash> lanes_;
};

}  // namespace quarry::bus
