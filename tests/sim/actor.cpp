#include "tests/sim/actor.hpp"

namespace quarry::sim {
namespace {
// The shortest time between two turns for their own sake: what a turn costs.
constexpr Duration kTurn = 20us;
// So many turns in a second without an effect are no work but waiting (R10).
constexpr int kIdleTurns = 3000;
}  // namespace

void Actor::start() {
  ++life_;
  alive_ = true;
  armed_ = kNever;
  held_until_ = Time{};
  made();
  turn(false);
}

void Actor::die() {
  ++life_;
  alive_ = false;
  waiting_.clear();
}

void Actor::hears(Events::What what) {
  if (!alive_) return;
  if (now() < held_until_ || !waiting_.empty()) return waiting_.push_back(std::move(what));
  what();
  turn(false);
}

void Actor::hold_up(Duration delay) {
  held_until_ = std::max(held_until_, now() + delay);
  world_.events.at(held_until_, [this, life = life_] {
    if (life == life_ && now() >= held_until_) catch_up();
  });
}

// All that waits is heard in one turn, and before the time.
void Actor::catch_up() {
  if (waiting_.empty()) return;
  for (const Events::What& what : std::exchange(waiting_, {})) what();
  turn(false);
}

void Actor::turn(bool by_time) {
  const std::size_t effects = flush();
  if (by_time && effects == 0) count_idle_turn();
  if (++turns_ % world_.check_every == 0) check_invariants();
  arm();
}

void Actor::count_idle_turn() {
  if (now() - idle_since_ > 1s) {
    idle_since_ = now();
    idle_turns_ = 0;
  }
  if (++idle_turns_ > kIdleTurns) world_.fail("R10: " + name_ + " burns its time");
}

void Actor::arm() {
  const Time due = std::max({deadline(), now() + kTurn, held_until_ + 1ns});
  if (due >= armed_) return;
  armed_ = due;
  world_.events.at(due, [this, life = life_, due] {
    if (life == life_ && due == armed_) wake();
  });
}

void Actor::wake() {
  armed_ = kNever;
  if (deadline() > now() || now() < held_until_) return arm();
  elapsed();
  turn(true);
}

}  // namespace quarry::sim
