// The two bridges of a node as processes of their own, children of this one: starts them, starts
// them again when they end, paced, and ends them with the node. A node that is killed takes them
// along. Knows nothing of what they do; what they lose, the Engine and the selector say again.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/node_options.hpp"
#include "msg/result.hpp"
#include "msg/time.hpp"

namespace quarry::cli {

class Bridges {
 public:
  // One that ends comes back after this; each time later, unless it has lived for long.
  static constexpr Duration kFirstPause = std::chrono::milliseconds(50);
  static constexpr Duration kLongestPause = std::chrono::seconds(5);
  static constexpr Duration kLivedLong = std::chrono::seconds(10);
  // One that has not started by then, or not ended, is killed.
  static constexpr Duration kStartWithin = std::chrono::seconds(10);
  static constexpr Duration kEndWithin = std::chrono::seconds(3);

  // Both run when this returns; or why one does not.
  static Result<std::unique_ptr<Bridges>> start(const NodeOptions& options);
  // Ends both in good order, and waits for it.
  ~Bridges();
  Bridges(const Bridges&) = delete;
  Bridges& operator=(const Bridges&) = delete;

 private:
  struct Bridge {
    std::string name;
    std::vector<std::string> words;  // of its command line
    pid_t pid = -1;
    int line = -1;     // what it says of itself; its end is its death, and ours is its order to end
    std::string said;  // so far
    bool ready = false;
    Time born{};
    Duration pause{};
    Time start_at = kNever;
  };

  explicit Bridges(const NodeOptions& options);
  // All on one thread: a child dies with the thread that made it.
  void run();
  void start(Bridge& bridge);
  void hear(Bridge& bridge);
  void ended(Bridge& bridge);
  void end_all();
  void settle(Result<> how);
  int wait_ms() const;

  std::vector<Bridge> bridges_;
  int wake_;
  std::optional<std::promise<Result<>>> started_;  // until both run, or one cannot
  std::thread thread_;
};

}  // namespace quarry::cli
