#include "bus/loop.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "bus/clock.hpp"

namespace quarry::bus {
namespace {

constexpr std::uint64_t kWakeToken = UINT64_MAX;
constexpr int kEvents = 256;  // taken from epoll at a time

// Lets epoll wait for no less than `from` to `until`.
int timeout_ms(Time from, Time until) {
  if (until <= from) return 0;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<Duration>(until - from, std::chrono::minutes(1)));
  return static_cast<int>(wait.count());
}

}  // namespace

// A socket or a plain descriptor. It is named by a token, slot and generation, which names nothing
// any more once it is forgotten: so anything may be forgotten in any callback.
struct Loop::Watched {
  int fd = -1;
  std::uint32_t generation = 0;
  bool touched = false;
  bool looked_at = false;  // since the last sweep
  Socket* socket = nullptr;
  Actor* actor = nullptr;
  std::shared_ptr<std::function<void()>> readable;
};

struct Loop::State {
  struct Driven {
    Actor* actor;
    bool wants_flush;
  };

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<bool> stop_asked = false;
  std::thread::id thread;  // that runs it

  std::vector<Driven> actors;
  std::vector<Watched> slots;
  std::vector<std::uint32_t> free;
  std::unordered_map<int, std::uint64_t> plain;
  std::vector<std::uint64_t> touched, round;  // round: those touched that this pass looks at
  std::uint64_t draining = kWakeToken;
  const Actor* calling = nullptr;
  std::string thrower;
  Time next_sweep{};

  void wants_flush(const Actor* actor) {
    for (Driven& driven : actors) {
      if (driven.actor == actor) driven.wants_flush = true;
    }
  }
  template <class Call>
  void call(Actor& actor, Call call) {
    calling = &actor;
    call(actor);
    calling = nullptr;
  }
  // Remembers who threw, while the actor is still there to be asked its name.
  struct Witness {
    State& state;
    ~Witness() {
      if (state.calling != nullptr) state.thrower = state.calling->name();
    }
  };
};

Loop::Loop() : state_(std::make_unique<State>()) {
  QUARRY_CHECK(state_->epoll >= 0 && state_->wake >= 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeToken;
  QUARRY_CHECK(epoll_ctl(state_->epoll, EPOLL_CTL_ADD, state_->wake, &event) == 0);
}

Loop::~Loop() {
  for (Watched& watched : state_->slots) {
    if (watched.socket != nullptr) watched.socket->loop_ = nullptr;
  }
  close(state_->epoll);
  close(state_->wake);
}

void Loop::add(Actor& actor) { state_->actors.push_back({&actor, true}); }

const std::string& Loop::thrower() const { return state_->thrower; }

// --- What is watched ------------------------------------------------------------------------

std::uint64_t Loop::take_slot(int fd) {
  if (state_->free.empty()) {
    state_->free.push_back(static_cast<std::uint32_t>(state_->slots.size()));
    state_->slots.emplace_back();
  }
  const std::uint32_t slot = state_->free.back();
  state_->free.pop_back();
  Watched& watched = state_->slots[slot];
  watched.fd = fd;
  const std::uint64_t token = std::uint64_t{watched.generation} << 32 | slot;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token;
  QUARRY_CHECK(epoll_ctl(state_->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  return token;
}

Loop::Watched* Loop::find(std::uint64_t token) {
  const auto slot = static_cast<std::uint32_t>(token);
  if (slot >= state_->slots.size()) return nullptr;
  Watched& watched = state_->slots[slot];
  return watched.fd >= 0 && watched.generation == token >> 32 ? &watched : nullptr;
}

void Loop::drop(std::uint64_t token) {
  Watched* watched = find(token);
  QUARRY_CHECK(watched != nullptr);
  epoll_ctl(state_->epoll, EPOLL_CTL_DEL, watched->fd, nullptr);
  // Never the wake token: a slot number stays far below 2^32 - 1.
  const std::uint32_t generation = watched->generation + 1;
  *watched = Watched{};
  watched->generation = generation;
  state_->free.push_back(static_cast<std::uint32_t>(token));
}

void Loop::watch(Socket& socket, Actor& actor) {
  QUARRY_CHECK(socket.loop_ == nullptr);
  int fd = -1;
  std::size_t size = sizeof fd;
  QUARRY_CHECK(zmq_getsockopt(socket.socket_, ZMQ_FD, &fd, &size) == 0);
  const std::uint64_t token = take_slot(fd);
  Watched* watched = find(token);
  watched->socket = &socket;
  watched->actor = &actor;
  socket.loop_ = this;
  socket.watched_ = token;
  touch(token);  // what came before may have taken its readiness away already
}

void Loop::forget(Socket& socket) {
  QUARRY_CHECK(socket.loop_ == this);
  drop(socket.watched_);
  socket.loop_ = nullptr;
}

void Loop::moved(Socket& socket) { find(socket.watched_)->socket = &socket; }

void Loop::watch(int fd, std::function<void()> readable) {
  const std::uint64_t token = take_slot(fd);
  find(token)->readable = std::make_shared<std::function<void()>>(std::move(readable));
  QUARRY_CHECK(state_->plain.emplace(fd, token).second);
}

void Loop::forget(int fd) {
  const auto plain = state_->plain.find(fd);
  if (plain == state_->plain.end()) return;
  drop(plain->second);
  state_->plain.erase(plain);
}

void Loop::touch(Socket& socket) {
  // A socket has one thread.
  QUARRY_CHECK(state_->thread == std::thread::id() || state_->thread == std::this_thread::get_id());
  // The drain that is under way looks again anyhow.
  if (socket.watched_ != state_->draining) touch(socket.watched_);
}

void Loop::touch(std::uint64_t token) {
  Watched& watched = *find(token);
  if (watched.touched) return;
  watched.touched = true;
  state_->touched.push_back(token);
}

// --- A turn ---------------------------------------------------------------------------------

void Loop::run() {
  const State::Witness witness{*state_};
  state_->thread = std::this_thread::get_id();
  state_->next_sweep = bus::now() + kSweepEvery / 2;
  Time stop_by = kNever;
  for (;;) {
    const Time before = bus::now();
    if (state_->stop_asked && stop_by == kNever) {
      stop_by = before + kStopWithin;
      begin_stop(before);
      flush(before);
    }
    if (stop_by != kNever && (all_stopped() || before >= stop_by)) break;
    wait(before, std::min({next_deadline(), state_->next_sweep, stop_by}));
    const Time now = bus::now();
    const bool drained = pass(now);
    elapse(before, now, drained);
    if (drained && before >= state_->next_sweep) sweep(now);
    flush(now);
  }
  state_->thread = {};
  state_->stop_asked = false;
}

void Loop::stop() {
  state_->stop_asked = true;
  const std::uint64_t one = 1;
  // Fails only when it is already as readable as it can be.
  [[maybe_unused]] const ssize_t written = write(state_->wake, &one, sizeof one);
}

void Loop::wait(Time before, Time until) {
  const int timeout = state_->touched.empty() ? timeout_ms(before, until) : 0;
  std::array<epoll_event, kEvents> events;
  const int count = epoll_wait(state_->epoll, events.data(), kEvents, timeout);
  QUARRY_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t token = events[i].data.u64;
    if (token == kWakeToken) {
      std::uint64_t value = 0;
      [[maybe_unused]] const ssize_t size = read(state_->wake, &value, sizeof value);
    } else if (Watched* watched = find(token); watched == nullptr) {
      continue;  // forgotten by a callback of this round
    } else if (watched->socket != nullptr) {
      touch(token);
    } else {
      const auto readable = watched->readable;  // it may forget itself
      (*readable)();
    }
  }
}

bool Loop::pass(Time now) {
  state_->round.swap(state_->touched);
  std::size_t done = 0;
  for (; done < state_->round.size(); ++done) {
    if (done > 0 && bus::now() - now > kTurnWithin) break;
    const std::uint64_t token = state_->round[done];
    Watched* watched = find(token);
    if (watched == nullptr) continue;
    watched->touched = false;
    if (!drain(token, now)) touch(token);
  }
  // Those not reached come first in the next turn; their marks still stand.
  auto rest = state_->round.begin() + static_cast<std::ptrdiff_t>(done);
  state_->touched.insert(state_->touched.begin(), rest, state_->round.end());
  state_->round.clear();
  return state_->touched.empty();
}

// False when more may be there.
bool Loop::drain(std::uint64_t token, Time now) {
  state_->draining = token;
  find(token)->looked_at = true;
  int left = kDrainMessages;
  for (; left > 0; --left) {
    Watched* watched = find(token);
    if (watched == nullptr) break;
    Socket& socket = *watched->socket;
    Actor& actor = *watched->actor;
    Message message;
    ++looks_;
    const Socket::Received received = socket.receive(message);
    if (received == Socket::Received::nothing) break;
    if (received == Socket::Received::closed) {
      forget(socket);
      stop();
      break;
    }
    if (left == kDrainMessages) state_->wants_flush(&actor);
    if (received == Socket::Received::flood) {
      ++floods_;
      Socket::shut_down(message);
      state_->call(actor, [&](Actor& to) { to.flooded(socket, message.route, now); });
    } else {
      state_->call(actor, [&](Actor& to) { to.received(socket, std::move(message), now); });
    }
  }
  state_->draining = kWakeToken;
  return left > 0 || find(token) == nullptr;
}

Time Loop::next_deadline() const {
  Time next = kNever;
  for (const State::Driven& driven : state_->actors) {
    next = std::min(next, driven.actor->next_deadline());
  }
  return next;
}

// Only deadlines that had passed before the last look at epoll: what arrived until then has been
// received.
void Loop::elapse(Time before, Time now, bool drained) {
  for (std::size_t i = 0; i < state_->actors.size(); ++i) {
    Actor& actor = *state_->actors[i].actor;
    const Time deadline = actor.next_deadline();
    if (deadline > before || (!drained && before - deadline < kLateAtMost)) continue;
    state_->call(actor, [&](Actor& to) { to.elapsed(now); });
    state_->actors[i].wants_flush = true;
  }
}

void Loop::flush(Time now) {
  for (std::size_t i = 0; i < state_->actors.size(); ++i) {
    if (!std::exchange(state_->actors[i].wants_flush, false)) continue;
    state_->call(*state_->actors[i].actor, [&](Actor& to) { to.flush(now); });
  }
}

// The safety net: a message in a socket whose descriptor is silent is one that the loop lost. Each
// idle socket's own upkeep (libzmq frees memory in its owner's calls) happens here too. Those
// looked at since the last sweep are left out, and it comes twice as often, so no socket waits
// longer.
void Loop::sweep(Time now) {
  state_->next_sweep = now + kSweepEvery / 2;
  for (std::size_t slot = 0; slot < state_->slots.size(); ++slot) {
    Watched& watched = state_->slots[slot];
    if (watched.socket == nullptr || std::exchange(watched.looked_at, false)) continue;
    pollfd fd{watched.fd, POLLIN, 0};
    const bool silent = poll(&fd, 1, 0) == 0;
    if (!watched.socket->readable()) continue;
    if (silent) ++sweep_catches_;
    touch(watched.socket->watched_);
  }
}

void Loop::begin_stop(Time now) {
  for (std::size_t i = 0; i < state_->actors.size(); ++i) {
    state_->call(*state_->actors[i].actor, [&](Actor& to) { to.stop(now); });
    state_->actors[i].wants_flush = true;
  }
}

bool Loop::all_stopped() const {
  return std::all_of(state_->actors.begin(), state_->actors.end(),
                     [](const State::Driven& driven) { return driven.actor->stopped(); });
}

}  // namespace quarry::bus
