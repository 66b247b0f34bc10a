// The worker protocol: between a bridge's door (ROUTER) and a verifier or a storage (DEALER). The
// built-in workers speak it too, over inproc. docs/protocol/worker.md is its document.
#pragma once

#include <tuple>
#include <variant>
#include <vector>

#include "msg/report.hpp"

namespace quarry::worker {

struct Protocol {
  static constexpr std::uint8_t kProtocol = 3, kVersion = 1;
  using Context = std::string;  // the network's name, or empty
  static constexpr bool kNetworkMustMatch = false;
};

// What a storage can be asked for; bits of Hello::abilities. A verifier has none.
inline constexpr std::uint8_t kLooksUp = 1;
inline constexpr std::uint8_t kKeeps = 2;  // keep and remove
inline constexpr std::uint8_t kLists = 4;
// It gets values by Keep alone, or says Have of others: so its "no data" holds until then.
inline constexpr std::uint8_t kTells = 8;

// Worker to door.

// The first thing a worker says. Its jobs are at most `credit` at a time.
struct Hello {
  static constexpr std::uint8_t kKind = 1;
  WorkerRole role = WorkerRole::verifier;
  Instance instance;
  std::uint32_t credit = 0;  // jobs
  std::uint8_t abilities = 0;
  std::string name;  // storages of one name are one storage
  std::string agent;
  std::vector<KeyRange> keys = {};  // it is given jobs for these alone; none: for all keys
  static constexpr auto fields() {
    return std::tuple(&Hello::role, &Hello::instance, &Hello::credit, &Hello::abilities,
                      &Hello::name, &Hello::agent, &Hello::keys);
  }
  bool sound() const { return instance && credit > 0; }
  friend bool operator==(const Hello&, const Hello&) = default;
};
// `satisfied` are indexes into Judge::subscribers, ascending; with `partial` at least one, else
// none. A worker never says `lost`.
struct Verdict {
  static constexpr std::uint8_t kKind = 2;
  JobId job;
  Outcome outcome = Outcome::withheld;
  std::vector<std::uint16_t> satisfied;
  static constexpr auto fields() {
    return std::tuple(&Verdict::job, &Verdict::outcome, &Verdict::satisfied);
  }
  bool sound() const {
    return outcome != Outcome::lost && satisfied.empty() == (outcome != Outcome::partial) &&
           std::ranges::adjacent_find(satisfied, std::ranges::greater_equal{}) == satisfied.end();
  }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
struct Found {
  static constexpr std::uint8_t kKind = 3;
  JobId job;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Found::job, &Found::value); }
  friend bool operator==(const Found&, const Found&) = default;
};
struct NoData {
  static constexpr std::uint8_t kKind = 4;
  JobId job;
  static constexpr auto fields() { return std::tuple(&NoData::job); }
  friend bool operator==(const NoData&, const NoData&) = default;
};
// The value is there, but of more than LookUp::room bytes.
struct TooLarge {
  static constexpr std::uint8_t kKind = 5;
  JobId job;
  std::uint64_t size = 0;  // bytes
  static constexpr auto fields() { return std::tuple(&TooLarge::job, &TooLarge::size); }
  friend bool operator==(const TooLarge&, const TooLarge&) = default;
};
// Kept (on disk), or removed. Of a key to be removed, NoData says that it was not there.
struct Done {
  static constexpr std::uint8_t kKind = 6;
  JobId job;
  static constexpr auto fields() { return std::tuple(&Done::job); }
  friend bool operator==(const Done&, const Done&) = default;
};
// The job could not be done. For a verifier it is a lost verdict; for a look-up, "no data".
struct Failed {
  static constexpr std::uint8_t kKind = 7;
  JobId job;
  std::string detail;
  static constexpr auto fields() { return std::tuple(&Failed::job, &Failed::detail); }
  friend bool operator==(const Failed&, const Failed&) = default;
};
// Answers a ping.
struct Pong {
  static constexpr std::uint8_t kKind = 8;
  std::uint64_t nonce = 0;
  static constexpr auto fields() { return std::tuple(&Pong::nonce); }
  friend bool operator==(const Pong&, const Pong&) = default;
};
// Leaves in good order: jobs it still has go to others.
struct Bye {
  static constexpr std::uint8_t kKind = 9;
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const Bye&, const Bye&) = default;
};
// Fewer than List::most: there are no more.
struct Listed {
  static constexpr std::uint8_t kKind = 10;
  JobId job;
  std::vector<report::StoredEntry> entries;
  static constexpr auto fields() { return std::tuple(&Listed::job, &Listed::entries); }
  bool sound() const { return report::ascending(entries); }
  friend bool operator==(const Listed&, const Listed&) = default;
};
// A storage has got the value of this key otherwise than by a Keep: peers may wait for it.
struct Have {
  static constexpr std::uint8_t kKind = 11;
  Key key;
  static constexpr auto fields() { return std::tuple(&Have::key); }
  friend bool operator==(const Have&, const Have&) = default;
};

// Door to worker.

struct Welcome {
  static constexpr std::uint8_t kKind = 32;
  std::string network;
  std::uint8_t key_length = 0;
  std::uint32_t max_value = 0;  // bytes
  std::string agent;
  static constexpr auto fields() {
    return std::tuple(&Welcome::network, &Welcome::key_length, &Welcome::max_value,
                      &Welcome::agent);
  }
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Judge {
  static constexpr std::uint8_t kKind = 33;
  JobId job;
  Key key;
  PeerKey peer;  // the node itself for a value of its own
  std::vector<Tag> subscribers;
  Payload value;
  static constexpr auto fields() {
    return std::tuple(&Judge::job, &Judge::key, &Judge::peer, &Judge::subscribers, &Judge::value);
  }
  friend bool operator==(const Judge&, const Judge&) = default;
};
// Do not bother any more; a verdict is still welcome.
struct Abort {
  static constexpr std::uint8_t kKind = 34;
  JobId job;
  static constexpr auto fields() { return std::tuple(&Abort::job); }
  friend bool operator==(const Abort&, const Abort&) = default;
};
struct LookUp {
  static constexpr std::uint8_t kKind = 35;
  JobId job;
  Key key;
  std::uint32_t room = 0;  // bytes
  static constexpr auto fields() { return std::tuple(&LookUp::job, &LookUp::key, &LookUp::room); }
  friend bool operator==(const LookUp&, const LookUp&) = default;
};
struct Keep {
  static constexpr std::uint8_t kKind = 36;
  JobId job;
  Key key;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Keep::job, &Keep::key, &Keep::value); }
  friend bool operator==(const Keep&, const Keep&) = default;
};
struct Remove {
  static constexpr std::uint8_t kKind = 37;
  JobId job;
  Key key;
  static constexpr auto fields() { return std::tuple(&Remove::job, &Remove::key); }
  friend bool operator==(const Remove&, const Remove&) = default;
};
struct Ping {
  static constexpr std::uint8_t kKind = 38;
  std::uint64_t nonce = 0;
  static constexpr auto fields() { return std::tuple(&Ping::nonce); }
  friend bool operator==(const Ping&, const Ping&) = default;
};
// The message or the worker is not taken.
struct Refused {
  static constexpr std::uint8_t kKind = 39;
  Reason reason = Reason::malformed;
  std::string detail;
  static constexpr auto fields() { return std::tuple(&Refused::reason, &Refused::detail); }
  friend bool operator==(const Refused&, const Refused&) = default;
};

// The keys above this one, in the order of bytes, with the sizes of their values.
struct List {
  static constexpr std::uint8_t kKind = 40;
  JobId job;
  Prefix after;
  std::uint32_t most = 0;  // entries
  static constexpr auto fields() { return std::tuple(&List::job, &List::after, &List::most); }
  bool sound() const { return most > 0; }
  friend bool operator==(const List&, const List&) = default;
};

using FromWorker =
    std::variant<Hello, Verdict, Found, NoData, TooLarge, Done, Failed, Pong, Bye, Listed, Have>;
using FromDoor = std::variant<Welcome, Judge, Abort, LookUp, Keep, Remove, Ping, Refused, List>;

}  // namespace quarry::worker
