#include "bus/socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "bus/clock.hpp"
#include "bus/loop.hpp"
#include "bus/ordering.hpp"
#include "bus/wire.hpp"
#include "bus/zap.hpp"

namespace quarry::bus {
namespace {

// CURVE adds 33 bytes to each frame, and MAXMSGSIZE counts them; its handshake needs more than 200.
constexpr std::size_t kCurveBytes = 33;
constexpr std::size_t kLeastFrame = 512;
constexpr std::size_t kReadAhead = 64 * 1024;
constexpr int kHandshakeMs = 5000;  // an unauthenticated connection costs no longer than this
constexpr int kReconnectMs = 100;   // doubles
constexpr int kMaxReconnectMs = 5000;
constexpr int kUnacknowledgedMs = 30'000;  // what TCP may wait for an acknowledgement
constexpr int kKeepaliveIdleS = 30, kKeepaliveIntervalS = 10, kKeepaliveProbes = 3;
// Ports that we choose, and may be told, lie below those the system gives to connecting sockets: a
// socket that dials a port nobody listens on could else be given that very port, and dial itself.
constexpr std::uint64_t kFirstFreePort = 20'000, kSystemPorts = 32'768;
constexpr int kFreePortTries = 64;
constexpr std::size_t kMaxIpcPath = 107;  // bytes: what a sockaddr_un holds
// ZMQ_ZAP_ENFORCE_DOMAIN: in Debian's library, hidden by its header.
constexpr int kZapEnforceDomain = 93;

bool is(std::string_view scheme, const std::string& endpoint) {
  return std::string_view(endpoint).starts_with(scheme);
}

// Options of a socket, set until the first that libzmq does not take.
class Setter {
 public:
  explicit Setter(void* socket) : socket_(socket) {}
  void set(int option, int value) { set_raw(option, &value, sizeof value); }
  void set(int option, std::int64_t value) { set_raw(option, &value, sizeof value); }
  void set(int option, std::string_view text) { set_raw(option, text.data(), text.size()); }
  int refused() const { return refused_; }  // the option, or 0

 private:
  void set_raw(int option, const void* value, std::size_t size) {
    if (refused_ == 0 && zmq_setsockopt(socket_, option, value, size) != 0) refused_ = option;
  }
  void* socket_;
  int refused_ = 0;
};

void set_tcp_options(Setter& setter, const Socket::Options& options) {
  setter.set(ZMQ_IPV6, options.ipv6 ? 1 : 0);
  setter.set(ZMQ_TCP_KEEPALIVE, 1);
  setter.set(ZMQ_TCP_KEEPALIVE_IDLE, kKeepaliveIdleS);
  setter.set(ZMQ_TCP_KEEPALIVE_INTVL, kKeepaliveIntervalS);
  setter.set(ZMQ_TCP_KEEPALIVE_CNT, kKeepaliveProbes);
  setter.set(ZMQ_TCP_MAXRT, kUnacknowledgedMs);
}

void set_curve_options(Setter& setter, const Socket::Options& options) {
  const Identity& identity = *options.identity;
  setter.set(ZMQ_CURVE_SECRETKEY, identity.secret);
  if (options.kind == Socket::Kind::router) {
    setter.set(ZMQ_CURVE_SERVER, 1);
    setter.set(ZMQ_ZAP_DOMAIN, Zap::kDomain);
    // Without this a handshake that finds no ZAP handler succeeds.
    setter.set(kZapEnforceDomain, 1);
  } else {
    setter.set(ZMQ_CURVE_PUBLICKEY, to_z85(identity.key));
    setter.set(ZMQ_CURVE_SERVERKEY, to_z85(options.server));
  }
}

Result<> check_ipc(const std::string& endpoint, bool binds) {
  const std::filesystem::path path = endpoint.substr(6);
  if (path.native().size() > kMaxIpcPath) {
    return error(Error::Kind::config,
                 "the path " + path.string() + " has " + std::to_string(path.native().size()) +
                     " bytes, and the path of a socket at most " + std::to_string(kMaxIpcPath),
                 "choose a shorter home");
  }
  if (!binds) return {};
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  struct stat is {};
  if (stat(folder.c_str(), &is) != 0 || !S_ISDIR(is.st_mode)) {
    return error(Error::Kind::io, "there is no folder " + folder, "make it, with mode 0700");
  }
  if ((is.st_mode & 077) != 0) {
    return error(Error::Kind::config, "others may enter the folder " + folder,
                 "chmod 700 " + folder);
  }
  return {};
}

// Whether a socket of this kind may use this endpoint at all.
Result<> check_endpoint(const std::string& endpoint, bool secured, bool binds) {
  if (is("inproc://", endpoint)) return {};
  if (is("ipc://", endpoint)) return check_ipc(endpoint, binds);
  if (!is("tcp://", endpoint)) {
    return error(Error::Kind::usage, "no address that quarry uses: " + endpoint,
                 "write tcp://host:port");
  }
  if (!secured) {
    return error(Error::Kind::internal, "tcp without CURVE is not allowed: " + endpoint);
  }
  return {};
}

std::string port_of(const std::string& endpoint) {
  return endpoint.substr(std::min(endpoint.rfind(':') + 1, endpoint.size()));
}

// A port as libzmq takes it; 0 where it is none.
std::uint16_t number_of(const std::string& port) {
  std::uint16_t number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  return number;
}

tl::unexpected<Error> no_address(const std::string& endpoint) {
  return error(Error::Kind::usage, "not an address to listen on: " + endpoint,
               "write tcp://host:port");
}

// libzmq itself would take 99999, and listen on 34463.
Result<> check_listen_port(const std::string& endpoint, const std::string& port) {
  std::uint64_t number = 0;
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (bad != std::errc() || end != port.data() + port.size() || number > UINT16_MAX) {
    return no_address(endpoint);
  }
  if (number < kSystemPorts) return {};
  return error(Error::Kind::config,
               "port " + port + " is one that the system gives to outgoing connections",
               "choose one below " + std::to_string(kSystemPorts));
}

tl::unexpected<Error> cannot_bind(const std::string& endpoint, int why) {
  const bool tcp = is("tcp://", endpoint);
  const std::string text = endpoint + ": " + zmq_strerror(why);
  switch (why) {
    case EADDRINUSE:
      return error(Error::Kind::busy,
                   tcp ? "port " + port_of(endpoint) + " is in use" : endpoint + " is in use",
                   tcp ? "stop what listens there (ss -ltnp), or choose another port"
                       : "end the other node first");
    case EADDRNOTAVAIL:
    case ENODEV:
      return error(Error::Kind::config, "this machine has no address as in " + endpoint,
                   "choose one of its own, or tcp://*:" + port_of(endpoint));
    case EACCES:
      return error(Error::Kind::refused, "not allowed to listen on " + endpoint,
                   tcp ? "choose a port above 1023" : "check who owns the folder");
    case EINVAL:
      return no_address(endpoint);
    case EMFILE:
    case ENFILE:
      return error(Error::Kind::unavailable, text, "raise the limit of open files (ulimit -n)");
    default:
      return error(Error::Kind::io, "cannot listen on " + text);
  }
}

}  // namespace

// A full pipe, and the message that does not fit into it any more, each of two frames; and what the
// kernel and libzmq read ahead.
Socket::Socket(void* socket, const Options& options, FloodWatch& flood_watch)
    : socket_(socket),
      kind_(options.kind),
      flood_watch_(options.identity == nullptr ? nullptr : &flood_watch),
      flood_limit_(2 * (static_cast<std::uint64_t>(options.receive_hwm) + 1) *
                       (options.max_frame + kCurveBytes) +
                   kReadAhead) {}

Result<Socket> Socket::open(Context& context, const Options& options) {
  QUARRY_CHECK(options.max_frame > 0 && options.send_hwm > 0 && options.receive_hwm > 0);
  const bool router = options.kind == Kind::router;
  void* raw = zmq_socket(context.raw(), router ? ZMQ_ROUTER : ZMQ_DEALER);
  if (raw == nullptr) {
    return error(Error::Kind::unavailable, std::string("no socket: ") + zmq_strerror(errno),
                 "raise the limit of open files (ulimit -n)");
  }
  Socket socket(raw, options, context.flood_watch());
  Setter setter(raw);
  setter.set(ZMQ_LINGER, options.linger_ms);
  setter.set(ZMQ_SNDHWM, options.send_hwm);
  setter.set(ZMQ_RCVHWM, options.receive_hwm);
  setter.set(ZMQ_MAXMSGSIZE,
             static_cast<std::int64_t>(std::max(options.max_frame + kCurveBytes, kLeastFrame)));
  setter.set(ZMQ_HANDSHAKE_IVL, kHandshakeMs);
  setter.set(ZMQ_RECONNECT_IVL, kReconnectMs);
  setter.set(ZMQ_RECONNECT_IVL_MAX, kMaxReconnectMs);
  if (router) setter.set(ZMQ_ROUTER_MANDATORY, 1);
  if (options.identity != nullptr) {
    set_tcp_options(setter, options);
    set_curve_options(setter, options);
  }
  if (setter.refused() != 0) {
    return error(Error::Kind::unavailable,
                 "this libzmq does not take socket option " + std::to_string(setter.refused()),
                 "install libzmq 4.3.4 or newer, built with CURVE");
  }
  return socket;
}

Socket::Socket(Socket&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)),
      kind_(other.kind_),
      flood_watch_(other.flood_watch_),
      flood_limit_(other.flood_limit_),
      loop_(std::exchange(other.loop_, nullptr)),
      watched_(other.watched_),
      inproc_(std::move(other.inproc_)) {
  if (loop_ != nullptr) loop_->moved(*this);
}

Socket::~Socket() {
  if (loop_ != nullptr) loop_->forget(*this);
  if (socket_ != nullptr) zmq_close(socket_);
}

void Socket::touched() {
  if (loop_ != nullptr) loop_->touch(*this);
}

void Socket::note_inproc(const std::string& endpoint) {
  if (is("inproc://", endpoint)) inproc_.push_back(std::hash<std::string>{}(endpoint));
}

Result<> Socket::bind(const std::string& endpoint) {
  const bool secured = flood_watch_ != nullptr;
  if (auto allowed = check_endpoint(endpoint, secured, true); !allowed) return allowed;
  if (is("tcp://", endpoint)) {
    const std::string port = port_of(endpoint);
    if (port == "*" || port == "0") {
      return bind_free_port(endpoint.substr(0, endpoint.size() - port.size()));
    }
    if (auto allowed = check_listen_port(endpoint, port); !allowed) return allowed;
    flood_watch_->listens(number_of(port), flood_limit_);
  }
  touched();
  if (zmq_bind(socket_, endpoint.c_str()) != 0) return cannot_bind(endpoint, errno);
  note_inproc(endpoint);
  return {};
}

Result<> Socket::bind_free_port(const std::string& host) {
  touched();
  for (int tries = 0;; ++tries) {
    const std::uint64_t port = kFirstFreePort + random_u64() % (kSystemPorts - kFirstFreePort);
    const std::string endpoint = host + std::to_string(port);
    flood_watch_->listens(static_cast<std::uint16_t>(port), flood_limit_);
    if (zmq_bind(socket_, endpoint.c_str()) == 0) return {};
    if (errno != EADDRINUSE || tries == kFreePortTries) return cannot_bind(endpoint, errno);
  }
}

Result<> Socket::connect(const std::string& endpoint) {
  const bool secured = flood_watch_ != nullptr;
  if (auto allowed = check_endpoint(endpoint, secured, false); !allowed) return allowed;
  if (is("tcp://", endpoint)) flood_watch_->dials(number_of(port_of(endpoint)), flood_limit_);
  touched();
  if (zmq_connect(socket_, endpoint.c_str()) != 0) {
    return error(Error::Kind::usage, "cannot connect to " + endpoint + ": " + zmq_strerror(errno),
                 "write tcp://host:port");
  }
  note_inproc(endpoint);
  return {};
}

std::string Socket::endpoint() const {
  char text[512];
  std::size_t size = sizeof text;
  QUARRY_CHECK(zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, text, &size) == 0);
  return text;
}

std::int64_t Socket::option(int name) const {
  std::int64_t value = 0;  // little-endian: libzmq writes as many bytes as the option has
  std::size_t size = sizeof(int);
  if (zmq_getsockopt(socket_, name, &value, &size) == 0) {
    return static_cast<int>(value);
  }
  size = sizeof value;
  QUARRY_CHECK(zmq_getsockopt(socket_, name, &value, &size) == 0);
  return value;
}

Socket::Received Socket::receive(Message& to) {
  Frame first;
  const int why = wire::receive(socket_, first);
  if (why == EAGAIN) return Received::nothing;
  if (why == ETERM) return Received::closed;
  QUARRY_CHECK(why == 0);
  touched();
  to.payload = {};
  if (kind_ == Kind::router) {
    to.route = Route(first.view());
    to.envelope = Frame();
    if (!first.more()) return Received::flood;
    // The rest of a message is there when its first frame is.
    QUARRY_CHECK(wire::receive(socket_, to.envelope) == 0);
  } else {
    to.envelope = std::move(first);
  }
  ordering::received(inproc_, kind_ == Kind::router);
  if (flood_watch_ != nullptr) flood_watch_->delivered(to.envelope.source_fd());
  if (!to.envelope.more()) return Received::message;
  Frame payload;
  QUARRY_CHECK(wire::receive(socket_, payload) == 0);
  if (payload.more()) {
    wire::discard_rest(socket_, true);
    return Received::flood;
  }
  to.payload = Frame::into_payload(std::move(payload));
  return Received::message;
}

Socket::Sent Socket::send(const Route& route, Encoded& message) {
  QUARRY_CHECK(kind_ == Kind::router);
  return send_frames(&route, message);
}

Socket::Sent Socket::send(Encoded& message) {
  QUARRY_CHECK(kind_ == Kind::dealer);
  return send_frames(nullptr, message);
}

Socket::Sent Socket::send_frames(const Route* route, Encoded& message) {
  touched();
  const auto send_frame = [this](Frame frame, bool more) {
    ordering::sent(inproc_, kind_ == Kind::router);
    return wire::send(socket_, frame, more);
  };
  const bool payload = message.value_bytes > 0;
  // Taken or not is decided on the first frame. A pipe that ends within the message takes all of
  // it along.
  int why = 0;
  if (route != nullptr) why = send_frame(Frame::copy_of(route->view()), true);
  if (why == 0) why = send_frame(Frame::copy_of(bytes_of(message.envelope)), payload);
  if (why == 0 && payload) {
    why = send_frame(Frame::of_values(message.values, message.value_bytes), false);
  }
  if (why == EAGAIN) return Sent::full;
  if (why == EHOSTUNREACH || why == ETERM) return Sent::gone;
  QUARRY_CHECK(why == 0);
  message = {};
  return Sent::yes;
}

void Socket::shut_down(const Message& message) {
  const int fd = message.envelope.source_fd();
  if (fd >= 0) ::shutdown(fd, SHUT_RDWR);
}

bool Socket::readable() {
  int events = 0;
  std::size_t size = sizeof events;
  return zmq_getsockopt(socket_, ZMQ_EVENTS, &events, &size) == 0 && (events & ZMQ_POLLIN) != 0;
}

}  // namespace quarry::bus
