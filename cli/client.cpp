#include "cli/client.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "bus/clock.hpp"

namespace quarry::cli {
namespace {

// A goodbye leaves within this, unless the node does not read.
constexpr int kLingerMs = 250;
// How often it is seen whether the node is still there, while it says nothing.
constexpr Duration kLookAfterNode = std::chrono::seconds(1);
// A command that takes longer than this has been lost.
constexpr Duration kCallWithin = std::chrono::seconds(30);

Error no_node(const Home& home) {
  return {Error::Kind::unavailable, "no node runs on the home " + home.directory().string(),
          "start one with: " + home.start_command()};
}

Error no_answer(const Home& home) {
  const auto pid = home.pid();
  if (!pid) return no_node(home);
  return {Error::Kind::unavailable,
          "the node on the home " + home.directory().string() + " (pid " + std::to_string(*pid) +
              ") does not answer",
          "see what it says in its log"};
}

Error other_version(std::uint64_t theirs) {
  constexpr int kOurs = control::Protocol::kVersion;
  return {Error::Kind::refused,
          "the running node speaks version " + std::to_string(theirs) +
              " of the control protocol, this program version " + std::to_string(kOurs),
          "use the quarry program of the node's own version"};
}

}  // namespace

Client::Client(std::unique_ptr<bus::Context> own, bus::Socket socket, Options options)
    : own_context_(std::move(own)),
      socket_(std::move(socket)),
      options_(options),
      decoder_([] {
        Network any;
        any.name.clear();
        return any;
      }()),
      looked_(bus::now()) {}

Client::~Client() {
  if (!welcomed_) return;
  outbox_.add(control::Bye{});
  outbox_.flush(socket_);
}

Result<std::unique_ptr<Client>> Client::connect(const Home& home, Options options) {
  auto own = std::make_unique<bus::Context>();
  bus::Context& context = *own;
  if (auto fits = home.check(); !fits) return tl::unexpected(fits.error());
  return open(context, std::move(own), home.control_endpoint(), home, options);
}
Result<std::unique_ptr<Client>> Client::connect(bus::Context& context, const Home& home,
                                                Options options) {
  if (auto fits = home.check(); !fits) return tl::unexpected(fits.error());
  return open(context, nullptr, home.control_endpoint(), home, options);
}
Result<std::unique_ptr<Client>> Client::connect(bus::Context& context, const std::string& endpoint,
                                                Options options) {
  return open(context, nullptr, endpoint, std::nullopt, options);
}

Result<std::unique_ptr<Client>> Client::open(bus::Context& context,
                                             std::unique_ptr<bus::Context> own,
                                             const std::string& endpoint, std::optional<Home> home,
                                             Options options) {
  if (home) {
    // A DEALER waits for whoever may come; whether somebody is there, the lock tells at once.
    const PidLock::Held running = home->running();
    std::error_code ignored;
    if (running == PidLock::Held::no ||
        (running == PidLock::Held::unknown &&
         !std::filesystem::exists(home->control_socket(), ignored))) {
      return tl::unexpected(no_node(*home));
    }
  }
  bus::Socket::Options how;
  how.kind = bus::Socket::Kind::dealer;
  // The node is ours and says how large values are only in its Welcome.
  how.max_frame = std::numeric_limits<std::uint32_t>::max();
  how.linger_ms = kLingerMs;
  auto socket = bus::Socket::open(context, how);
  if (!socket) return tl::unexpected(socket.error());
  if (auto connected = socket->connect(endpoint); !connected) {
    return tl::unexpected(connected.error());
  }
  std::unique_ptr<Client> client(new Client(std::move(own), std::move(*socket), options));
  if (home) client->node_pid_ = home->pid();
  client->home_ = std::move(home);
  if (auto greeted = client->greet(); !greeted) return tl::unexpected(greeted.error());
  return client;
}

Network Client::network() const {
  return {welcome_.network, welcome_.key_length, welcome_.max_value, welcome_.digest};
}

Result<> Client::greet() {
  send(control::Hello{"quarry/" QUARRY_VERSION});
  const Time until = bus::now() + options_.welcome_within;
  Items early;
  while (!welcomed_) {
    auto woken = wait(early, until);
    if (!woken) return tl::unexpected(woken.error());
    if (welcomed_) break;
    if (*woken == Woken::items) continue;
    if (home_) return tl::unexpected(no_answer(*home_));
    return error(Error::Kind::unavailable, "the node does not answer");
  }
  decoder_.learn(network());
  return {};
}

Result<Client::Woken> Client::wait(Items& to, Time until) {
  const std::size_t before = to.size();
  const bool greeting = !welcomed_;
  for (;;) {
    const auto sent = outbox_.flush(socket_);
    const Time now = bus::now();
    if (auto there = look_after_node(now); !there) return tl::unexpected(there.error());
    Duration at_most = std::min(until - now, kLookAfterNode);
    if (sent == bus::Socket::Sent::full) at_most = std::min(at_most, bus::kRetryFull);
    switch (socket_.wait(options_.interrupt_fd, at_most)) {
      case bus::Socket::Woken::descriptor:
        return Woken::interrupted;
      case bus::Socket::Woken::time:
        if (bus::now() >= until) return Woken::time;
        break;
      case bus::Socket::Woken::message:
        if (auto received = receive(to); !received) return tl::unexpected(received.error());
        if (to.size() > before || (greeting && welcomed_)) return Woken::items;
        break;
    }
  }
}

Result<> Client::receive(Items& to) {
  bus::Message message;
  switch (socket_.receive(message)) {
    case bus::Socket::Received::message:
      looked_ = bus::now();
      return take(std::move(message), to);
    case bus::Socket::Received::nothing:
      return {};
    case bus::Socket::Received::flood:
    case bus::Socket::Received::closed:
      break;
  }
  return error(Error::Kind::internal, "the connection to the node broke");
}

Result<> Client::take(bus::Message message, Items& to) {
  const std::size_t from = to.size();
  if (const auto unfit = decoder_.read(message.envelope.view(), std::move(message.payload), to)) {
    Tokenizer tokenizer;
    if (unfit->reason == Reason::version && (tokenizer.split(message.envelope.view()), true) &&
        tokenizer.tokens().size() > 2) {
      return tl::unexpected(other_version(tokenizer.tokens()[2].number));
    }
    return tl::unexpected(refusal("what the node says does not fit", unfit->reason, unfit->detail));
  }
  std::optional<control::Refused> refused;
  const auto ours = [&](const control::FromNode& item) {
    if (const auto* ping = std::get_if<control::Ping>(&item)) {
      outbox_.add(control::Pong{ping->nonce});
    } else if (const auto* welcome = std::get_if<control::Welcome>(&item)) {
      welcome_ = *welcome;
      welcomed_ = true;
    } else if (const auto* said = std::get_if<control::Refused>(&item)) {
      refused = *said;
    } else {
      return false;
    }
    return true;
  };
  to.erase(std::remove_if(to.begin() + static_cast<std::ptrdiff_t>(from), to.end(), ours),
           to.end());
  if (!refused) return {};
  Error error = refusal("the running node refuses this program", refused->reason, refused->detail);
  if (refused->reason == Reason::version) {
    error.what =
        "the running node speaks another version of the control protocol: " + refused->detail;
    error.remedy = other_version(0).remedy;
  }
  return tl::unexpected(std::move(error));
}

// A DEALER is never told that its partner is gone; the home's lock tells.
Result<> Client::look_after_node(Time now) {
  if (!home_ || !node_pid_ || now - looked_ < kLookAfterNode) return {};
  looked_ = now;
  if (home_->pid() == node_pid_) return {};
  return error(Error::Kind::unavailable,
               "the node on the home " + home_->directory().string() + " has gone",
               "start it again with: " + home_->start_command());
}

Result<std::uint64_t> Client::finish(CallId call, Items& answers) {
  const Time until = bus::now() + kCallWithin;
  for (;;) {
    const std::size_t from = answers.size();
    auto woken = wait(answers, until);
    if (!woken) return tl::unexpected(woken.error());
    if (*woken != Woken::items) {
      return error(Error::Kind::unavailable, "the node does not answer", "see what its log says");
    }
    for (std::size_t i = from; i < answers.size(); ++i) {
      if (const auto* done = std::get_if<report::Done>(&answers[i]); done && done->call == call) {
        return done->count;
      }
      const auto* failed = std::get_if<report::Failed>(&answers[i]);
      if (failed && failed->call == call) {
        return tl::unexpected(refusal("the node refuses", failed->reason, failed->detail));
      }
    }
  }
}

Error::Kind kind_of(Reason reason) {
  switch (reason) {
    case Reason::failed:
      return Error::Kind::io;
    case Reason::unavailable:
    case Reason::stopping:
      return Error::Kind::unavailable;
    default:
      return Error::Kind::refused;
  }
}

Error refusal(std::string_view what, Reason reason, std::string_view detail) {
  std::string line = std::string(what) + ": " + std::string(name(reason));
  if (!detail.empty()) line += " (" + std::string(detail) + ")";
  return {kind_of(reason), std::move(line), ""};
}

}  // namespace quarry::cli
