#include "bus/context.hpp"

#include <malloc.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <zmq.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "msg/check.hpp"

namespace quarry::bus {
namespace {

void seed_rand() {
  unsigned seed = 0;
  QUARRY_CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  std::srand(seed);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // with less the node still runs, with fewer peers
}

// Frames of a batch come and go many times a second. By default their memory would go back to the
// system each time, and be faulted in anew.
void keep_freed_memory() {
  constexpr int kKept = 32 * 1024 * 1024;  // bytes, in each thread's part of the heap
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kKept);
}

}  // namespace

Context::Context(Options options) {
  seed_rand();
  raise_descriptor_limit();
  keep_freed_memory();
  std::signal(SIGPIPE, SIG_IGN);
  context_ = zmq_ctx_new();
  QUARRY_CHECK(context_ != nullptr);
  // libzmq refuses more than it was built for.
  const int most = std::min(options.max_sockets, zmq_ctx_get(context_, ZMQ_SOCKET_LIMIT));
  QUARRY_CHECK(zmq_ctx_set(context_, ZMQ_IO_THREADS, options.io_threads) == 0);
  QUARRY_CHECK(zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, most) == 0);
  QUARRY_CHECK(zmq_ctx_set(context_, ZMQ_BLOCKY, 0) == 0);
}

Context::~Context() {
  flood_watch_.reset();  // before its connections' descriptors are given to others
  zmq_ctx_shutdown(context_);
  while (zmq_ctx_term(context_) != 0 && errno == EINTR) {
  }
}

}  // namespace quarry::bus
