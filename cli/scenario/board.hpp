// What the callers of a scenario and its stage tell each other: what is out, what was confirmed,
// what came when, and what was wrong. From any thread.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/scenario/timeline.hpp"
#include "msg/time.hpp"
#include "msg/types.hpp"

namespace quarry::cli::scenario {

class Board {
 public:
  // load: callers put and fetch. rest: they fetch only what is out, and what they are told to.
  enum class Phase : std::uint8_t { load, rest };
  // A value that a node has confirmed to keep.
  struct Confirmed {
    Key key;
    std::string node;
  };

  // Seconds are counted from this moment.
  explicit Board(Time began) : began_(began) {}

  Phase phase() const;
  void set_phase(Phase phase);

  // By callers.
  void asked();
  void resolved(Time now, Duration took);
  void gave_up(std::size_t fetches);  // with their node, which was taken away
  void confirmed(Key key, const std::string& node);
  void not_kept(const std::string& node);
  void wrong(std::string what);
  // One of the latest that are confirmed by other nodes, by any number.
  std::optional<Key> elsewhere(const std::string& node, std::uint64_t number) const;
  // What this caller is told to fetch: that is out already.
  std::optional<Key> told(std::uint32_t caller);

  // By the stage.
  void tell(std::uint32_t caller, const Key& key);
  void take_away(const std::string& node);
  bool taken_away(const std::string& node) const;
  std::size_t out() const;
  std::vector<Confirmed> all_confirmed() const;
  std::size_t not_kept_by(const std::string& node) const;
  std::vector<std::string> all_wrong() const;
  void event(Time now, std::string what);
  void memory(Time now, std::vector<Memory> memory);
  // What has come so far.
  Second second(std::size_t number) const;
  // The first so many seconds.
  Timeline timeline(std::size_t seconds) const;

 private:
  Second& at(Time now);

  mutable std::mutex mutex_;
  Phase phase_ = Phase::load;
  std::size_t out_ = 0;
  std::vector<Confirmed> confirmed_;
  std::map<std::string, std::size_t> not_kept_;
  std::vector<std::string> wrong_;
  std::map<std::uint32_t, std::deque<Key>> told_;
  std::set<std::string> taken_away_;
  Time began_;
  Timeline timeline_;
};

}  // namespace quarry::cli::scenario
