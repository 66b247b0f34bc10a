// What reading allocates. A program of its own, because it counts every allocation of its process.

#include <cstdlib>
#include <new>

#include "msg/codec.hpp"
#include "msg/peer.hpp"
#include "tests/msg/notation.hpp"
#include "tests/support/catch.hpp"

namespace {

std::size_t allocations = 0;
std::size_t allocated_bytes = 0;

void* counted(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
  void* at = std::malloc(size);
  if (at == nullptr) std::abort();
  return at;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }

using namespace quarry;

namespace {

struct Spent {
  std::size_t times = 0;
  std::size_t bytes = 0;
};
template <class Work>
Spent spent_by(Work work) {
  const Spent before{allocations, allocated_bytes};
  work();
  return {allocations - before.times, allocated_bytes - before.bytes};
}

// What one reading costs when the same reader has read such a message before.
template <class Items>
Spent read_again(const Encoded& message, std::size_t expected) {
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<Items> items;
  std::string values;
  for (const Payload& value : message.values) values += text_of(value.view());
  const Payload payload = Payload::of(values);
  const auto read = [&] {
    items.clear();
    if (decoder.read(bytes_of(message.envelope), payload, items)) items.clear();
  };
  read();
  const Spent spent = spent_by(read);
  REQUIRE(items.size() == expected);
  return spent;
}

template <class Item>
Encoded batch(const Item& item, std::size_t count) {
  Writer writer;
  for (std::size_t i = 0; i < count; ++i) writer.add(item);
  return writer.finish(1, 1, "main");
}

}  // namespace

TEST_CASE("reading a batch allocates as often as reading one item") {
  const peer::Ask ask{{UINT64_MAX}, Key(std::string(32, 'k')), 65536};
  const peer::Value value{{UINT64_MAX}, Payload::of(std::string(100, 'v'))};
  const auto one_ask = read_again<peer::FromAsker>(batch(ask, 1), 1);
  const auto asks = read_again<peer::FromAsker>(batch(ask, 256), 256);
  const auto one_value = read_again<peer::FromServer>(batch(value, 1), 1);
  const auto values = read_again<peer::FromServer>(batch(value, 256), 256);
  REQUIRE(asks.times == one_ask.times);
  REQUIRE(values.times == one_value.times);
  // msgpack's parser makes its stack anew for each message.
  REQUIRE(one_ask.times <= 1);
  REQUIRE(one_value.times <= 1);
}

TEST_CASE("a size that is only declared is given no memory") {
  const std::string head = "94 01 01 a4 6d61696e 91 92 02 ";
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromAsker> items;
  for (const char* huge : {"dd ffffffff", "c6 ffffffff", "db ffffffff", "c9 ffffffff 01",
                           "df ffffffff", "dc ffff", "c5 ffff"}) {
    for (const std::string& hex :
         {head + huge, std::string(huge), "94 01 01 " + std::string(huge)}) {
      const std::string envelope = test::bytes_from_hex(hex);
      std::optional<Unfit> unfit;
      const Spent spent = spent_by([&] { unfit = decoder.read(bytes_of(envelope), {}, items); });
      CAPTURE(hex, spent.times, spent.bytes);
      REQUIRE(unfit);
      REQUIRE(spent.bytes < 2048);  // the parser's stack and the sentence that says why
    }
  }
}

TEST_CASE("deep arrays and many values cost no more than the limits") {
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromAsker> items;
  for (char byte : {'\x91', '\x00', '\x90', '\xc3'}) {
    std::string envelope = test::bytes_from_hex("dd 0007ff00");
    envelope.append(0x7ff00, byte);
    std::optional<Unfit> unfit;
    const Spent spent = spent_by([&] { unfit = decoder.read(bytes_of(envelope), {}, items); });
    CAPTURE(static_cast<int>(byte));
    REQUIRE(unfit);
    REQUIRE(spent.bytes < 3 * limits::kMaxTokens * sizeof(Token));
  }
}

TEST_CASE("a short key or tag needs no allocation, a long one has one of its own size") {
  const std::string text(255, 'k');
  REQUIRE(spent_by([&] { Key key(std::string_view(text).substr(0, 39)); }).times == 0);
  REQUIRE(spent_by([&] { Tag tag(std::string_view(text).substr(0, 15)); }).times == 0);
  const Spent spent = spent_by([&] { Key key{std::string_view(text)}; });
  REQUIRE(spent.times == 1);
  REQUIRE(spent.bytes == 255);
}
