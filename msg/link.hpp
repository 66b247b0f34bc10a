// The link protocol: what the four actors say to each other inside a node. The context is the
// epoch: one life of the connecting actor. The bound end takes one partner and its epoch; what
// bears another epoch is dropped and counted. No promise is made to outsiders.
//
// The connecting end says Hello first. The bound end answers Hello and is then told again, or
// tells again, all that is outstanding: the Engine is the truth about fetches, the PeerSelector
// about peers.
#pragma once

#include <tuple>
#include <variant>
#include <vector>

#include "msg/report.hpp"

namespace quarry::link {

struct Protocol {
  static constexpr std::uint8_t kProtocol = 4, kVersion = 1;
  using Context = std::uint64_t;  // the epoch
};

struct Hello {
  static constexpr std::uint8_t kKind = 1;
  static constexpr auto fields() { return std::tuple<>(); }
  friend bool operator==(const Hello&, const Hello&) = default;
};

// --- Engine to PeerSelector -----------------------------------------------------------------

// Ask peers for this key until told to stop. With targets, only those. Said again of the same
// fetch, it changes nothing but the class.
struct Want {
  static constexpr std::uint8_t kKind = 2;
  FetchId fetch;
  Key key;
  Class priority = Class::normal;
  std::vector<PeerKey> targets;
  static constexpr auto fields() {
    return std::tuple(&Want::fetch, &Want::key, &Want::priority, &Want::targets);
  }
  friend bool operator==(const Want&, const Want&) = default;
};
struct AddTargets {
  static constexpr std::uint8_t kKind = 3;
  FetchId fetch;
  std::vector<PeerKey> targets;
  static constexpr auto fields() { return std::tuple(&AddTargets::fetch, &AddTargets::targets); }
  friend bool operator==(const AddTargets&, const AddTargets&) = default;
};
// Any peer may be asked from now on.
struct ClearTargets {
  static constexpr std::uint8_t kKind = 4;
  FetchId fetch;
  static constexpr auto fields() { return std::tuple(&ClearTargets::fetch); }
  friend bool operator==(const ClearTargets&, const ClearTargets&) = default;
};
// The fetch is over, whatever is still out. An answer of it that is being judged still gets its
// Judged.
struct End {
  static constexpr std::uint8_t kKind = 5;
  FetchId fetch;
  static constexpr auto fields() { return std::tuple(&End::fetch); }
  friend bool operator==(const End&, const End&) = default;
};
// What became of an Answer. Every Answer gets exactly one. `outcome` scores the peer: complete,
// partial and unresolved credit it (unresolved: latency only), invalid blocks it, lost sets peer
// and key aside together, ignored and withheld score nothing. `again`: ask for the key again;
// otherwise the fetch is over.
struct Judged {
  static constexpr std::uint8_t kKind = 6;
  FetchId fetch;
  RequestId request;
  Outcome outcome = Outcome::ignored;
  bool again = false;
  static constexpr auto fields() {
    return std::tuple(&Judged::fetch, &Judged::request, &Judged::outcome, &Judged::again);
  }
  friend bool operator==(const Judged&, const Judged&) = default;
};
// More room for answers. A request takes one slot and as many bytes as its Ask::room; what an
// answer did not need, and what a request without an answer held, the selector takes back itself;
// the slot and bytes of an Answer come back by this item. The first after a Hello says what answers
// of an earlier life still hold: it will come back, too.
struct Room {
  static constexpr std::uint8_t kKind = 7;
  std::uint32_t slots = 0;
  std::uint64_t bytes = 0;
  std::uint32_t held_slots = 0;
  std::uint64_t held_bytes = 0;
  static constexpr auto fields() {
    return std::tuple(&Room::slots, &Room::bytes, &Room::held_slots, &Room::held_bytes);
  }
  friend bool operator==(const Room&, const Room&) = default;
};
// One Waits for each fetch, Counters, then Done.
struct Describe {
  static constexpr std::uint8_t kKind = 8;
  CallId call;
  std::vector<FetchId> fetches;
  static constexpr auto fields() { return std::tuple(&Describe::call, &Describe::fetches); }
  friend bool operator==(const Describe&, const Describe&) = default;
};

// Who was asked about this key, and why: AskInfos, a Waits for the fetch if the selector pursues
// it, then Done. No fetch: none is in progress, or it is not the selector's now.
struct Explain {
  static constexpr std::uint8_t kKind = 24;
  CallId call;
  FetchId fetch;
  Key key;
  static constexpr auto fields() {
    return std::tuple(&Explain::call, &Explain::fetch, &Explain::key);
  }
  friend bool operator==(const Explain&, const Explain&) = default;
};

// --- PeerSelector to Engine -----------------------------------------------------------------

// A value, unjudged. At most one per fetch is unjudged at a time.
struct Answer {
  static constexpr std::uint8_t kKind = 9;
  FetchId fetch;
  RequestId request;
  PeerKey peer;
  Payload value;
  static constexpr auto fields() {
    return std::tuple(&Answer::fetch, &Answer::request, &Answer::peer, &Answer::value);
  }
  friend bool operator==(const Answer&, const Answer&) = default;
};
// What a fetch waits for, as its FetchInfo will say.
struct Waits {
  static constexpr std::uint8_t kKind = 10;
  CallId call;
  FetchId fetch;
  FetchState state = FetchState::pending;
  WaitsFor waits_for = WaitsFor::answer;
  std::string detail;
  std::uint32_t requests = 0;
  std::uint64_t next_ms = 0;
  static constexpr auto fields() {
    return std::tuple(&Waits::call, &Waits::fetch, &Waits::state, &Waits::waits_for, &Waits::detail,
                      &Waits::requests, &Waits::next_ms);
  }
  friend bool operator==(const Waits&, const Waits&) = default;
};

// --- Engine to ConsumerBridge ---------------------------------------------------------------

struct Judge {
  static constexpr std::uint8_t kKind = 11;
  DeliveryId delivery;
  Key key;
  PeerKey peer;
  std::vector<Tag> subscribers;
  Payload value;
  static constexpr auto fields() {
    return std::tuple(&Judge::delivery, &Judge::key, &Judge::peer, &Judge::subscribers,
                      &Judge::value);
  }
  friend bool operator==(const Judge&, const Judge&) = default;
};
// Nobody waits for this verdict any more. It is passed on all the same if it comes; if it is lost,
// it is not sought again.
struct Abort {
  static constexpr std::uint8_t kKind = 12;
  DeliveryId delivery;
  static constexpr auto fields() { return std::tuple(&Abort::delivery); }
  friend bool operator==(const Abort&, const Abort&) = default;
};

// --- ConsumerBridge to Engine ---------------------------------------------------------------

// Exactly one for each Judge. `lost`: three verdicts were lost, or one after an Abort.
struct Verdict {
  static constexpr std::uint8_t kKind = 13;
  DeliveryId delivery;
  Outcome outcome = Outcome::withheld;
  std::vector<std::uint16_t> satisfied;
  static constexpr auto fields() {
    return std::tuple(&Verdict::delivery, &Verdict::outcome, &Verdict::satisfied);
  }
  friend bool operator==(const Verdict&, const Verdict&) = default;
};
// How many workers of a role are attached, and for which keys; said whenever it changes.
struct Attached {
  static constexpr std::uint8_t kKind = 14;
  WorkerRole role = WorkerRole::verifier;
  std::uint32_t workers = 0;
  std::vector<KeyRange> keys = {};  // of all of them together, if not wider; none: all keys
  static constexpr auto fields() {
    return std::tuple(&Attached::role, &Attached::workers, &Attached::keys);
  }
  friend bool operator==(const Attached&, const Attached&) = default;
};

// --- Engine to ProducerBridge ---------------------------------------------------------------

// Look into the own storages. Exactly one Found, NoData or TooLarge answers it.
struct LookUp {
  static constexpr std::uint8_t kKind = 15;
  LookUpId look_up;
  Key key;
  std::uint32_t room = 0;  // bytes
  static constexpr auto fields() {
    return std::tuple(&LookUp::look_up, &LookUp::key, &LookUp::room);
  }
  friend bool operator==(const LookUp&, const LookUp&) = default;
};
// Done or Failed answers it.
struct Keep {
  static constexpr std::uint8_t kKind = 16;
  CallId call;
  Key key;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Keep::call, &Keep::key, &Keep::value); }
  friend bool operator==(const Keep&, const Keep&) = default;
};
// A value of our own was judged invalid, or a client says so: remove it. Done counts 1 where it was
// there; or Failed answers it.
struct Remove {
  static constexpr std::uint8_t kKind = 17;
  CallId call;
  Key key;
  static constexpr auto fields() { return std::tuple(&Remove::call, &Remove::key); }
  friend bool operator==(const Remove&, const Remove&) = default;
};

// --- Engine to either bridge ----------------------------------------------------------------

// WorkerInfos and Counters, then Done.
struct Survey {
  static constexpr std::uint8_t kKind = 18;
  CallId call;
  static constexpr auto fields() { return std::tuple(&Survey::call); }
  friend bool operator==(const Survey&, const Survey&) = default;
};

// --- ProducerBridge to Engine ---------------------------------------------------------------

struct Found {
  static constexpr std::uint8_t kKind = 19;
  LookUpId look_up;
  Payload value;
  static constexpr auto fields() { return std::tuple(&Found::look_up, &Found::value); }
  friend bool operator==(const Found&, const Found&) = default;
};
struct NoData {
  static constexpr std::uint8_t kKind = 20;
  LookUpId look_up;
  bool sure = false;  // each storage that is for the key has said that it has not got it
  static constexpr auto fields() { return std::tuple(&NoData::look_up, &NoData::sure); }
  friend bool operator==(const NoData&, const NoData&) = default;
};
struct TooLarge {
  static constexpr std::uint8_t kKind = 21;
  LookUpId look_up;
  std::uint64_t size = 0;  // bytes
  static constexpr auto fields() { return std::tuple(&TooLarge::look_up, &TooLarge::size); }
  friend bool operator==(const TooLarge&, const TooLarge&) = default;
};

// --- PeerSelector to ProducerBridge ---------------------------------------------------------

// Whom to serve: admitted and not blocked. A peer never mentioned is neither. The selector says it
// whenever it changes, and for all peers after the ProducerBridge's Hello.
struct Admission {
  static constexpr std::uint8_t kKind = 22;
  PeerKey peer;
  bool admitted = false;
  bool blocked = false;
  static constexpr auto fields() {
    return std::tuple(&Admission::peer, &Admission::admitted, &Admission::blocked);
  }
  friend bool operator==(const Admission&, const Admission&) = default;
};
// Answered by Done when all that was said before is applied.
struct Sync {
  static constexpr std::uint8_t kKind = 23;
  CallId call;
  static constexpr auto fields() { return std::tuple(&Sync::call); }
  friend bool operator==(const Sync&, const Sync&) = default;
};

using EngineToSelector =
    std::variant<Hello, Want, AddTargets, ClearTargets, End, Judged, Room, Describe,
                 report::PeerSet, report::PeerAdd, report::PeerRemove, report::PeerBlock,
                 report::PeerUnblock, report::PeerList, Explain>;
using SelectorToEngine = std::variant<Hello, Answer, Waits, report::PeerInfo, report::Counter,
                                      report::Done, report::Failed, report::AskInfo>;
using EngineToConsumer = std::variant<Hello, Judge, Abort, Survey>;
using ConsumerToEngine =
    std::variant<Hello, Verdict, Attached, report::WorkerInfo, report::Counter, report::Done>;
using EngineToProducer = std::variant<Hello, LookUp, Keep, Remove, Survey, report::StoredList>;
using ProducerToEngine =
    std::variant<Hello, Found, NoData, TooLarge, Attached, report::WorkerInfo, report::Counter,
                 report::Done, report::Failed, report::Stored>;
using SelectorToProducer = std::variant<Hello, Admission, Sync>;
using ProducerToSelector = std::variant<Hello, report::Done>;

}  // namespace quarry::link
