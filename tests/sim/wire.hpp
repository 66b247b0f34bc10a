// What travels between nodes: one line for each DEALER, from Open to Close. It delays, loses,
// doubles and reorders, cuts one direction or a whole line, and lets some nodes say what they never
// meant. Knows no rule.
#pragma once

#include <map>
#include <set>

#include "actors/peer_selector/core.hpp"
#include "actors/producer_bridge/effects.hpp"
#include "tests/sim/world.hpp"

namespace quarry::sim {

using producer_bridge::Route;

struct Line {
  int asker, server;
  peer_selector::PeerIndex peer;  // what the asker's selector calls the server
  std::uint64_t id;
  std::uint64_t asker_life;       // of the selector
  std::uint64_t server_life = 0;  // of the bridge that it was connected to last
  Route route;                    // what that bridge calls it
  bool dead = false;              // it met an error: silent until it is made anew
  std::uint64_t drops = 0;        // how often what waited was dropped
  Time there{}, back{};           // when the last message arrives
  Time uplink{};                  // until when the server sends what it said
  std::uint64_t waiting = 0;      // bytes of values not sent yet
};

class Wire {
 public:
  explicit Wire(World& world);

  // From the asker.
  void open(int asker, peer_selector::PeerIndex peer, int server);
  void close(int asker, peer_selector::PeerIndex peer);
  void close_all(int asker);
  void ask(int asker, peer_selector::PeerIndex peer, const peer::FromAsker& item);
  bool is_open(int asker, peer_selector::PeerIndex peer, std::uint64_t line) const;
  // -1: there is no line to this peer.
  int server_of(int asker, peer_selector::PeerIndex peer) const;
  // From the server. False: there is no such connection.
  bool answer(const Route& route, peer::FromServer item);
  void drop_waiting(const Route& route);
  void cut(const Route& route);
  Line* find(const Route& route);

  // Faults, each for a time.
  void part(int from, int to, Duration time) { parted_until_[{from, to}] = until(time); }
  void slow_down(int node, Duration time) { slow_until_[node] = until(time); }
  void silence(int node, Duration time) { silent_until_[node] = until(time); }
  void confuse(int node, Duration time) { confused_until_[node] = until(time); }
  void reset_lines_of(int node);
  // From now on everything arrives, once and in order.
  void heal();

 private:
  using Lines = std::map<std::pair<int, peer_selector::PeerIndex>, std::shared_ptr<Line>>;
  Time until(Duration time) const { return world_.events.now() + time; }
  bool during(const std::map<int, Time>& times, int node) const;
  bool parted(int from, int to) const;
  Duration way(int from, int to);
  void carry(int from, int to, Time& last, const Events::What& what);
  void came_to_server(const std::shared_ptr<Line>& line, const peer::FromAsker& item);
  void came_to_asker(const std::shared_ptr<Line>& line, const peer::FromServer& item);
  void confuse(peer::FromServer& item);

  World& world_;
  bool healed_ = false;
  std::uint64_t lines_made_ = 0;
  Lines lines_;
  std::map<Route, std::weak_ptr<Line>> routes_;
  std::map<std::pair<int, int>, Duration> ways_;
  std::map<std::pair<int, int>, Time> parted_until_;
  std::map<int, Time> slow_until_, silent_until_, confused_until_;
};

}  // namespace quarry::sim
