// Tells the thread sanitizer what libzmq (which is not instrumented) orders: what was done before a
// message is sent over a link inside the process is done before it is received. Nothing without
// the sanitizer.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define QUARRY_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define QUARRY_TSAN 1
#endif

#if defined(QUARRY_TSAN)
#include <sanitizer/tsan_interface.h>

namespace quarry::bus::ordering {

// One place per link and direction; links are named by a hash of their address.
inline std::array<char, 1 << 14> places;
inline void* place(std::size_t link, bool from_router) {
  return &places[(2 * link + (from_router ? 1 : 0)) % places.size()];
}
inline void sent(const std::vector<std::size_t>& links, bool by_router) {
  for (std::size_t link : links) __tsan_release(place(link, by_router));
}
inline void received(const std::vector<std::size_t>& links, bool by_router) {
  for (std::size_t link : links) __tsan_acquire(place(link, !by_router));
}

// One object that a thread of ours hands to libzmq, and one of libzmq's hands back.
inline void handed_over(void* object) { __tsan_release(object); }
inline void handed_back(void* object) { __tsan_acquire(object); }

}  // namespace quarry::bus::ordering

#define QUARRY_WRITTEN_BY_LIBZMQ __attribute__((no_sanitize("thread")))

#else

#define QUARRY_WRITTEN_BY_LIBZMQ

namespace quarry::bus::ordering {
inline void handed_over(void*) {}
inline void handed_back(void*) {}
inline void sent(const std::vector<std::size_t>&, bool) {}
inline void received(const std::vector<std::size_t>&, bool) {}
}  // namespace quarry::bus::ordering

#endif
