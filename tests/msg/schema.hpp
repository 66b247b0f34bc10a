// What the code says about its items, in the words of the documents: the names of items and fields,
// taken from the compiler, and the types of fields. And the directions: who says which items.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "msg/control.hpp"
#include "msg/link.hpp"
#include "msg/peer.hpp"
#include "msg/worker.hpp"
#include "tests/msg/notation.hpp"

namespace quarry::test {

template <class T>
constexpr std::string_view compiled_name() {
  return __PRETTY_FUNCTION__;
}
template <auto Member>
constexpr std::string_view compiled_member() {
  return __PRETTY_FUNCTION__;
}

// The last part of a qualified name that ends at `;` or `]`.
constexpr std::string_view last_name(std::string_view pretty) {
  const std::size_t start = pretty.find(" = ");
  pretty = pretty.substr(start, pretty.find_first_of(";]", start) - start);
  return pretty.substr(pretty.rfind(':') + 1);
}

template <class T>
std::string snake_name() {
  std::string snake;
  for (char c : last_name(compiled_name<T>())) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !snake.empty()) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return snake;
}

template <class T>
struct TypeName {
  static std::string say() { return snake_name<T>(); }  // words and records
};
#define QUARRY_TYPE_NAME(type, name)          \
  template <>                                 \
  struct TypeName<type> {                     \
    static std::string say() { return name; } \
  }
QUARRY_TYPE_NAME(std::uint8_t, "u8");
QUARRY_TYPE_NAME(std::uint16_t, "u16");
QUARRY_TYPE_NAME(std::uint32_t, "u32");
QUARRY_TYPE_NAME(std::uint64_t, "u64");
QUARRY_TYPE_NAME(bool, "bool");
QUARRY_TYPE_NAME(std::string, "text");
QUARRY_TYPE_NAME(Key, "key");
QUARRY_TYPE_NAME(Prefix, "prefix");
QUARRY_TYPE_NAME(Tag, "tag");
QUARRY_TYPE_NAME(PeerKey, "peer");
QUARRY_TYPE_NAME(Payload, "value");
#undef QUARRY_TYPE_NAME
template <class Kind>
struct TypeName<Id<Kind>> {
  static std::string say() { return "id"; }
};
template <class T>
struct TypeName<std::vector<T>> {
  static std::string say() { return '[' + TypeName<T>::say() + ']'; }
};

struct Field {
  std::string name;
  std::string type;
  friend bool operator==(const Field&, const Field&) = default;
};

template <class Item, std::size_t... I>
std::vector<Field> fields_of(std::index_sequence<I...>) {
  return {Field{std::string(last_name(compiled_member<std::get<I>(Item::fields())>())),
                TypeName<std::remove_cvref_t<decltype(std::declval<Item>().*
                                                      std::get<I>(Item::fields()))>>::say()}...};
}
template <class Item>
std::vector<Field> fields_of() {
  constexpr std::size_t count = std::tuple_size_v<decltype(Item::fields())>;
  return fields_of<Item>(std::make_index_sequence<count>());
}

// A field, an item, a record as the notation has them.
template <class T>
Node render(const T& field) {
  if constexpr (std::same_as<T, bool>) {
    return Node::of(field);
  } else if constexpr (std::unsigned_integral<T>) {
    return Node::of(std::uint64_t{field});
  } else if constexpr (NamedWord<T>) {
    return Node::of(std::uint64_t{static_cast<std::uint8_t>(field)});
  } else if constexpr (std::same_as<T, std::string>) {
    return Node::of(Node::Type::text, field);
  } else if constexpr (std::same_as<T, Payload>) {
    return Node::of(Node::Type::value, text_of(field.view()));
  } else if constexpr (requires { field.view(); }) {
    return Node::of(Node::Type::bytes, text_of(field.view()));
  } else if constexpr (requires { T::fields(); }) {
    Node node;
    if constexpr (requires { T::kKind; }) node.list.push_back(Node::of(std::uint64_t{T::kKind}));
    std::apply([&](auto... member) { (node.list.push_back(render(field.*member)), ...); },
               T::fields());
    return node;
  } else if constexpr (requires { field.value; }) {
    return Node::of(field.value);
  } else {
    Node node;
    for (const auto& element : field) node.list.push_back(render(element));
    return node;
  }
}

template <class ProtocolT, class ItemsT>
struct Direction {
  using Protocol = ProtocolT;
  using Items = ItemsT;
  std::string_view name;
};

// Every direction there is. Within a document the kind tables come in this order.
inline constexpr std::tuple kDirections{
    Direction<peer::Protocol, peer::FromAsker>{"peer.from_asker"},
    Direction<peer::Protocol, peer::FromServer>{"peer.from_server"},
    Direction<control::Protocol, control::FromClient>{"control.from_client"},
    Direction<control::Protocol, control::FromNode>{"control.from_node"},
    Direction<worker::Protocol, worker::FromWorker>{"worker.from_worker"},
    Direction<worker::Protocol, worker::FromDoor>{"worker.from_door"},
    Direction<link::Protocol, link::EngineToSelector>{"link.engine_to_selector"},
    Direction<link::Protocol, link::SelectorToEngine>{"link.selector_to_engine"},
    Direction<link::Protocol, link::EngineToConsumer>{"link.engine_to_consumer"},
    Direction<link::Protocol, link::ConsumerToEngine>{"link.consumer_to_engine"},
    Direction<link::Protocol, link::EngineToProducer>{"link.engine_to_producer"},
    Direction<link::Protocol, link::ProducerToEngine>{"link.producer_to_engine"},
    Direction<link::Protocol, link::SelectorToProducer>{"link.selector_to_producer"},
    Direction<link::Protocol, link::ProducerToSelector>{"link.producer_to_selector"}};

template <class Visit>
void each_direction(Visit visit) {
  std::apply([&](const auto&... direction) { (visit(direction), ...); }, kDirections);
}
// Calls visit<Item>() for every alternative of a variant of items.
template <class Items, class Visit>
void each_item(Visit visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit.template operator()<std::variant_alternative_t<I, Items>>(), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Items>>());
}

// The message that a Writer makes of items.
template <class Protocol, class Items>
Frames write(const std::vector<Items>& items, const typename Protocol::Context& context) {
  Writer writer;
  for (const Items& item : items) std::visit([&](const auto& one) { writer.add(one); }, item);
  const Encoded encoded = writer.finish(Protocol::kProtocol, Protocol::kVersion, context);
  Frames frames{encoded.envelope, {}};
  for (const Payload& value : encoded.values) frames.payload += text_of(value.view());
  return frames;
}

}  // namespace quarry::test
