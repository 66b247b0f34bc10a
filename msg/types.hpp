// The strong types of quarry: what a key is, what a peer is, and the ids that messages name.
// Every id is 64 bits and never reused; 0 names nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "msg/bytes.hpp"

namespace quarry {

// A fixed-length byte string; the length is the network's. Shown as hexadecimal.
struct Key : ShortBytes<39> {
  using ShortBytes::ShortBytes;
};
// The first bytes of a key.
struct Prefix : ShortBytes<39> {
  using ShortBytes::ShortBytes;
};
// Keys from `first` to `last`, both included, in the order of bytes. Either bound may be shorter
// than a key: a key is compared by its first bytes, as many as the bound has. So two equal bounds
// are a prefix, two empty ones are all keys. A record: part of other items.
struct KeyRange {
  Prefix first;
  Prefix last;
  static constexpr auto fields() { return std::tuple(&KeyRange::first, &KeyRange::last); }
  bool contains(const Key& key) const;
  // Whether there is any such key.
  bool sound() const;
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};
// Whether a list of ranges has this key. An empty list is all keys.
bool contains(std::span<const KeyRange> ranges, const Key& key);
// What a client calls one of its wishes; with the client it names a subscriber. At most kMaxTag.
struct Tag : ShortBytes<15> {
  using ShortBytes::ShortBytes;
};

// A peer is its CURVE public key and nothing else. Shown in Z85, 40 characters.
struct PeerKey {
  static constexpr std::size_t kSize = 32;
  std::array<std::byte, kSize> bytes{};
  ByteView view() const { return bytes; }
  friend auto operator<=>(const PeerKey&, const PeerKey&) = default;
};

template <class Kind>
struct Id {
  std::uint64_t value = 0;
  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};
using FetchId = Id<struct FetchIdKind>;        // one fetch of one key           (Engine)
using DeliveryId = Id<struct DeliveryIdKind>;  // one value given for judgement  (Engine)
using LookUpId = Id<struct LookUpIdKind>;      // one look into the own storages (Engine)
using RequestId = Id<struct RequestIdKind>;    // one question to one peer       (PeerSelector)
using JobId = Id<struct JobIdKind>;            // one piece of work of a worker  (the bridges)
using CallId = Id<struct CallIdKind>;          // one command and its result     (who commands)
using Instance = Id<struct InstanceKind>;      // one life of a process
using Epoch = Id<struct EpochKind>;            // one life of a link

// What all nodes of a network agree on; compared in `hello`.
struct Network {
  std::string name = "main";
  std::uint8_t key_length = 32;               // bytes, 1 to 255
  std::uint32_t max_value = 4 * 1024 * 1024;  // bytes
  // How a key follows from its value: an EVP digest's name, or empty where keys are no digests.
  std::string digest = "sha256";
  friend bool operator==(const Network&, const Network&) = default;
};

// Parses exactly network.key_length bytes of hexadecimal.
std::optional<Key> key_from_hex(std::string_view hex, std::size_t length);
std::optional<PeerKey> peer_from_z85(std::string_view z85);
std::string to_z85(const PeerKey& peer);

// A salted hash for tables keyed by what strangers choose. The salt comes from the owner of the
// table, so that a simulation replays.
struct SaltedHash {
  std::uint64_t salt = 0;
  std::size_t operator()(ByteView bytes) const;
  template <std::size_t N>
  std::size_t operator()(const ShortBytes<N>& bytes) const {
    return (*this)(bytes.view());
  }
  std::size_t operator()(const PeerKey& peer) const { return (*this)(peer.view()); }
};

}  // namespace quarry

template <class Kind>
struct std::hash<quarry::Id<Kind>> {
  // Ids are sequential or random; a multiplication spreads them over the table.
  std::size_t operator()(quarry::Id<Kind> id) const noexcept {
    return static_cast<std::size_t>(id.value * 0x9e3779b97f4a7c15ULL);
  }
};
