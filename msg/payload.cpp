#include "msg/payload.hpp"

namespace quarry {

Payload Payload::copy_of(ByteView bytes) {
  if (bytes.empty()) return {};
  auto owner = std::make_shared<std::byte[]>(bytes.size());
  std::memcpy(owner.get(), bytes.data(), bytes.size());
  const ByteView view(owner.get(), bytes.size());
  return {std::shared_ptr<const void>(owner, owner.get()), view};
}

Payload Payload::of(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const ByteView view = bytes_of(*owner);
  return {std::move(owner), view};
}

}  // namespace quarry
