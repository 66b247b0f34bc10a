// How the program ends: the codes that scripts may rely on. docs/cli.md lists them.
#pragma once

#include "msg/result.hpp"

namespace quarry::cli {

enum class Exit : int {
  ok = 0,
  partial = 1,       // some keys did not resolve, or several things went wrong in different ways
  usage = 2,         // a bad argument: key, peer, number, option
  config = 3,        // the home: its configuration, key file or peers file
  unavailable = 4,   // no node runs, it does not answer, or it stopped
  refused = 5,       // the node would not: an invalid value, another protocol version, a limit
  busy = 6,          // the port or the home is in use
  io = 7,            // a file could not be read or written, here or by the node: a full disk
  internal = 70,     // a fault of quarry
  interrupted = 130  // by Ctrl-C
};

constexpr Exit exit_for(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::usage:
      return Exit::usage;
    case Error::Kind::config:
      return Exit::config;
    case Error::Kind::busy:
      return Exit::busy;
    case Error::Kind::unavailable:
      return Exit::unavailable;
    case Error::Kind::refused:
      return Exit::refused;
    case Error::Kind::io:
      return Exit::io;
    case Error::Kind::internal:
      break;
  }
  return Exit::internal;
}

// The code of a command that does several things: the one code of all that failed, or `partial`
// where they differ.
class ExitSum {
 public:
  void add(Exit code) {
    if (code == Exit::ok) return;
    sum_ = sum_ == Exit::ok || sum_ == code ? code : Exit::partial;
  }
  Exit code() const { return sum_; }

 private:
  Exit sum_ = Exit::ok;
};

}  // namespace quarry::cli
