// The control protocol: between a client (DEALER) and the Engine's control door (ROUTER).
// docs/protocol/control.md is its document.
#pragma once

#include <tuple>
#include <variant>
#include <vector>

#include "msg/report.hpp"

namespace quarry::control {

struct Protocol {
  static constexpr std::uint8_t kProtocol = 2, kVersion = 1;
  using Context = std::string;  // the network's name, or empty
  static constexpr bool kNetworkMustMatch = false;
};

// Client to node.

// The first thing a client says.
struct Hello {
  static constexpr std::uint8_t kKind = 1;
  std::string agent;
  static constexpr auto fields() { return std::tuple(&Hello::agent); }
  friend bool operator==(const Hello&, const Hello&) = default;
};
// Subscribes (this client, tag) to key; starts a fetch where none is in progress. With targets the
// fetch is restricted to them (R13–R15); without, to nobody.
struct Fetch {
  static constexpr std::uint8_t kKind = 2;
  Tag tag;
  Key key;
  std::vector<PeerKey> targets;
  bool local = true;      // look into the node's own storages first (N13)
  bool keep = false;      // keep the accepted value in the node's own storage
  bool detached = false;  // outlives this client; implies keep
  Class priority = Class::normal;
  std::uint32_t deadline_ms = 0;  // 0: none
  static constexpr auto fields() {
    return std::tuple(&Fetch::tag, &Fetch::key, &Fetch::targets, &Fetch::local, &Fetch::keep,
                      &Fetch::detached, &Fetch::priority, &Fetch::deadline_ms);
  }
  friend bool operator==(const Fetch&, const Fetch&) = default;
};
// Ends the caller's own subscription.
struct Withdraw {
  static constexpr std::uint8_t kKind = 3;
  Tag tag;
  Key key;
  static constexpr auto fields() { return std::tuple(&Withdraw::tag, &Withdraw::key); }
  friend bool operator==(const Withdraw&, const Withdraw&) = default;
};
// Ends fetches for everybody. Done counts them.
struct Cancel {
  static constexpr std::uint8_t kKind = 4;
  CallId call;
  std::vector<Key> keys;
  static constexpr auto fields() { return std::tuple(&Cancel::call, &Cancel::keys); }
  friend bool operator==(const Cancel&, const Cancel&) = default;
};
struct Clear {
  static constexpr std::uint8_t kKind = 5;
  CallId call;
  static constexpr auto fields() { return std::tuple(&Clear::call); }
  friend bool operator==(const Clear&, const Clear&) = default;
};
// Keeps what the predicate holds for (or, negated, does not hold for) and ends the rest: whole
// fetches by key, single subscriptions by tag.
enum class Predicate : std::uint8_t { keys = 1, range = 2, prefix = 3, tag = 4 };
struct Retain {
  static constexpr std::uint8_t kKind = 6;
  CallId call;
  Predicate by = Predicate::keys;
  bool negated = false;
  std::vector<Key> keys;  // the set; for a range first and last, both included
  Prefix prefix;
  Tag tag;
  static constexpr auto fields() {
    return std::tuple(&Retain::call, &Retain::by, &Retain::negated, &Retain::keys, &Retain::prefix,
                      &Retain::tag);
  }
  // What the predicate does not speak of is empty.
  bool sound() const {
    const bool range = keys.size() == 2 && keys[0] <= keys[1];
    return (by == Predicate::keys || (by == Predicate::range ? range : keys.empty())) &&
           (by == Predicate::prefix || prefix.empty()) && (by == Predicate::tag || tag.empty());
  }
  friend bool operator==(const Retain&, const Retain&) = default;
};
// Has the value judged and kept in the node's own storage; Done comes after it is on disk.
struct Put {
  static constexpr std::uint8_t kKind = 7;
  CallId call;
  Key key;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Put::call, &Put::key, &Put::value); }
  friend bool operator==(const Put&, const Put&) = default;
};
// Removes values from the node's own storage. Done counts those that were there.
struct Remove {
  static constexpr std::uint8_t kKind = 11;
  CallId call;
  std::vector<Key> keys;
  static constexpr auto fields() { return std::tuple(&Remove::call, &Remove::keys); }
  friend bool operator==(const Remove&, const Remove&) = default;
};
// NodeInfo, Counters, WorkerInfos and a FetchInfo for each key named (none named: for up to
// kMaxKeys of the fetches in progress, the oldest first), then Done.
struct Status {
  static constexpr std::uint8_t kKind = 8;
  CallId call;
  std::vector<Key> keys;
  static constexpr auto fields() { return std::tuple(&Status::call, &Status::keys); }
  friend bool operator==(const Status&, const Status&) = default;
};
struct Pong {
  static constexpr std::uint8_t kKind = 9;
  std::uint64_t nonce = 0;
  static constexpr auto fields() { return std::tuple(&Pong::nonce); }
  friend bool operator==(const Pong&, const Pong&) = default;
};
// The client leaves; its subscriptions end (R23).
struct Bye {
  static constexpr std::uint8_t kKind = 10;
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const Bye&, const Bye&) = default;
};

// Node to client.

struct Welcome {
  static constexpr std::uint8_t kKind = 32;
  PeerKey node;
  Instance instance;
  std::string network;
  std::uint8_t key_length = 0;
  std::uint32_t max_value = 0;  // bytes
  std::string digest;           // how keys follow from values; empty: they do not
  std::string agent;
  static constexpr auto fields() {
    return std::tuple(&Welcome::node, &Welcome::instance, &Welcome::network, &Welcome::key_length,
                      &Welcome::max_value, &Welcome::digest, &Welcome::agent);
  }
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
// The terminal events of a subscription: exactly one of the three.
struct Resolved {
  static constexpr std::uint8_t kKind = 33;
  Tag tag;
  Key key;
  PeerKey peer;  // who had it; the node itself for its own storage
  Payload value;
  static constexpr auto fields() {
    return std::tuple(&Resolved::tag, &Resolved::key, &Resolved::peer, &Resolved::value);
  }
  friend bool operator==(const Resolved&, const Resolved&) = default;
};
struct Ended {
  static constexpr std::uint8_t kKind = 34;
  Tag tag;
  Key key;
  Terminal how = Terminal::cancelled;  // neither resolved nor refused
  static constexpr auto fields() { return std::tuple(&Ended::tag, &Ended::key, &Ended::how); }
  bool sound() const { return how != Terminal::resolved && how != Terminal::refused; }
  friend bool operator==(const Ended&, const Ended&) = default;
};
struct FetchRefused {
  static constexpr std::uint8_t kKind = 35;
  Tag tag;
  Key key;
  Reason reason = Reason::full;
  std::string detail;
  static constexpr auto fields() {
    return std::tuple(&FetchRefused::tag, &FetchRefused::key, &FetchRefused::reason,
                      &FetchRefused::detail);
  }
  friend bool operator==(const FetchRefused&, const FetchRefused&) = default;
};
struct NodeInfo {
  static constexpr std::uint8_t kKind = 36;
  CallId call;
  PeerKey node;
  std::string name;    // for people; may be empty
  std::string listen;  // where peers reach it; empty when it only asks
  std::uint64_t uptime_ms = 0;
  static constexpr auto fields() {
    return std::tuple(&NodeInfo::call, &NodeInfo::node, &NodeInfo::name, &NodeInfo::listen,
                      &NodeInfo::uptime_ms);
  }
  friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};
struct FetchInfo {
  static constexpr std::uint8_t kKind = 37;
  CallId call;
  Key key;
  FetchState state = FetchState::pending;
  WaitsFor waits_for = WaitsFor::answer;
  std::string detail;  // a sentence for a person
  std::uint32_t subscribers = 0;
  std::uint32_t requests = 0;  // sent so far
  std::uint64_t age_ms = 0;
  std::uint64_t next_ms = 0;  // until the next try, where a time is what it waits for
  static constexpr auto fields() {
    return std::tuple(&FetchInfo::call, &FetchInfo::key, &FetchInfo::state, &FetchInfo::waits_for,
                      &FetchInfo::detail, &FetchInfo::subscribers, &FetchInfo::requests,
                      &FetchInfo::age_ms, &FetchInfo::next_ms);
  }
  friend bool operator==(const FetchInfo&, const FetchInfo&) = default;
};
struct Ping {
  static constexpr std::uint8_t kKind = 38;
  std::uint64_t nonce = 0;
  static constexpr auto fields() { return std::tuple(&Ping::nonce); }
  friend bool operator==(const Ping&, const Ping&) = default;
};
// The message is not taken, or the client is put out.
struct Refused {
  static constexpr std::uint8_t kKind = 39;
  Reason reason = Reason::malformed;
  std::string detail;
  static constexpr auto fields() { return std::tuple(&Refused::reason, &Refused::detail); }
  friend bool operator==(const Refused&, const Refused&) = default;
};

using FromClient =
    std::variant<Hello, Fetch, Withdraw, Cancel, Clear, Retain, Put, Status, Pong, Bye, Remove,
                 report::PeerSet, report::PeerAdd, report::PeerRemove, report::PeerBlock,
                 report::PeerUnblock, report::PeerList, report::StoredList, report::Explain>;
using FromNode = std::variant<Welcome, Resolved, Ended, FetchRefused, NodeInfo, FetchInfo, Ping,
                              Refused, report::PeerInfo, report::WorkerInfo, report::Counter,
                              report::Done, report::Failed, report::Stored, report::AskInfo>;

}  // namespace quarry::control

template <>
struct quarry::Names<quarry::control::Predicate> {
  static constexpr std::array<std::string_view, 5> list{"", "keys", "range", "prefix", "tag"};
};
