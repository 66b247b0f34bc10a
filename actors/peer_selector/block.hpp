// A peer's offences and its block: `invalid` blocks for an hour, twice as long each time, at most
// a day; half of the offences are forgotten for each day without one (N5).
#pragma once

#include "msg/time.hpp"

namespace quarry::peer_selector {

class Block {
 public:
  // The peer lied in answer to a request sent at `sent`. False where that is the offence it is
  // already blocked for.
  bool offended(Time sent, Time now, Duration first, Duration most);
  // By an operator's word, for so long.
  void ordered(Duration duration, Time now);
  // How long an offence now would bring.
  Duration sentence(Time now, Duration first, Duration most) const;
  // By an operator's word: what was is forgotten.
  void lifted() { *this = {}; }

  // What is kept over a restart: the time left, how many offences are remembered, and how long ago
  // the last one was.
  struct Kept {
    Duration left{};
    int offences = 0;
    Duration age{};
    friend bool operator==(const Kept&, const Kept&) = default;
  };
  Kept kept(Time now) const;
  void recall(const Kept& kept, Time now);

  bool holds(Time now) const { return now < until_; }
  Time until() const { return until_; }
  bool remembered() const { return offences_ > 0; }

 private:
  int weight(Time now) const;

  Time until_{Time::min()};
  Time since_{Time::min()};
  Time last_offence_{};
  int offences_ = 0;
};

}  // namespace quarry::peer_selector
