// The one ZeroMQ context of a process. Before its first socket it seeds rand(), which libzmq uses
// for routing ids and never seeds itself; signals are to be blocked before it is made.
#pragma once

#include <memory>

#include "bus/flood_watch.hpp"

namespace quarry::bus {

class Context {
 public:
  struct Options {
    int io_threads = 1;
    int max_sockets = 8192;  // two descriptors each: RLIMIT_NOFILE is raised to match
  };
  Context() : Context(Options{}) {}
  explicit Context(Options options);
  ~Context();  // all sockets are closed by now; ends without lingering
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  void* raw() const { return context_; }
  // Of its sockets' TCP connections.
  FloodWatch& flood_watch() { return *flood_watch_; }

 private:
  void* context_;
  std::unique_ptr<FloodWatch> flood_watch_ = std::make_unique<FloodWatch>();
};

}  // namespace quarry::bus
