// How all four protocols are written and read. A message is one envelope frame (msgpack)
//
//     [protocol, version, context, [item, ...]]        item = [kind, field, ...]
//
// and at most one payload frame: the values that the items name, back to back, in order; an item
// carries its value's length. docs/protocol/README.md is the document of what all protocols share.
// An item is a struct that lists its fields once:
//
//     struct NoData {
//       static constexpr std::uint8_t kKind = 6;
//       RequestId request;
//       static constexpr auto fields() { return std::tuple(&NoData::request); }
//     };
//
// An item or a record whose fields must go together says so in `bool sound() const`.
//
// Reading is strict: exact counts, exact key length, known words, no byte left over. The whole
// envelope is checked into a bounded list of tokens before anything is built, without allocation;
// what is built afterwards is bounded by limits.hpp.
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "msg/limits.hpp"
#include "msg/payload.hpp"
#include "msg/text.hpp"
#include "msg/types.hpp"
#include "msg/words.hpp"

namespace quarry {

// Why a message does not fit. `detail` is a sentence for the other end's person.
struct Unfit {
  Reason reason = Reason::malformed;
  std::string detail;
  friend bool operator==(const Unfit&, const Unfit&) = default;
};

// One msgpack value of an envelope. Bytes and text point into the envelope.
struct Token {
  enum class Type : std::uint8_t { number, boolean, bytes, text, array };
  Type type;
  std::uint64_t number;  // value, or size in bytes, or number of elements
  const char* at;
  ByteView view() const {
    return {reinterpret_cast<const std::byte*>(at), static_cast<std::size_t>(number)};
  }
};

// Splits an envelope into tokens. Keep one per reader: its room is used again.
class Tokenizer {
 public:
  Tokenizer();
  // False when the envelope is not exactly one msgpack array of allowed values within the limits.
  bool split(ByteView envelope);
  // After a false: those before the first that was not allowed.
  const std::vector<Token>& tokens() const { return tokens_; }

 private:
  std::vector<Token> tokens_;
};

// A batch ready to travel: the envelope, and the values it names.
struct Encoded {
  std::string envelope;
  std::vector<Payload> values;
  std::size_t value_bytes = 0;
};

// The most elements a list may have, by what it lists.
template <class T>
inline constexpr std::size_t kListLimit = limits::kMaxKeys;
template <class Record>
requires requires { Record::fields(); }
inline constexpr std::size_t kListLimit<Record> = limits::kMaxRecords;
template <>
inline constexpr std::size_t kListLimit<KeyRange> = limits::kMaxRanges;
template <>
inline constexpr std::size_t kListLimit<PeerKey> = limits::kMaxTargets;
template <>
inline constexpr std::size_t kListLimit<Tag> = limits::kMaxTags;

// Collects items into one message.
class Writer {
 public:
  template <class Item>
  void add(const Item& item) {
    constexpr auto fields = Item::fields();
    constexpr std::size_t count = std::tuple_size_v<decltype(fields)>;
    put_array(1 + count);
    put(Item::kKind);
    std::apply([&](auto... field) { (put(item.*field), ...); }, fields);
    ++count_;
  }

  bool empty() const { return count_ == 0; }
  std::size_t bytes() const { return items_.size() + value_bytes_; }
  // Whether an item with a value of this many bytes must go into the next message.
  bool closed_for(std::size_t size) const {
    return count_ == limits::kBatchItems || items_.size() > limits::kBatchBytes ||
           tokens_ >= limits::kBatchTokens ||
           (!values_.empty() &&
            (size >= limits::kTravelsAlone || alone_ || value_bytes_ + size > limits::kBatchBytes));
  }

  // The message, and an empty writer again. Context is a network's name or a link's epoch.
  Encoded finish(std::uint8_t protocol, std::uint8_t version, std::string_view context);
  Encoded finish(std::uint8_t protocol, std::uint8_t version, std::uint64_t context);

 private:
  void put_array(std::size_t count);
  void put_bytes(ByteView bytes);
  void put_text(std::string_view text);
  void put_number(std::uint64_t number);
  void put(bool flag);
  template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>) void put(Number number) { put_number(number); }
  template <NamedWord Word>
  void put(Word word) {
    put(static_cast<std::uint8_t>(word));
  }
  template <class Kind>
  void put(Id<Kind> id) {
    put(id.value);
  }
  template <std::size_t N>
  void put(const ShortBytes<N>& bytes) {
    put_bytes(bytes.view());
  }
  void put(const PeerKey& peer) { put_bytes(peer.view()); }
  void put(const std::string& text) {
    // Our own words may run long, or quote what is no text; the other end takes neither.
    if (text.size() <= limits::kMaxText && is_utf8(text)) return put_text(text);
    put_text(fit_text(text, limits::kMaxText));
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put_array(list.size());
    for (const T& element : list) put(element);
  }
  template <class Record>
  requires requires { Record::fields(); }
  void put(const Record& record) {
    put_array(std::tuple_size_v<decltype(Record::fields())>);
    std::apply([&](auto... field) { (put(record.*field), ...); }, Record::fields());
  }
  void put(const Payload& value) {
    put(static_cast<std::uint32_t>(value.size()));
    alone_ = alone_ || value.size() >= limits::kTravelsAlone;
    value_bytes_ += value.size();
    values_.push_back(value);
  }
  template <class Context>
  Encoded finish_with(std::uint8_t protocol, std::uint8_t version, Context put_context);

  std::string items_;
  std::uint32_t count_ = 0;
  std::size_t tokens_ = 0;
  std::vector<Payload> values_;
  std::size_t value_bytes_ = 0;
  bool alone_ = false;
};

// Reads the fields of items from tokens. Says no once and for all at the first thing that does
// not fit, and keeps the reason.
class Reader {
 public:
  Reader(const std::vector<Token>& tokens, Payload payload, std::uint8_t key_length)
      : tokens_(tokens), payload_(std::move(payload)), key_length_(key_length) {}

  std::optional<std::uint32_t> array(std::size_t most);
  bool number(std::uint64_t& to, std::uint64_t most);
  bool finished() const { return at_ == tokens_.size() && payload_at_ == payload_.size(); }
  std::size_t left_in_payload() const { return payload_.size() - payload_at_; }
  // A welcome says how long the keys are in what follows it.
  void set_key_length(std::uint8_t length) { key_length_ = length; }

  bool get(bool& to);
  template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>) bool get(Number& to) {
    std::uint64_t n = 0;
    if (!number(n, std::numeric_limits<Number>::max())) return false;
    to = static_cast<Number>(n);
    return true;
  }
  template <NamedWord Word>
  bool get(Word& to) {
    std::uint64_t n = 0;
    if (!number(n, 255)) return false;
    if (!known<Word>(n)) return no(Reason::malformed, "a word that this version does not know");
    to = static_cast<Word>(n);
    return true;
  }
  template <class Kind>
  bool get(Id<Kind>& to) {
    return number(to.value, UINT64_MAX);
  }
  bool get(Key& to);
  bool get(Prefix& to);
  bool get(Tag& to);
  bool get(PeerKey& to);
  bool get(std::string& to);
  bool get(Payload& to);
  // A record inside an item: an array of its fields.
  template <class Record>
  requires requires { Record::fields(); }
  bool get(Record& to) {
    constexpr std::size_t fields = std::tuple_size_v<decltype(Record::fields())>;
    const auto count = array(UINT32_MAX);
    if (!count) return false;
    if (*count != fields) return no(Reason::malformed, "a record with a wrong number of fields");
    if (!std::apply([&](auto... field) { return (get(to.*field) && ...); }, Record::fields())) {
      return false;
    }
    if constexpr (requires { to.sound(); }) {
      if (!to.sound()) return no(Reason::malformed, "fields of a record that do not go together");
    }
    return true;
  }
  template <class T>
  bool get(std::vector<T>& to) {
    const auto count = array(kListLimit<T>);
    if (!count) return false;
    to.resize(*count);
    for (T& element : to) {
      if (!get(element)) return false;
    }
    return true;
  }

  bool no(Reason reason, std::string_view detail);
  Unfit unfit() const { return unfit_.value_or(Unfit{Reason::malformed, "bytes left over"}); }

 private:
  const Token* next(Token::Type type, std::string_view detail);

  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  Payload payload_;
  std::size_t payload_at_ = 0;
  std::uint8_t key_length_;
  std::optional<Unfit> unfit_;
};

namespace codec {

// Why a message is not for this end at all: another protocol, or another version of this one. Looks
// at the first two elements alone.
std::optional<Unfit> astray(const std::vector<Token>& tokens, std::uint8_t protocol,
                            std::uint8_t version);

template <class Item>
bool read_fields(Reader& reader, std::uint32_t count, Item& item) {
  constexpr auto fields = Item::fields();
  if (count != 1 + std::tuple_size_v<decltype(fields)>) {
    return reader.no(Reason::malformed, "an item with a wrong number of fields");
  }
  if (!std::apply([&](auto... field) { return (reader.get(item.*field) && ...); }, fields)) {
    return false;
  }
  if constexpr (requires { item.sound(); }) {
    if (!item.sound()) return reader.no(Reason::malformed, "fields that do not go together");
  }
  if constexpr (requires {
                  item.network;
                  item.key_length;
                }) {
    reader.set_key_length(item.key_length);
  }
  return true;
}

// Reads one item into whichever alternative of Items has its kind.
template <class Items, std::size_t I = 0>
bool read_item(Reader& reader, std::uint64_t kind, std::uint32_t count, std::vector<Items>& to) {
  if constexpr (I == std::variant_size_v<Items>) {
    return reader.no(Reason::malformed, "an item of a kind that this door does not take");
  } else {
    using Item = std::variant_alternative_t<I, Items>;
    if (kind != Item::kKind) return read_item<Items, I + 1>(reader, kind, count, to);
    auto& item = to.emplace_back(std::in_place_type<Item>);
    return read_fields(reader, count, std::get<Item>(item));
  }
}

template <class Items>
bool read_items(Reader& reader, std::vector<Items>& to) {
  const auto items = reader.array(limits::kBatchItems);
  if (!items) return false;
  for (std::uint32_t i = 0; i < *items; ++i) {
    std::uint64_t kind = 0;
    const auto count = reader.array(UINT32_MAX);
    if (!count || !reader.number(kind, 255) || !read_item(reader, kind, *count, to)) return false;
  }
  return reader.finished() ||
         reader.no(Reason::malformed, "bytes left over in the envelope or the payload");
}

}  // namespace codec

// A protocol is a struct with kProtocol, kVersion, and its Context: a network's name (text; unless
// kNetworkMustMatch, the empty text means "whichever") or a link's epoch (number). The first two
// elements of a message stand in every version, so that another version, however it looks, and
// the wrong door are told apart from nonsense.

// Reads messages of one protocol. Items is the variant of the items that this end takes.
template <class Protocol>
class Decoder {
 public:
  // `network` gives the key length; its name must be the message's context (peer protocol) or may
  // be (control, worker).
  explicit Decoder(Network network) : network_(std::move(network)) {}

  // Appends the items of one message to `to`, in order; on failure `to` is as it was.
  template <class Items>
  std::optional<Unfit> read(ByteView envelope, Payload payload, std::vector<Items>& to) {
    if (kHasNetwork && envelope.size() > limits::kMaxEnvelope) {
      return Unfit{Reason::too_large, "an envelope beyond the limit"};
    }
    const bool whole = tokenizer_.split(envelope);
    auto astray = codec::astray(tokenizer_.tokens(), Protocol::kProtocol, Protocol::kVersion);
    if (astray) return astray;
    if (!whole) {
      return Unfit{Reason::malformed, "not a message: no msgpack array within the limits"};
    }
    Reader reader(tokenizer_.tokens(), std::move(payload), network_.key_length);
    const std::size_t before = to.size();
    if (head(reader) && codec::read_items(reader, to)) return std::nullopt;
    to.erase(to.begin() + static_cast<std::ptrdiff_t>(before), to.end());
    return reader.unfit();
  }
  // The context of the last message that was read.
  const typename Protocol::Context& context() const { return context_; }
  const Network& network() const { return network_; }
  // A client or worker learns the network from its welcome.
  void learn(Network network) { network_ = std::move(network); }

 private:
  static constexpr bool kHasNetwork = std::same_as<typename Protocol::Context, std::string>;

  bool head(Reader& reader) {
    std::uint64_t protocol = 0, version = 0;
    const auto count = reader.array(UINT32_MAX);
    if (!count || !reader.number(protocol, UINT64_MAX) || !reader.number(version, UINT64_MAX)) {
      return false;
    }
    if (*count != 4) return reader.no(Reason::malformed, "a message has four elements");
    if (!reader.get(context_)) return false;
    if constexpr (kHasNetwork) {
      if (context_.size() > limits::kMaxNetwork) {
        return reader.no(Reason::network, "a network's name has at most " +
                                              std::to_string(limits::kMaxNetwork) + " bytes");
      }
      const bool any = !Protocol::kNetworkMustMatch && (context_.empty() || network_.name.empty());
      if (!any && context_ != network_.name) {
        return reader.no(Reason::network, "this network is called " + network_.name);
      }
    }
    return true;
  }

  Network network_;
  Tokenizer tokenizer_;
  typename Protocol::Context context_{};
};

}  // namespace quarry
