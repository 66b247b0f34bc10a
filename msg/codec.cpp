#include "msg/codec.hpp"

#include <msgpack.hpp>

namespace quarry {
namespace {

// msgpack's parser calls these; a false ends the parse.
class Splitter : public msgpack::null_visitor {
 public:
  explicit Splitter(std::vector<Token>& to) : to_(to) {}

  bool visit_nil() { return false; }
  bool visit_boolean(bool v) { return add(Token::Type::boolean, v ? 1 : 0, nullptr); }
  bool visit_positive_integer(std::uint64_t v) { return add(Token::Type::number, v, nullptr); }
  // Some writers give every number a sign; what counts is that there is no minus.
  bool visit_negative_integer(std::int64_t v) {
    return v >= 0 && add(Token::Type::number, static_cast<std::uint64_t>(v), nullptr);
  }
  bool visit_float32(float) { return false; }
  bool visit_float64(double) { return false; }
  bool visit_str(const char* v, std::uint32_t size) { return add(Token::Type::text, size, v); }
  bool visit_bin(const char* v, std::uint32_t size) { return add(Token::Type::bytes, size, v); }
  bool visit_ext(const char*, std::uint32_t) { return false; }
  bool start_array(std::uint32_t count) {
    return ++depth_ <= limits::kMaxDepth && add(Token::Type::array, count, nullptr);
  }
  bool end_array() {
    --depth_;
    return true;
  }
  bool start_map(std::uint32_t) { return false; }

 private:
  bool add(Token::Type type, std::uint64_t number, const char* at) {
    // A scalar outside of any array is no message.
    if (to_.size() == limits::kMaxTokens || depth_ == 0) return false;
    to_.push_back({type, number, at});
    return true;
  }

  std::vector<Token>& to_;
  std::size_t depth_ = 0;
};

struct Sink {
  std::string& to;
  void write(const char* data, std::size_t size) { to.append(data, size); }
};

msgpack::packer<Sink> pack_into(Sink& sink) { return msgpack::packer<Sink>(sink); }

}  // namespace

Tokenizer::Tokenizer() { tokens_.reserve(limits::kBatchItems * 8); }

bool Tokenizer::split(ByteView envelope) {
  tokens_.clear();
  Splitter splitter(tokens_);
  std::size_t end = 0;
  const std::string_view text = text_of(envelope);
  try {
    return msgpack::parse(text.data(), text.size(), end, splitter) && end == text.size();
  } catch (const std::exception&) {  // the parser's own limits
    return false;
  }
}

void Writer::put_array(std::size_t count) {
  Sink sink{items_};
  pack_into(sink).pack_array(static_cast<std::uint32_t>(count));
  ++tokens_;
}

void Writer::put_bytes(ByteView bytes) {
  Sink sink{items_};
  const auto size = static_cast<std::uint32_t>(bytes.size());
  pack_into(sink).pack_bin(size).pack_bin_body(text_of(bytes).data(), size);
  ++tokens_;
}

void Writer::put_text(std::string_view text) {
  Sink sink{items_};
  const auto size = static_cast<std::uint32_t>(text.size());
  pack_into(sink).pack_str(size).pack_str_body(text.data(), size);
  ++tokens_;
}

void Writer::put_number(std::uint64_t number) {
  Sink sink{items_};
  pack_into(sink).pack_uint64(number);
  ++tokens_;
}

void Writer::put(bool flag) {
  Sink sink{items_};
  flag ? pack_into(sink).pack_true() : pack_into(sink).pack_false();
  ++tokens_;
}

template <class Context>
Encoded Writer::finish_with(std::uint8_t protocol, std::uint8_t version, Context put_context) {
  Encoded encoded;
  const std::string items = std::exchange(items_, {});
  items_.reserve(items.size() + 16 + limits::kMaxNetwork);
  put_array(4);
  put_number(protocol);
  put_number(version);
  put_context();
  put_array(count_);
  items_ += items;
  encoded.envelope = std::exchange(items_, {});
  encoded.values = std::exchange(values_, {});
  encoded.value_bytes = std::exchange(value_bytes_, 0);
  count_ = 0;
  tokens_ = 0;
  alone_ = false;
  return encoded;
}

Encoded Writer::finish(std::uint8_t protocol, std::uint8_t version, std::string_view context) {
  return finish_with(protocol, version, [&] { put_text(context); });
}
Encoded Writer::finish(std::uint8_t protocol, std::uint8_t version, std::uint64_t context) {
  return finish_with(protocol, version, [&] { put_number(context); });
}

std::optional<Unfit> codec::astray(const std::vector<Token>& tokens, std::uint8_t protocol,
                                   std::uint8_t version) {
  const auto is = [&](std::size_t i, Token::Type type) {
    return i < tokens.size() && tokens[i].type == type;
  };
  if (!is(0, Token::Type::array) || !is(1, Token::Type::number)) return std::nullopt;
  if (tokens[0].number < 2) return std::nullopt;
  if (tokens[1].number != protocol) {
    return Unfit{Reason::protocol, "another protocol is spoken at this door"};
  }
  if (!is(2, Token::Type::number) || tokens[2].number == version) return std::nullopt;
  return Unfit{Reason::version, "this end speaks version " + std::to_string(version) + ", not " +
                                    std::to_string(tokens[2].number)};
}

bool Reader::no(Reason reason, std::string_view detail) {
  if (!unfit_) unfit_ = Unfit{reason, std::string(detail)};
  return false;
}

const Token* Reader::next(Token::Type type, std::string_view detail) {
  if (at_ < tokens_.size() && tokens_[at_].type == type) return &tokens_[at_++];
  no(Reason::malformed, detail);
  return nullptr;
}

std::optional<std::uint32_t> Reader::array(std::size_t most) {
  const Token* token = next(Token::Type::array, "an array was expected");
  if (token == nullptr) return std::nullopt;
  if (token->number > most) {
    no(Reason::too_many, "more elements than " + std::to_string(most));
    return std::nullopt;
  }
  return static_cast<std::uint32_t>(token->number);
}

bool Reader::number(std::uint64_t& to, std::uint64_t most) {
  const Token* token = next(Token::Type::number, "a number was expected");
  if (token == nullptr) return false;
  if (token->number > most) return no(Reason::malformed, "a number beyond its range");
  to = token->number;
  return true;
}

bool Reader::get(bool& to) {
  const Token* token = next(Token::Type::boolean, "true or false was expected");
  if (token != nullptr) to = token->number != 0;
  return token != nullptr;
}

bool Reader::get(Key& to) {
  const Token* token = next(Token::Type::bytes, "a key was expected, as bytes");
  if (token == nullptr) return false;
  if (token->number != key_length_) {
    return no(Reason::key_length, "keys of this network have " + std::to_string(key_length_) +
                                      " bytes, not " + std::to_string(token->number));
  }
  to = Key(token->view());
  return true;
}

bool Reader::get(Prefix& to) {
  const Token* token = next(Token::Type::bytes, "a prefix was expected, as bytes");
  if (token == nullptr) return false;
  if (token->number > key_length_) return no(Reason::key_length, "a prefix longer than a key");
  to = Prefix(token->view());
  return true;
}

bool Reader::get(Tag& to) {
  const Token* token = next(Token::Type::bytes, "a tag was expected, as bytes");
  if (token == nullptr) return false;
  if (token->number > limits::kMaxTag) {
    return no(Reason::too_large,
              "a tag of more than " + std::to_string(limits::kMaxTag) + " bytes");
  }
  to = Tag(token->view());
  return true;
}

bool Reader::get(PeerKey& to) {
  const Token* token = next(Token::Type::bytes, "a peer's key was expected, as bytes");
  if (token == nullptr) return false;
  if (token->number != PeerKey::kSize) return no(Reason::malformed, "a peer's key has 32 bytes");
  std::memcpy(to.bytes.data(), token->at, PeerKey::kSize);
  return true;
}

bool Reader::get(std::string& to) {
  const Token* token = next(Token::Type::text, "text was expected");
  if (token == nullptr) return false;
  if (token->number > limits::kMaxText) {
    return no(Reason::too_large,
              "a text of more than " + std::to_string(limits::kMaxText) + " bytes");
  }
  if (!is_utf8(text_of(token->view()))) return no(Reason::malformed, "a text that is not UTF-8");
  to.assign(text_of(token->view()));
  return true;
}

bool Reader::get(Payload& to) {
  std::uint64_t length = 0;
  if (!number(length, UINT32_MAX)) return false;
  if (length > left_in_payload()) return no(Reason::malformed, "a value longer than the payload");
  to = payload_.slice(payload_at_, static_cast<std::size_t>(length));
  payload_at_ += static_cast<std::size_t>(length);
  return true;
}

}  // namespace quarry
