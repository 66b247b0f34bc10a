#include "bus/frame.hpp"

#include <array>
#include <cstring>

#include "bus/ordering.hpp"

namespace quarry::bus {
namespace {

// The owner of a Payload that is a received frame: the frame lives in the owner's deleter, so one
// allocation holds it and std::get_deleter leads back to it.
struct FrameOwner {
  Frame frame;
  void operator()(const void*) { frame = Frame(); }
};
constexpr char kFrameOwner = 0;  // what such an owner points to, for it must not be null

// What libzmq calls when the last message that refers to a value is gone, on whichever thread.
void release(void*, void* owner) {
  ordering::handed_back(owner);
  delete static_cast<std::shared_ptr<const void>*>(owner);
}

bool same_owner(const Payload& a, const Payload& b) {
  return !a.owner().owner_before(b.owner()) && !b.owner().owner_before(a.owner());
}

// The values as one slice, when they lie side by side in the memory of one owner.
std::optional<Payload> joined(const std::vector<Payload>& values) {
  const Payload* first = nullptr;
  std::size_t bytes = 0;
  for (const Payload& value : values) {
    if (value.size() == 0) continue;
    if (first == nullptr) {
      first = &value;
    } else if (!same_owner(value, *first) || value.view().data() != first->view().data() + bytes) {
      return std::nullopt;
    }
    bytes += value.size();
  }
  if (first == nullptr || first->owner() == nullptr) return std::nullopt;
  return Payload(first->owner(), ByteView(first->view().data(), bytes));
}

// The whole of the received frame that `value` is, if it is.
std::optional<Frame> whole_frame(const Payload& value) {
  auto* owner = std::get_deleter<FrameOwner>(value.owner());
  if (owner == nullptr) return std::nullopt;
  const ByteView all = owner->frame.view();
  if (value.view().data() != all.data() || value.size() != all.size()) return std::nullopt;
  Frame copy;
  QUARRY_CHECK(zmq_msg_copy(copy.raw(), owner->frame.raw()) == 0);
  return copy;
}

// At most what a Z85 key is long, and one more.
QUARRY_WRITTEN_BY_LIBZMQ std::string copy_of_text(const char* text) {
  std::array<char, 41> copy;
  std::size_t size = 0;
  while (size < copy.size() && text[size] != '\0') {
    copy[size] = text[size];
    ++size;
  }
  return {copy.data(), size};
}

// A frame over memory that `value` keeps alive.
Frame referring_to(const Payload& value) {
  Frame frame;
  auto held = std::make_unique<std::shared_ptr<const void>>(value.owner());
  void* data = const_cast<std::byte*>(value.view().data());
  ordering::handed_over(held.get());
  QUARRY_CHECK(zmq_msg_init_data(frame.raw(), data, value.size(), release, held.get()) == 0);
  held.release();
  return frame;
}

}  // namespace

Frame::Frame(std::size_t size) { QUARRY_CHECK(zmq_msg_init_size(&message_, size) == 0); }

Frame Frame::copy_of(ByteView bytes) {
  Frame frame(bytes.size());
  if (!bytes.empty()) std::memcpy(zmq_msg_data(frame.raw()), bytes.data(), bytes.size());
  return frame;
}

Frame Frame::of_values(const std::vector<Payload>& values, std::size_t bytes) {
  if (const auto run = joined(values)) {
    if (auto frame = whole_frame(*run)) return std::move(*frame);
    if (run->size() >= Payload::kCopyBelow) return referring_to(*run);
  }
  Frame frame(bytes);
  auto* to = static_cast<std::byte*>(zmq_msg_data(frame.raw()));
  std::size_t at = 0;
  for (const Payload& value : values) {
    if (value.size() == 0) continue;
    QUARRY_CHECK(value.size() <= bytes - at);
    std::memcpy(to + at, value.view().data(), value.size());
    at += value.size();
  }
  QUARRY_CHECK(at == bytes);
  return frame;
}

ByteView Frame::view() const {
  return {static_cast<const std::byte*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)};
}

std::optional<PeerKey> Frame::peer() const {
  const char* user = zmq_msg_gets(&message_, "User-Id");
  return user == nullptr ? std::nullopt : peer_from_z85(copy_of_text(user));
}

int Frame::source_fd() const { return zmq_msg_get(&message_, ZMQ_SRCFD); }

Payload Frame::into_payload(Frame frame) {
  if (frame.size() == 0) return {};
  std::shared_ptr<const void> owner(static_cast<const void*>(&kFrameOwner),
                                    FrameOwner{std::move(frame)});
  // The bytes of a small frame lie in the frame itself, which has moved into its owner.
  const ByteView bytes = std::get_deleter<FrameOwner>(owner)->frame.view();
  return {std::move(owner), bytes};
}

}  // namespace quarry::bus
