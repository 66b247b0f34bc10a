// A link inside a node, as bus/link.hpp has it: in order and without loss within an epoch; what
// bears another epoch is dropped. The bound end takes whoever said Hello last, and tells a stranger
// that it knows it not; the connecting end, greeted twice, begins a new epoch. An idle connecting
// end is heard once a second.
#pragma once

#include "msg/link.hpp"
#include "tests/sim/actor.hpp"

namespace quarry::sim {

template <class ToBound, class ToConnected>
class Link {
 public:
  Link(World& world, Actor& bound, std::function<void(const ToBound&)> bound_hears,
       Actor& connected, std::function<void(const ToConnected&)> connected_hears)
      : world_(world),
        bound_(bound),
        connected_(connected),
        bound_hears_(std::move(bound_hears)),
        connected_hears_(std::move(connected_hears)) {}

  void to_bound(ToBound item) {
    if (greeted_) send_to_bound(std::move(item));
  }
  void to_connected(ToConnected item) {
    if (bound_epoch_ != 0) send_to_connected(bound_epoch_, std::move(item));
  }
  // The bound end is made anew: it knows nobody.
  void bind() { bound_epoch_ = 0; }
  // The connecting end is made anew, or begins anew.
  void connect() {
    epoch_ = ++epochs_;
    greeted_ = false;
    send_to_bound(link::Hello{});
    if (const std::uint64_t life = connected_.life(); std::exchange(probing_, life) != life) {
      probe(life);
    }
  }

 private:
  void send_to_bound(ToBound item) {
    there_ = std::max(there_, world_.events.now() + kLatency);
    bound_.hears(there_,
                 [this, epoch = epoch_, item = std::move(item)] { came_to_bound(epoch, item); });
  }
  void send_to_connected(std::uint64_t epoch, ToConnected item) {
    back_ = std::max(back_, world_.events.now() + kLatency);
    connected_.hears(back_,
                     [this, epoch, item = std::move(item)] { came_to_connected(epoch, item); });
  }
  void probe(std::uint64_t life) {
    world_.events.after(kProbeEvery, [this, life] {
      if (connected_.life() != life) return;
      bound_.hears(world_.events.now() + kLatency, [this, epoch = epoch_] {
        if (epoch != bound_epoch_) send_to_connected(epoch, link::Hello{});
      });
      probe(life);
    });
  }
  void came_to_bound(std::uint64_t epoch, const ToBound& item) {
    if (std::holds_alternative<link::Hello>(item)) {
      bound_epoch_ = epoch;
      to_connected(link::Hello{});
    } else if (epoch != bound_epoch_) {
      return send_to_connected(epoch, link::Hello{});
    }
    bound_.heard(connected_.name(), item);
    bound_hears_(item);
  }
  void came_to_connected(std::uint64_t epoch, const ToConnected& item) {
    if (epoch != epoch_) return;
    const bool hello = std::holds_alternative<link::Hello>(item);
    if (hello && std::exchange(greeted_, true)) return connect();
    connected_.heard(bound_.name(), item);
    connected_hears_(item);
  }

  static constexpr Duration kLatency = 20us;
  static constexpr Duration kProbeEvery = 1s;
  World& world_;
  Actor& bound_;
  Actor& connected_;
  std::function<void(const ToBound&)> bound_hears_;
  std::function<void(const ToConnected&)> connected_hears_;
  std::uint64_t epochs_ = 0, epoch_ = 0, bound_epoch_ = 0;
  bool greeted_ = false;
  std::uint64_t probing_ = 0;  // the life of the connecting end that probes
  Time there_{}, back_{};
};

}  // namespace quarry::sim
