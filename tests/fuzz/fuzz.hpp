// What the fuzzers share: one input is one message for one direction of a protocol, and reading it
// must end in a refusal that leaves nothing behind, or in items that mean the same when they are
// written and read again.
//
// An input: a byte that chooses the direction, a byte that says how many of the last bytes are the
// payload, the envelope, the payload.
#pragma once

#include "msg/check.hpp"
#include "tests/msg/schema.hpp"

namespace quarry::fuzz {

template <class Direction>
void one_message(ByteView envelope, ByteView payload) {
  using Protocol = typename Direction::Protocol;
  std::vector<typename Direction::Items> items(1), again(1);
  Decoder<Protocol> decoder(Network{});
  const auto unfit = decoder.read(envelope, Payload::copy_of(payload), items);
  items.erase(items.begin());
  if (unfit) {
    QUARRY_CHECK(items.empty());
    QUARRY_CHECK(known<Reason>(static_cast<std::uint64_t>(unfit->reason)));
    return;
  }
  const test::Frames frames = test::write<Protocol>(items, decoder.context());
  QUARRY_CHECK(frames.payload == text_of(payload));
  // Learned from a welcome or not, the network is the one that the first reading began with.
  QUARRY_CHECK(!decoder.read(bytes_of(frames.envelope), Payload::of(frames.payload), again));
  again.erase(again.begin());
  QUARRY_CHECK(again == items);
}

template <class Protocol>
void one_input(ByteView input) {
  if (input.size() < 2) return;
  const auto chosen = std::to_integer<std::size_t>(input[0]);
  const auto payload_size = std::to_integer<std::size_t>(input[1]);
  input = input.subspan(2);
  if (payload_size > input.size()) return;
  const ByteView envelope = input.first(input.size() - payload_size);
  const ByteView payload = input.last(payload_size);
  std::size_t at = 0;
  test::each_direction([&]<class Direction>(const Direction&) {
    if constexpr (std::same_as<Protocol, typename Direction::Protocol>) {
      if (at++ == chosen) one_message<Direction>(envelope, payload);
    }
  });
}

}  // namespace quarry::fuzz
