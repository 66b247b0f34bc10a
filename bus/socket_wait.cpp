#include <algorithm>

#include "bus/socket.hpp"

namespace quarry::bus {

Socket::Woken Socket::wait(int descriptor, Duration at_most) {
  zmq_pollitem_t items[] = {{socket_, 0, ZMQ_POLLIN, 0}, {nullptr, descriptor, ZMQ_POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Duration::zero()));
  const auto timeout = static_cast<long>(std::min<std::int64_t>(ms.count(), 1000 * 3600));
  if (zmq_poll(items, descriptor < 0 ? 1 : 2, timeout) <= 0) return Woken::time;
  return descriptor >= 0 && items[1].revents != 0 ? Woken::descriptor : Woken::message;
}

}  // namespace quarry::bus
