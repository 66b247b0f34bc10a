// The words of the rules, as enums: what a verifier says of a value, how a subscription ends, what
// a fetch waits for, why something is refused. Their names are the same in logs, metrics and docs;
// their numbers are what travels.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace quarry {

// What came of judging a value.
enum class Outcome : std::uint8_t {
  complete = 1,    // right, and satisfies every delivered subscriber
  partial = 2,     // right, and satisfies those that the verdict names
  unresolved = 3,  // right, and satisfies nobody: ask again
  invalid = 4,     // wrong: the peer lied
  ignored = 5,     // nobody wants the key any more
  withheld = 6,    // the verifier will not say
  lost = 7,        // no verdict: the verifier died, stalled or talked nonsense (never sent by one)
};

// How a subscription ends. Every subscription gets exactly one of these.
enum class Terminal : std::uint8_t {
  resolved = 1,
  cancelled = 2,
  expired = 3,
  ignored = 4,
  withheld = 5,
  rejected = 6,
  refused = 7,
  stopped = 8,
};

enum class FetchState : std::uint8_t { looking = 1, pending = 2, active = 3, validating = 4 };

// The one thing a fetch waits for now.
enum class WaitsFor : std::uint8_t {
  storage = 1,     // looking: the own storages
  peer_set = 2,    // pending: the peer set is empty
  connection = 3,  // pending: no peer of the set is connected
  target = 4,      // pending: no target is in the peer set, connected and unblocked
  unblock = 5,     // pending: every peer is blocked
  retry = 6,       // pending: the retry delay
  rate = 7,        // pending: a rate token
  room = 8,        // pending: room for answers
  answer = 9,      // active: a peer's answer
  verdict = 10,    // validating: the verdict
  verifier = 11,   // validating: no verifier is attached
  have = 12,       // pending: a peer to say that it has it
};

// Why something was refused.
enum class Reason : std::uint8_t {
  malformed = 1,     // not a message of this protocol
  protocol = 2,      // another protocol of quarry: the wrong door
  version = 3,       // another version of this protocol
  network = 4,       // another network
  key_length = 5,    // a key of another length
  too_large = 6,     // what was said is beyond a limit of size
  too_many = 7,      // what was said is beyond a limit of number
  not_admitted = 8,  // not in the peer set
  blocked = 9,
  duplicate = 10,    // claims an identity that is in use
  unknown = 11,      // names nothing that is known here
  unsupported = 12,  // understood, and not offered here
  invalid = 13,      // the value was judged invalid
  unavailable = 14,  // nobody attached who could do it
  failed = 15,       // tried and failed; the detail says how
  stopping = 16,     // the node is shutting down
  full = 17,         // a table or a budget of the node is full: later, perhaps
};

enum class Class : std::uint8_t { urgent = 1, normal = 2, background = 3 };
enum class WorkerRole : std::uint8_t { verifier = 1, storage = 2 };
enum class PeerRole : std::uint8_t { primary = 1, secondary = 2, serve_only = 3 };
// How a peer stands with us.
enum class PeerState : std::uint8_t {
  connecting = 1,  // in the set, has not answered a ping lately
  connected = 2,
  blocked = 3,
  refusing = 4,    // it refuses us; the detail says why
  serve_only = 5,  // is served and never asked
  left = 6,        // no longer in the set, a request is still out
};

// Why a peer was asked and not another.
enum class Why : std::uint8_t {
  cheapest = 1,   // expected to answer soonest
  only = 2,       // nobody else could be asked
  newcomer = 3,   // never measured before
  explored = 4,   // at random, as now and then
  preferred = 5,  // it named a size
  hedge = 6,      // beside another, which was slow
  have = 7,       // it said that it has it now
};
// What came of an ask.
enum class AskResult : std::uint8_t {
  waiting = 1,       // it is out
  judging = 2,       // a value came
  accepted = 3,      // which was right
  unresolved = 4,    // right, and satisfied nobody
  invalid = 5,       // wrong
  unscored = 6,      // which nobody wanted judged any more
  lost = 7,          // whose verdict was lost
  no_data = 8,       // "I have not got it"
  timed_out = 9,     // nothing in time
  overloaded = 10,   // "later"
  too_large = 11,    // more than there was room for
  refused = 12,      // it would not answer
  send_failed = 13,  // our own pipe to it was full
  abandoned = 14,    // its connection is lost, or it is blocked
  overtaken = 15,    // another's answer came first
  remembered = 16,   // "I have not got it, and say when I have"
};
// How a peer stood when somebody was chosen.
enum class Standing : std::uint8_t {
  candidate = 1,      // could have been asked
  tried = 2,          // was asked for this key in this round, remembers it, or is set aside with it
  left_alone = 3,     // failed lately
  busy = 4,           // has as many requests as it may
  cooling = 5,        // wants to be left alone, or our pipe to it was full
  rate = 6,           // its request rate
  blocked = 7,        // lied, or by an operator's word
  not_connected = 8,  // has not answered a ping lately
  serve_only = 9,     // is never asked
  not_target = 10,    // the fetch has targets, and it is none
};

// Name tables: index is the number; "" where a number has no meaning.
template <class Word>
struct Names;
template <>
struct Names<Outcome> {
  static constexpr std::array<std::string_view, 8> list{
      "", "complete", "partial", "unresolved", "invalid", "ignored", "withheld", "lost"};
};
template <>
struct Names<Terminal> {
  static constexpr std::array<std::string_view, 9> list{"",         "resolved", "cancelled",
                                                        "expired",  "ignored",  "withheld",
                                                        "rejected", "refused",  "stopped"};
};
template <>
struct Names<FetchState> {
  static constexpr std::array<std::string_view, 5> list{"", "looking", "pending", "active",
                                                        "validating"};
};
template <>
struct Names<WaitsFor> {
  static constexpr std::array<std::string_view, 13> list{
      "",     "storage", "peer_set", "connection", "target",   "unblock", "retry",
      "rate", "room",    "answer",   "verdict",    "verifier", "have"};
};
template <>
struct Names<Reason> {
  static constexpr std::array<std::string_view, 18> list{
      "",           "malformed", "protocol",    "version",      "network",
      "key_length", "too_large", "too_many",    "not_admitted", "blocked",
      "duplicate",  "unknown",   "unsupported", "invalid",      "unavailable",
      "failed",     "stopping",  "full"};
};
template <>
struct Names<Class> {
  static constexpr std::array<std::string_view, 4> list{"", "urgent", "normal", "background"};
};
template <>
struct Names<WorkerRole> {
  static constexpr std::array<std::string_view, 3> list{"", "verifier", "storage"};
};
template <>
struct Names<PeerRole> {
  static constexpr std::array<std::string_view, 4> list{"", "primary", "secondary", "serve_only"};
};
template <>
struct Names<PeerState> {
  static constexpr std::array<std::string_view, 7> list{
      "", "connecting", "connected", "blocked", "refusing", "serve_only", "left"};
};

template <>
struct Names<Why> {
  static constexpr std::array<std::string_view, 8> list{
      "", "cheapest", "only", "newcomer", "explored", "preferred", "hedge", "have"};
};
template <>
struct Names<AskResult> {
  static constexpr std::array<std::string_view, 17> list{
      "",         "waiting",     "judging",   "accepted",  "unresolved", "invalid",
      "unscored", "lost",        "no_data",   "timed_out", "overloaded", "too_large",
      "refused",  "send_failed", "abandoned", "overtaken", "remembered"};
};
template <>
struct Names<Standing> {
  static constexpr std::array<std::string_view, 11> list{
      "",     "candidate", "tried",         "left_alone", "busy",      "cooling",
      "rate", "blocked",   "not_connected", "serve_only", "not_target"};
};

template <class Word>
concept NamedWord = requires {
  Names<Word>::list;
};

template <NamedWord Word>
constexpr std::string_view name(Word word) {
  return Names<Word>::list[static_cast<std::size_t>(word)];
}
// Whether this number is a word at all.
template <NamedWord Word>
constexpr bool known(std::uint64_t number) {
  return number < Names<Word>::list.size() && !Names<Word>::list[number].empty();
}

}  // namespace quarry
