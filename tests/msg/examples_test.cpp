// Replays every example of docs/protocol, whole and damaged.

#include <set>

#include "tests/msg/documents.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::test;

namespace {

template <class Direction>
std::optional<Unfit> read(const Frames& frames, std::vector<typename Direction::Items>& to,
                          typename Direction::Protocol::Context* context = nullptr) {
  Decoder<typename Direction::Protocol> decoder(Network{});
  auto unfit = decoder.read(bytes_of(frames.envelope), Payload::of(frames.payload), to);
  if (context != nullptr) *context = decoder.context();
  return unfit;
}

template <class Direction>
bool accepted(const Frames& frames) {
  std::vector<typename Direction::Items> items;
  const auto unfit = read<Direction>(frames, items);
  if (unfit && !items.empty()) FAIL("items of a refused message");
  return !unfit;
}

// Whether the message is refused, or else means the same when it is written anew.
template <class Direction>
bool refused_or_sound(const Frames& frames) {
  using Protocol = typename Direction::Protocol;
  std::vector<typename Direction::Items> items;
  typename Protocol::Context context;
  if (read<Direction>(frames, items, &context)) return items.empty();
  std::vector<typename Direction::Items> again;
  return !read<Direction>(write<Protocol>(items, context), again) && again == items;
}

template <class Direction>
void replay(const Example& example) {
  using Protocol = typename Direction::Protocol;
  std::vector<typename Direction::Items> items;
  typename Protocol::Context context;
  const auto unfit = read<Direction>(example.frames, items, &context);
  CAPTURE(unfit ? unfit->detail : "");
  if (!example.refused.empty()) {
    REQUIRE(unfit);
    REQUIRE(name(unfit->reason) == example.refused);
    REQUIRE(items.empty());
    return;
  }
  REQUIRE_FALSE(unfit);
  const Node expected = parse_notation(example.notation);
  Node message;
  message.list = {Node::of(std::uint64_t{Protocol::kProtocol}),
                  Node::of(std::uint64_t{Protocol::kVersion}), render(context), Node{}};
  for (const auto& item : items) {
    message.list[3].list.push_back(std::visit([](const auto& one) { return render(one); }, item));
  }
  REQUIRE(show(message) == show(expected));
  REQUIRE(message == expected);
  REQUIRE(to_hex(bytes_of(encode(expected).envelope)) == to_hex(bytes_of(example.frames.envelope)));
  REQUIRE(encode(expected) == example.frames);
  REQUIRE(write<Protocol>(items, context) == example.frames);
}

// Calls visit<Direction>(example) for every example; each must name a direction that there is.
template <class Visit>
void each_example(Visit visit) {
  REQUIRE(examples().size() > 30);
  for (const Example& example : examples()) {
    CAPTURE(example.document, example.name, example.direction);
    bool found = false;
    each_direction([&]<class Direction>(const Direction& direction) {
      if (direction.name != example.direction) return;
      found = true;
      visit.template operator()<Direction>(example);
    });
    REQUIRE(found);
  }
}

std::string cut(const std::string& text, std::size_t size) { return text.substr(0, size); }

}  // namespace

TEST_CASE("every example of the documents is read as it says, and written byte for byte") {
  each_example([]<class Direction>(const Example& example) { replay<Direction>(example); });
}

TEST_CASE("every example has a name of its own") {
  std::set<std::string> names;
  for (const Example& example : examples()) {
    CAPTURE(example.name);
    REQUIRE(names.insert(example.document + "/" + example.name).second);
    REQUIRE(example.refused.empty() != example.notation.empty());
  }
}

TEST_CASE("every kind of every direction has an example") {
  std::set<std::pair<std::string_view, std::uint64_t>> shown;
  for (const Example& example : examples()) {
    if (!example.refused.empty()) continue;
    const Node message = parse_notation(example.notation);
    for (const Node& item : message.list.at(3).list) {
      shown.emplace(example.direction, item.list.at(0).number);
    }
  }
  each_direction([&]<class Direction>(const Direction& direction) {
    each_item<typename Direction::Items>([&]<class Item>() {
      CAPTURE(direction.name, snake_name<Item>());
      REQUIRE(shown.contains({direction.name, Item::kKind}));
    });
  });
}

TEST_CASE("an example cut short anywhere is refused") {
  each_example([]<class Direction>(const Example& example) {
    if (!example.refused.empty()) return;
    const auto& [envelope, payload] = example.frames;
    for (std::size_t size = 0; size < envelope.size(); ++size) {
      CAPTURE(size);
      REQUIRE_FALSE(accepted<Direction>({cut(envelope, size), payload}));
    }
    for (std::size_t size = 0; size < payload.size(); ++size) {
      CAPTURE(size);
      REQUIRE_FALSE(accepted<Direction>({envelope, cut(payload, size)}));
    }
  });
}

TEST_CASE("an example with a byte more is refused") {
  each_example([]<class Direction>(const Example& example) {
    if (!example.refused.empty()) return;
    const auto& [envelope, payload] = example.frames;
    for (int byte = 0; byte < 256; ++byte) {
      CAPTURE(byte);
      REQUIRE_FALSE(accepted<Direction>({envelope + static_cast<char>(byte), payload}));
      REQUIRE_FALSE(accepted<Direction>({envelope, payload + static_cast<char>(byte)}));
    }
  });
}

TEST_CASE("an example with a bit flipped is refused, or means something that can be said") {
  each_example([]<class Direction>(const Example& example) {
    Frames frames = example.frames;
    for (std::string* frame : {&frames.envelope, &frames.payload}) {
      for (std::size_t bit = 0; bit < 8 * frame->size(); ++bit) {
        const char byte = (*frame)[bit / 8];
        (*frame)[bit / 8] = static_cast<char>(byte ^ (1 << bit % 8));
        CAPTURE(bit);
        REQUIRE(refused_or_sound<Direction>(frames));
        (*frame)[bit / 8] = byte;
      }
    }
  });
}

TEST_CASE("an example said in another direction is refused, or fits there too") {
  each_example([]<class>(const Example& example) {
    each_direction([&]<class Direction>(const Direction&) {
      REQUIRE(refused_or_sound<Direction>(example.frames));
    });
  });
}
