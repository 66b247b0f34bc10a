// One actor's turns on the virtual clock: it hears one thing, lets its core decide, has the effects
// carried out, and sleeps until its core's deadline. It may be held up (what comes meanwhile
// waits), and it may die and start again.
#pragma once

#include <string>

#include "tests/sim/world.hpp"

namespace quarry::sim {

class Actor {
 public:
  Actor(World& world, std::string name) : world_(world), name_(std::move(name)) {}
  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  // Something comes to it at that time. It is lost on the dead, and waits while it is held up.
  void hears(Time when, Events::What what) {
    world_.events.at(when, [this, what = std::move(what)]() mutable { hears(std::move(what)); });
  }
  // Now; not to be called within another actor's turn.
  void hears(Events::What what);
  template <class Item>
  void heard(const std::string& from, const Item& item) {
    world_.log.line(world_.events.now(), name_, from, item);
  }
  void start();
  void die();
  void hold_up(Duration delay);
  bool alive() const { return alive_; }
  std::uint64_t life() const { return life_; }
  const std::string& name() const { return name_; }

 protected:
  virtual void made() = 0;                    // a new core
  virtual void elapsed() = 0;                 // its deadline has come
  virtual std::size_t flush() = 0;            // how many effects were carried out
  virtual Time deadline() const = 0;          // of its core
  virtual void check_invariants() const = 0;  // of its core
  Time now() const { return world_.events.now(); }

  World& world_;

 private:
  void catch_up();
  void turn(bool by_time);
  void arm();
  void wake();
  void count_idle_turn();

  std::string name_;
  std::uint64_t life_ = 0;
  bool alive_ = false;
  Time held_until_{};
  std::vector<Events::What> waiting_;  // came while it was held up
  Time armed_ = kNever;
  std::uint64_t turns_ = 0;
  Time idle_since_{};
  int idle_turns_ = 0;
};

}  // namespace quarry::sim
