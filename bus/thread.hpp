// A thread with a loop and actors on it. The constructor returns when all actors are constructed
// (or says why one could not be); the destructor stops and joins. A placement is nothing but which
// actors share one of these.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bus/loop.hpp"
#include "msg/result.hpp"

namespace quarry::bus {

class Thread {
 public:
  // Makes an actor on the thread where it will live.
  using Make = std::function<Result<std::unique_ptr<Actor>>(Loop&)>;

  // Starts; `ended` (may be empty) is called on the thread when it ends on its own, with the
  // reason.
  static Result<std::unique_ptr<Thread>> start(std::string name, std::vector<Make> actors,
                                               std::function<void(std::string)> ended = {});
  ~Thread();

  // Begins to stop; the destructor waits.
  void stop();
  // Why it stopped: empty while it runs or when it was asked to.
  std::string reason() const;

 private:
  Thread() = default;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::bus
