// The peer protocol: what network peers say to each other. The dialler's DEALER asks, the ROUTER
// of the other node answers, out of order. docs/protocol/peer.md is its document.
#pragma once

#include <tuple>
#include <variant>

#include "msg/codec.hpp"

namespace quarry::peer {

struct Protocol {
  static constexpr std::uint8_t kProtocol = 1, kVersion = 1;
  using Context = std::string;  // the network's name
  static constexpr bool kNetworkMustMatch = true;
};

// Who speaks. Both ends say it; it informs and is no gate.
struct Hello {
  static constexpr std::uint8_t kKind = 1;
  Instance instance;
  std::uint8_t key_length = 0;
  std::uint32_t max_value = 0;  // bytes
  std::string agent;
  static constexpr auto fields() {
    return std::tuple(&Hello::instance, &Hello::key_length, &Hello::max_value, &Hello::agent);
  }
  friend bool operator==(const Hello&, const Hello&) = default;
};

struct Ping {
  static constexpr std::uint8_t kKind = 2;
  std::uint64_t nonce = 0;
  static constexpr auto fields() { return std::tuple(&Ping::nonce); }
  friend bool operator==(const Ping&, const Ping&) = default;
};

struct Pong {
  static constexpr std::uint8_t kKind = 3;
  std::uint64_t nonce = 0;
  Instance instance;
  static constexpr auto fields() { return std::tuple(&Pong::nonce, &Pong::instance); }
  friend bool operator==(const Pong&, const Pong&) = default;
};

// "Have you the value of this key, of at most `room` bytes? I wait for so long. And if not: tell me
// when you get it within so long."
struct Ask {
  static constexpr std::uint8_t kKind = 4;
  RequestId request;
  Key key;
  std::uint32_t room = 0;     // bytes the asker has reserved
  std::uint32_t wait_ms = 0;  // 0: it does not say
  std::uint32_t remember_ms = 0;
  static constexpr auto fields() {
    return std::tuple(&Ask::request, &Ask::key, &Ask::room, &Ask::wait_ms, &Ask::remember_ms);
  }
  bool sound() const { return static_cast<bool>(request); }
  friend bool operator==(const Ask&, const Ask&) = default;
};

// The answers: each names the request, and ends it.
struct Value {
  static constexpr std::uint8_t kKind = 5;
  RequestId request;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Value::request, &Value::value); }
  friend bool operator==(const Value&, const Value&) = default;
};
struct NoData {
  static constexpr std::uint8_t kKind = 6;
  RequestId request;
  std::uint32_t remembered_ms = 0;  // 0: the asker is not told when the value comes
  static constexpr auto fields() { return std::tuple(&NoData::request, &NoData::remembered_ms); }
  friend bool operator==(const NoData&, const NoData&) = default;
};
struct Overloaded {
  static constexpr std::uint8_t kKind = 7;
  RequestId request;
  std::uint32_t retry_after_ms = 0;
  static constexpr auto fields() {
    return std::tuple(&Overloaded::request, &Overloaded::retry_after_ms);
  }
  friend bool operator==(const Overloaded&, const Overloaded&) = default;
};
// There is a value, but of more than `room` bytes. Asked again with room for `size`, it comes.
struct TooLarge {
  static constexpr std::uint8_t kKind = 8;
  RequestId request;
  std::uint64_t size = 0;  // bytes
  static constexpr auto fields() { return std::tuple(&TooLarge::request, &TooLarge::size); }
  friend bool operator==(const TooLarge&, const TooLarge&) = default;
};
// Will not answer. Request 0: the whole message, or this connection.
struct Refused {
  static constexpr std::uint8_t kKind = 9;
  RequestId request;
  Reason reason = Reason::malformed;
  std::string detail;
  static constexpr auto fields() {
    return std::tuple(&Refused::request, &Refused::reason, &Refused::detail);
  }
  friend bool operator==(const Refused&, const Refused&) = default;
};

// What the reader asked for and was to be told of is there now.
struct Have {
  static constexpr std::uint8_t kKind = 10;
  Key key;
  static constexpr auto fields() { return std::tuple(&Have::key); }
  friend bool operator==(const Have&, const Have&) = default;
};

// The writer does not want it any more: that it asked need not be remembered.
struct Forget {
  static constexpr std::uint8_t kKind = 12;
  Key key;
  static constexpr auto fields() { return std::tuple(&Forget::key); }
  friend bool operator==(const Forget&, const Forget&) = default;
};

// Of all that it said it remembers for the reader it will say nothing: ask again.
struct Forgotten {
  static constexpr std::uint8_t kKind = 11;
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const Forgotten&, const Forgotten&) = default;
};

using FromAsker = std::variant<Hello, Ping, Ask, Forget>;
using FromServer =
    std::variant<Hello, Pong, Value, NoData, Overloaded, TooLarge, Refused, Have, Forgotten>;

}  // namespace quarry::peer
