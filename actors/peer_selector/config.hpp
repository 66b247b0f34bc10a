// What can be set about the PeerSelector. The defaults are the ones that tests and documents name.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/peer_selector/remembered.hpp"
#include "actors/peer_selector/tuning.hpp"
#include "msg/report.hpp"
#include "msg/time.hpp"

namespace quarry::peer_selector {

struct Config {
  Tuning tuning;

  // The first peer set (R32).
  std::vector<report::PeerEntry> peers;
  std::uint64_t peers_number = 0;

  // What an earlier life of the node knew of peers, in the set or not.
  std::vector<Remembered> remembered;

  // A request's time to be answered: first contact, and the bounds of what is measured (R7, N2).
  Duration first_timeout = std::chrono::seconds(1);
  Duration min_timeout = std::chrono::milliseconds(200);
  Duration max_timeout = std::chrono::seconds(2);
  // How long after its timeout a request may still be answered (N2).
  Duration late_for = std::chrono::seconds(30);

  // The wait after a full round, doubling up to the cap (N16), and how many fetches may begin
  // another round per second in the whole node.
  Duration retry_delay = std::chrono::milliseconds(500);
  Duration retry_delay_cap = std::chrono::seconds(5);
  double retries_per_second = 2000;

  // For how long a peer that has nothing is asked to remember who asked, and to say when it has it
  // (N15); twice as long after each round, up to the cap. After half of the time it is asked again.
  // So half of the first must do to tell a million fetches again at the rate of retries (9
  // minutes); and no more than that, for who was not there when a fetch ended remembers it for the
  // rest of it.
  Duration remember = std::chrono::minutes(20);  // 0: not at all
  Duration remember_cap = std::chrono::hours(2);

  // A second peer is asked beside one that is slower than this part of its class's answers, and
  // than this time; in all that adds no more than the budget to the requests, and a burst (N3).
  double hedge_quantile = 0.98;
  Duration hedge_at_most = std::chrono::milliseconds(500);
  double hedge_budget = 0.05;  // 0: never
  double hedge_burst = 10;

  // A peer that fails is left alone for this long, doubling with each failure up to the cap, and
  // halving with each success, of which one in time ends it. Left alone it is asked only for keys
  // for which nobody else is left to ask, and never while others remember (N15): what only it has
  // waits for so long. A new connection shortens that to the first of these times.
  Duration cooldown = std::chrono::seconds(1);
  Duration cooldown_cap = std::chrono::seconds(30);

  // Requests a second to one peer (R35): more than any one link carries, so that whoever wants
  // less says so.
  double requests_per_second = 1'000'000;

  // Requests out to one peer: twice the window of 1024 that one busy client keeps open.
  std::uint32_t in_flight_cap = 2048;

  // A peer is pinged this often while requests are out to it or it is not connected, else while
  // idle; it is connected until a ping has gone unanswered for `silence`.
  Duration ping_busy = std::chrono::seconds(1);
  Duration ping_idle = std::chrono::seconds(5);
  Duration silence = std::chrono::seconds(3);
  // A DEALER that hears nothing is replaced after `patience`, doubling up to the cap: one that
  // met an error never reconnects by itself, and one that met none does within 100 ms.
  Duration patience = std::chrono::seconds(1);
  Duration patience_cap = std::chrono::seconds(5);
  // After a refusal, or where a DEALER could not be made, the next one is made after this,
  // doubling up to the cap.
  Duration redial = std::chrono::milliseconds(100);
  Duration redial_cap = std::chrono::seconds(5);

  // A block for `invalid`, doubling with each offence up to the cap (N5).
  Duration block = std::chrono::hours(1);
  Duration block_cap = std::chrono::hours(24);
  // Peer and key set aside together after a lost verdict (N6).
  Duration set_aside = std::chrono::minutes(10);
  // A peer whose pipe is full is left alone this long.
  Duration full_pipe = std::chrono::milliseconds(20);
  // Bounds of the time an overloaded peer may name (N4).
  Duration min_cool = std::chrono::milliseconds(10);
  Duration max_cool = std::chrono::seconds(5);
  // How long a command waits for the ProducerBridge to apply it.
  Duration sync_within = std::chrono::seconds(5);
};

}  // namespace quarry::peer_selector
