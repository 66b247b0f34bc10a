// A client of a running node: speaks the control protocol over a DEALER and blocks, with a
// deadline, while it waits. Answers pings by itself, and notices when its node has gone. Decides
// nothing about what is sent, and starts no thread of its own. Used from one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/context.hpp"
#include "bus/outbox.hpp"
#include "cli/home.hpp"
#include "msg/control.hpp"

namespace quarry::cli {

class Client {
 public:
  struct Options {
    Duration welcome_within = std::chrono::seconds(2);
    int interrupt_fd = -1;  // becomes readable when the person wants to stop; -1: none
  };
  using Items = std::vector<control::FromNode>;

  // To the node that runs on this home.
  static Result<std::unique_ptr<Client>> connect(const Home& home, Options options);
  static Result<std::unique_ptr<Client>> connect(const Home& home) {
    return connect(home, Options{});
  }
  // The same, for a process that has its context already: there is to be only one.
  static Result<std::unique_ptr<Client>> connect(bus::Context& context, const Home& home,
                                                 Options options);
  // To a control door in this process, or at a known address.
  static Result<std::unique_ptr<Client>> connect(bus::Context& context, const std::string& endpoint,
                                                 Options options);
  ~Client();

  const control::Welcome& welcome() const { return welcome_; }
  Network network() const;
  // Where it runs on a home.
  std::optional<pid_t> node_pid() const { return node_pid_; }

  // Goes out with the next wait.
  template <class Item>
  void send(const Item& item) {
    outbox_.add(item);
  }
  std::size_t unsent_bytes() const { return outbox_.bytes(); }

  enum class Woken { items, time, interrupted };
  // Appends what the node said. An error when it put us out, said what we do not understand, or
  // has gone.
  Result<Woken> wait(Items& to, Time until);

  CallId next_call() { return CallId{++last_call_}; }
  // Sends a command and waits for its end: the count of its Done. What answers it otherwise is
  // appended to `answers`; its Failed becomes an error.
  template <class Command>
  Result<std::uint64_t> call(Command command, Items& answers) {
    command.call = next_call();
    send(command);
    return finish(command.call, answers);
  }

 private:
  Client(std::unique_ptr<bus::Context> own, bus::Socket socket, Options options);
  static Result<std::unique_ptr<Client>> open(bus::Context& context,
                                              std::unique_ptr<bus::Context> own,
                                              const std::string& endpoint, std::optional<Home> home,
                                              Options options);
  Result<> greet();
  Result<std::uint64_t> finish(CallId call, Items& answers);
  Result<> receive(Items& to);
  Result<> take(bus::Message message, Items& to);
  Result<> look_after_node(Time now);

  std::optional<Home> home_;
  std::unique_ptr<bus::Context> own_context_;
  bus::Socket socket_;
  Options options_;
  Decoder<control::Protocol> decoder_;
  bus::Outbox<control::Protocol> outbox_{std::string()};
  control::Welcome welcome_;
  bool welcomed_ = false;
  std::optional<pid_t> node_pid_;
  Time looked_ = Time{};  // when it was last seen that the node is there
  std::uint64_t last_call_ = 0;
};

// What a Reason means for the program's exit code.
Error::Kind kind_of(Reason reason);
// A node's refusal as an error: `what` was asked of it, and its answer.
Error refusal(std::string_view what, Reason reason, std::string_view detail);

}  // namespace quarry::cli
