#include "bus/zap.hpp"

#include <arpa/inet.h>

#include <cstring>
#include <utility>

#include "bus/clock.hpp"
#include "bus/loop.hpp"
#include "bus/token_buckets.hpp"
#include "bus/wire.hpp"

namespace quarry::bus {
namespace {

constexpr const char* kAddress = "inproc://zeromq.zap.01";  // RFC 27 names it
constexpr std::size_t kFrames = 7;         // version, id, domain, address, identity, mechanism, key
constexpr std::int64_t kMostBytes = 4096;  // of a frame; RFC 27 needs at most 255
// Buckets: the admitted keys are the peers of one set; addresses are anybody's.
constexpr std::size_t kKeyBuckets = 4096, kAddressBuckets = 4096;
constexpr double kAddressFactor = 10;  // many nodes may share an address

using Network64 = ShortBytes<15>;  // an IPv4 address, or the first half of an IPv6 one

// Who holds one IPv6 address holds its whole /64.
Network64 network_of(std::string_view address) {
  const std::string text(address);
  in6_addr six{};
  if (inet_pton(AF_INET6, text.c_str(), &six) != 1) return Network64(address.substr(0, 64));
  const ByteView bytes(reinterpret_cast<const std::byte*>(six.s6_addr), sizeof six.s6_addr);
  return Network64(IN6_IS_ADDR_V4MAPPED(&six) != 0 ? bytes.subspan(12) : bytes.first(8));
}

struct Request {
  std::string id;
  std::string mechanism, domain, version;
  std::string address;
  std::optional<PeerKey> key;
};

}  // namespace

struct Zap::State {
  State(Loop& on, void* raw) : loop(on), socket(raw) {}
  ~State() {
    if (fd >= 0) loop.forget(fd);
    zmq_close(socket);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void answer_all();
  bool receive(Request& to);
  bool accepts(const Request& request, Time now);
  void reply(const Request& request, bool accepted);

  Loop& loop;
  void* socket;
  int fd = -1;
  const SaltedHash hash{random_u64()};
  std::unordered_set<PeerKey, SaltedHash> admitted{0, hash};
  TokenBuckets<PeerKey, SaltedHash> by_key{kHandshakesPerSecond, kHandshakeBurst, kKeyBuckets,
                                           hash};
  TokenBuckets<Network64, SaltedHash> by_address{kAddressFactor * kHandshakesPerSecond,
                                                 kAddressFactor* kHandshakeBurst, kAddressBuckets,
                                                 hash};
  std::uint64_t refused = 0;
  bool held = false;
};

// Until nothing waits: only so does the descriptor tell of the next request.
void Zap::State::answer_all() {
  for (Request request; receive(request); request = {}) {
    const bool accepted = accepts(request, now());
    if (!accepted) ++refused;
    reply(request, accepted);
  }
}

bool Zap::State::receive(Request& to) {
  std::array<Frame, kFrames> frames;
  if (wire::receive(socket, frames[0]) != 0) return false;
  std::size_t count = 1;
  while (count < kFrames && frames[count - 1].more()) {
    if (wire::receive(socket, frames[count]) != 0) return false;
    ++count;
  }
  const bool more = frames[count - 1].more();
  wire::discard_rest(socket, more);
  const auto text = [&](std::size_t i) { return std::string(text_of(frames[i].view())); };
  to.version = text(0);
  to.id = text(1);
  to.domain = text(2);
  to.address = text(3);
  to.mechanism = text(5);
  if (!more && frames[6].size() == PeerKey::kSize) {
    to.key.emplace();
    std::memcpy(to.key->bytes.data(), frames[6].view().data(), PeerKey::kSize);
  }
  return true;
}

// Each test that costs a token stands behind those that cost none.
bool Zap::State::accepts(const Request& request, Time now) {
  return request.version == "1.0" && request.domain == kDomain && request.mechanism == "CURVE" &&
         request.key && by_address.take(network_of(request.address), now) &&
         admitted.contains(*request.key) && by_key.take(*request.key, now);
}

void Zap::State::reply(const Request& request, bool accepted) {
  const std::string user = accepted ? to_z85(*request.key) : std::string();
  const std::array<std::string_view, 6> frames{
      "1.0", request.id, accepted ? "200" : "400", accepted ? "admitted" : "not admitted",
      user,  ""};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Frame frame = Frame::copy_of(bytes_of(frames[i]));
    if (wire::send(socket, frame, i + 1 < frames.size()) != 0) return;
  }
}

Result<std::unique_ptr<Zap>> Zap::open(Context& context, Loop& loop) {
  void* raw = zmq_socket(context.raw(), ZMQ_REP);
  if (raw == nullptr) {
    return error(Error::Kind::unavailable, std::string("no socket: ") + zmq_strerror(errno),
                 "raise the limit of open files (ulimit -n)");
  }
  auto state = std::make_unique<State>(loop, raw);
  const int linger = 0;
  int fd = -1;
  std::size_t size = sizeof fd;
  QUARRY_CHECK(zmq_setsockopt(raw, ZMQ_LINGER, &linger, sizeof linger) == 0);
  QUARRY_CHECK(zmq_setsockopt(raw, ZMQ_MAXMSGSIZE, &kMostBytes, sizeof kMostBytes) == 0);
  QUARRY_CHECK(zmq_getsockopt(raw, ZMQ_FD, &fd, &size) == 0);
  if (zmq_bind(raw, kAddress) != 0) {
    return error(Error::Kind::internal,
                 std::string("cannot bind ") + kAddress + ": " + zmq_strerror(errno),
                 "a process has one network door");
  }
  state->fd = fd;
  loop.watch(fd, [at = state.get()] { at->answer_all(); });
  state->answer_all();  // the calls above may have taken away what the descriptor had to tell
  return std::unique_ptr<Zap>(new Zap(std::move(state)));
}

Zap::Zap(std::unique_ptr<State> state) : state_(std::move(state)) {}
Zap::~Zap() = default;
void Zap::hold() {
  state_->held = true;
  state_->loop.forget(state_->fd);
}
void Zap::let_in() {
  if (!std::exchange(state_->held, false)) return;
  state_->loop.watch(state_->fd, [at = state_.get()] { at->answer_all(); });
  state_->answer_all();
}
void Zap::admit(const PeerKey& peer) { state_->admitted.insert(peer); }
void Zap::expel(const PeerKey& peer) { state_->admitted.erase(peer); }
std::uint64_t Zap::refused() const { return state_->refused; }

}  // namespace quarry::bus
