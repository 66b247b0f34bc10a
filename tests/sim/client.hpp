// A client at a node's control door: asks for keys at random, changes its mind, and may vanish.
#pragma once

#include <deque>

#include "actors/engine/ids.hpp"
#include "msg/control.hpp"
#include "tests/sim/world.hpp"

namespace quarry::sim {

class Node;

class Client {
 public:
  Client(Node& node, int number);

  // From the node, to the connection that it calls so. False: it is no more.
  bool takes(engine::ClientId name, const control::FromNode& item);
  void node_is_gone() { connection_ = {}; }
  // Vanishes without a word, or says good-bye; comes back at its next wish.
  void leave(bool politely);
  void rest() { resting_ = true; }
  // As long as it takes.
  void wait_for(const Key& key);
  template <class Command>
  void command(Command command) {
    command.call = CallId{++calls_};
    say(command);
  }

 private:
  void wish();
  void act();
  void fetch();
  void retain(const control::Fetch& like);
  void say(control::FromClient item);

  Node& node_;
  World& world_;
  const int number_;
  engine::ClientId connection_;
  bool resting_ = false;
  std::uint64_t tags_ = 0, calls_ = 0;
  std::deque<control::Fetch> asked_;
};

}  // namespace quarry::sim
