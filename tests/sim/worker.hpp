// A worker at a node's door: the real session of a worker, and a verifier or a storage behind it
// that works for a while, and may work badly.
#pragma once

#include <functional>

#include "actors/workers/attached.hpp"
#include "actors/workers/session.hpp"
#include "tests/sim/world.hpp"

namespace quarry::sim {

class Node;

// How a worker goes wrong; each until a time.
enum class Ill : std::uint8_t {
  stalls,     // takes jobs and answers none
  slow,       // takes seconds for each
  withholds,  // a verifier: no verdict. A storage: no data
  misjudges,  // a verifier: any outcome. A storage: lies
  babbles,    // answers what makes no sense
  fails,
};
constexpr int kIlls = 6;

class Worker {
 public:
  Worker(Node& node, WorkerRole role, int number, std::uint32_t credit);

  // From the door, on this connection of its. False: it is no more.
  bool takes(std::uint64_t connection, const worker::FromDoor& item);
  void fall_ill(Ill how, Duration time) {
    ill_until_[static_cast<std::size_t>(how)] = now() + time;
  }
  void recover() { ill_until_.fill(Time{}); }
  // Its process is gone for a while; or its connection only.
  void die(Duration down);
  void disconnect() { ++connection_; }
  const std::string& name() const { return name_; }

 private:
  Time now() const;
  bool ill(Ill how) const { return now() < ill_until_[static_cast<std::size_t>(how)]; }
  void start();
  void session_turn();
  void say(const worker::FromWorker& item);
  void hears(const worker::FromDoor& item);
  template <class Job>
  void work(const Job& job);
  worker::FromWorker judged(const worker::Judge& job);
  worker::FromWorker found(const worker::LookUp& job);
  worker::FromWorker kept(const worker::Keep& job);
  worker::FromWorker removed(const worker::Remove& job);
  worker::FromWorker listed(const worker::List& job);
  Duration time_of_a_job();

  Node& node_;
  World& world_;
  const WorkerRole role_;
  const std::string name_;
  const std::uint32_t credit_;
  std::optional<workers::Session> session_;
  std::uint64_t life_ = 0;
  std::uint64_t told_ = 0;  // how often it was told that its jobs are not its own
  bool alive_ = false;
  std::uint64_t connection_ = 0;
  Time armed_ = kNever;
  Time free_at_{};
  std::array<Time, kIlls> ill_until_{};
};

}  // namespace quarry::sim
