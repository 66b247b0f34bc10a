// What is kept of a peer over a restart: its score and its block. Times are distances from now.
#pragma once

#include "actors/peer_selector/block.hpp"
#include "actors/peer_selector/scores.hpp"
#include "msg/types.hpp"

namespace quarry::peer_selector {

struct Remembered {
  PeerKey peer;
  Score::Kept score;
  Block::Kept block;
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

}  // namespace quarry::peer_selector
