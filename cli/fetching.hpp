// Many fetches by one client: which keys are still out, and what came of the others. Asks ahead of
// what has come only so far that the values fit what the node keeps for a client that does not
// read; keys that nobody has hold nothing up. Writes values, tells ends, draws the progress.
#pragma once

#include <deque>
#include <set>
#include <vector>

#include "cli/client.hpp"
#include "cli/destination.hpp"
#include "cli/interrupt.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"

namespace quarry::cli {

class Fetching {
 public:
  struct One {
    Key key;
    std::vector<PeerKey> targets;
  };
  struct Wish {
    std::vector<One> keys;
    control::Fetch like;  // all but the key and its targets
    bool json = false;
  };
  // The client has to wake up for `interrupt`.
  Fetching(Client& client, Interrupt& interrupt, Wish wish, Destination to);

  // Until all have ended, or the person wants no more.
  Result<Exit> run();
  std::string tally() const;

 private:
  Result<> on(const control::Resolved& item);
  Result<> on(const control::Ended& item);
  Result<> on(const control::FetchRefused& item);
  Result<> on(const control::FetchInfo& item);
  template <class Other>
  Result<> on(const Other&) {
    return {};
  }
  bool over(const Tag& tag, const Key& key);
  Result<> tell(const Key& key, Terminal how, std::string_view detail);
  Result<> handle(const Client::Items& items);
  void say(std::string_view line);
  void ask_more(Time now);
  Time next_look() const;
  void explain();
  Result<Exit> withdraw();
  void last_words();

  struct Young {
    Key key;
    Time asked;
  };

  Client& client_;
  Interrupt& interrupt_;
  Wish wish_;
  Destination to_;
  Progress progress_;
  Time began_;
  std::size_t next_ = 0;     // of the wish's keys: those before it have been asked for
  std::set<Key> pending_;    // asked for, and not over
  std::deque<Young> young_;  // asked for lately: what the window counts
  CallId explaining_;
  Time explain_at_;
  std::size_t resolved_ = 0;
  std::size_t failed_ = 0;
  std::size_t withdrawn_ = 0;
  std::uint64_t bytes_ = 0;
  bool withdrawing_ = false;
  ExitSum sum_;
};

}  // namespace quarry::cli
