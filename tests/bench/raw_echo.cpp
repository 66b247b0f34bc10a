// The floor that a bench of quarry stands on: what libzmq itself takes to answer a request. Two
// processes on loopback, one DEALER and one ROUTER, CURVE, and no protocol: a request of 40 bytes
// (a number, and as much as a key) is answered by its number and SIZE bytes, WINDOW at a time.
// Nothing is chosen, looked up, verified or limited.
//
//     raw_echo SIZE WINDOW SECONDS
//
// Prints the same fields as `quarry bench --json`.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kRequest = 40;  // bytes
constexpr int kHwm = 10'000;          // messages
constexpr std::chrono::milliseconds kWarmUp(500);
constexpr int kGiveUpMs = 10'000;

void must(bool held, const char* what) {
  if (held) return;
  std::fprintf(stderr, "raw_echo: %s: %s\n", what, zmq_strerror(zmq_errno()));
  std::exit(1);
}

struct Pair {
  std::array<char, 41> open{}, secret{};
  Pair() { must(zmq_curve_keypair(open.data(), secret.data()) == 0, "no CURVE"); }
};

// A socket with the options that both ends share.
struct Socket {
  void* context = zmq_ctx_new();
  void* raw;
  explicit Socket(int kind) : raw(zmq_socket(context, kind)) {
    must(raw != nullptr, "no socket");
    for (const int option : {ZMQ_SNDHWM, ZMQ_RCVHWM}) set(option, kHwm);
    set(ZMQ_LINGER, 0);
  }
  ~Socket() {
    zmq_close(raw);
    zmq_ctx_term(context);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void set(int option, int value) const {
    must(zmq_setsockopt(raw, option, &value, sizeof value) == 0, "an option is refused");
  }
  void set(int option, const std::array<char, 41>& key) const {
    must(zmq_setsockopt(raw, option, key.data(), 40) == 0, "a key is refused");
  }
  bool wait() const {
    zmq_pollitem_t item{raw, 0, ZMQ_POLLIN, 0};
    return zmq_poll(&item, 1, kGiveUpMs) > 0;
  }
  // False when nothing is there.
  bool receive(zmq_msg_t& to) const {
    must(zmq_msg_init(&to) == 0, "no message");
    if (zmq_msg_recv(&to, raw, ZMQ_DONTWAIT) >= 0) return true;
    must(zmq_errno() == EAGAIN, "cannot receive");
    zmq_msg_close(&to);
    return false;
  }
};

// Until the process that asks ends it.
[[noreturn]] void serve(std::size_t size, const Pair& keys, int tell) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Socket router(ZMQ_ROUTER);
  router.set(ZMQ_CURVE_SERVER, 1);
  router.set(ZMQ_CURVE_SECRETKEY, keys.secret);
  must(zmq_bind(router.raw, "tcp://127.0.0.1:*") == 0, "cannot bind");
  std::array<char, 64> endpoint{};
  std::size_t length = endpoint.size();
  must(zmq_getsockopt(router.raw, ZMQ_LAST_ENDPOINT, endpoint.data(), &length) == 0, "no address");
  must(write(tell, endpoint.data(), endpoint.size()) == ssize_t(endpoint.size()), "nobody reads");
  const std::vector<char> value(size, 'v');
  for (;;) {
    router.wait();
    for (zmq_msg_t route, request, reply; router.receive(route);) {
      must(zmq_msg_init(&request) == 0, "no message");
      must(zmq_msg_recv(&request, router.raw, 0) == kRequest, "no request of ours");
      must(zmq_msg_init_size(&reply, sizeof(std::uint64_t) + size) == 0, "no memory");
      auto* to = static_cast<char*>(zmq_msg_data(&reply));
      std::memcpy(to, zmq_msg_data(&request), sizeof(std::uint64_t));
      std::memcpy(to + sizeof(std::uint64_t), value.data(), size);
      must(zmq_msg_send(&route, router.raw, ZMQ_SNDMORE) >= 0, "cannot send");
      must(zmq_msg_send(&reply, router.raw, 0) >= 0, "cannot send");
      zmq_msg_close(&request);
    }
  }
}

double cpu_us(pid_t process) {
  clockid_t clock{};
  timespec used{};
  must(clock_getcpuclockid(process, &clock) == 0, "no CPU clock");
  must(clock_gettime(clock, &used) == 0, "no CPU clock");
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) * 1e-3;
}

double rss_mib() {
  std::uint64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

struct Measured {
  std::vector<float> latencies_us;
  double seconds = 0;
  double client_us = 0, server_us = 0;  // on a CPU
};

class Asker {
 public:
  Asker(std::size_t size, std::size_t window, const Pair& server, const char* endpoint)
      : size_(size), sent_(window) {
    dealer_.set(ZMQ_CURVE_SERVERKEY, server.open);
    dealer_.set(ZMQ_CURVE_PUBLICKEY, keys_.open);
    dealer_.set(ZMQ_CURVE_SECRETKEY, keys_.secret);
    must(zmq_connect(dealer_.raw, endpoint) == 0, "cannot connect");
  }

  Measured run(std::chrono::duration<double> lasts, pid_t server) {
    for (std::size_t slot = 0; slot < sent_.size(); ++slot) ask(slot, Clock::now());
    must(dealer_.wait(), "nobody answers");
    for (const auto until = Clock::now() + kWarmUp; Clock::now() < until;) turn();
    measured_.latencies_us.clear();
    const double client = cpu_us(getpid()), other = cpu_us(server);
    const auto from = Clock::now();
    while (Clock::now() - from < lasts) turn();
    measured_.seconds = std::chrono::duration<double>(Clock::now() - from).count();
    measured_.client_us = cpu_us(getpid()) - client;
    measured_.server_us = cpu_us(server) - other;
    return std::move(measured_);
  }

 private:
  void ask(std::uint64_t slot, Clock::time_point now) {
    std::array<char, kRequest> request{};
    std::memcpy(request.data(), &slot, sizeof slot);
    sent_[slot] = now;
    must(zmq_send(dealer_.raw, request.data(), request.size(), 0) == kRequest, "cannot send");
  }
  // Takes all that is there, at most a window.
  void turn() {
    must(dealer_.wait(), "nobody answers");
    zmq_msg_t reply;
    for (std::size_t left = sent_.size(); left > 0 && dealer_.receive(reply); --left) {
      must(zmq_msg_size(&reply) == sizeof(std::uint64_t) + size_, "no answer of ours");
      std::uint64_t slot = 0;
      std::memcpy(&slot, zmq_msg_data(&reply), sizeof slot);
      zmq_msg_close(&reply);
      const auto now = Clock::now();
      measured_.latencies_us.push_back(
          std::chrono::duration<float, std::micro>(now - sent_.at(slot)).count());
      ask(slot, now);
    }
  }

  Pair keys_;
  Socket dealer_{ZMQ_DEALER};
  std::size_t size_;
  std::vector<Clock::time_point> sent_;  // by slot of the window
  Measured measured_;
};

void print(std::size_t size, std::size_t window, Measured measured) {
  std::sort(measured.latencies_us.begin(), measured.latencies_us.end());
  const auto count = static_cast<double>(measured.latencies_us.size());
  must(count > 0, "nothing was answered");
  const auto at = [&](double quantile) {
    return measured.latencies_us[static_cast<std::size_t>(quantile * (count - 1))];
  };
  const double rate = count / measured.seconds;
  std::printf(
      "{\"system\":\"raw_echo\",\"size\":%zu,\"window\":%zu,\"fetches_per_s\":%.0f,"
      "\"mib_per_s\":%.1f,\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_us\":%.0f,"
      "\"cpu_us_per_fetch_client\":%.2f,\"cpu_us_per_fetch_server\":%.2f,\"rss_mib\":%.1f}\n",
      size, window, rate, rate * static_cast<double>(size) / (1 << 20), at(.5), at(.9), at(.99),
      measured.client_us / count, measured.server_us / count, rss_mib());
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t size = argc > 3 ? std::strtoull(argv[1], nullptr, 10) : 0;
  const std::size_t window = argc > 3 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const double seconds = argc > 3 ? std::atof(argv[3]) : 0;
  if (argc != 4 || size == 0 || window == 0 || window > kHwm || !(seconds > 0)) {
    std::fprintf(stderr, "usage: raw_echo SIZE WINDOW SECONDS (a window of at most %d)\n", kHwm);
    return 2;
  }
  const Pair keys;
  std::array<int, 2> tell{};
  must(pipe(tell.data()) == 0, "no pipe");
  const pid_t server = fork();  // before there is a context
  must(server >= 0, "no process");
  if (server == 0) serve(size, keys, tell[1]);
  std::array<char, 64> endpoint{};
  must(read(tell[0], endpoint.data(), endpoint.size()) == ssize_t(endpoint.size()), "no server");
  Measured measured = Asker(size, window, keys, endpoint.data())
                          .run(std::chrono::duration<double>(seconds), server);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  print(size, window, std::move(measured));
  return 0;
}
