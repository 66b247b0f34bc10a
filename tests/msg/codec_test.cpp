// Reading: what fits and what does not, and with which reason.

#include "msg/codec.hpp"

#include "msg/control.hpp"
#include "msg/link.hpp"
#include "msg/peer.hpp"
#include "msg/worker.hpp"
#include "tests/msg/schema.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::test;

namespace {

// A message of the peer protocol is `head` and the items.
const std::string kHead = "94 01 01 a4 6d61696e ";

// Why an asker's message in hexadecimal is refused; "" when it is not.
template <class Direction>
std::string why(const Direction&, const std::string& hex, const std::string& payload = {},
                const Network& network = {}) {
  using Item = typename Direction::Items;
  Decoder<typename Direction::Protocol> decoder(network);
  std::vector<Item> items(3);
  const auto before = items;
  const auto unfit = decoder.read(bytes_of(bytes_from_hex(hex)), Payload::of(payload), items);
  if (!unfit) {
    REQUIRE(std::vector<Item>(items.begin(), items.begin() + 3) == before);
    return {};
  }
  REQUIRE(items == before);
  REQUIRE_FALSE(unfit->detail.empty());
  return std::string(name(unfit->reason));
}
constexpr auto kAsker = std::get<0>(kDirections);
constexpr auto kServer = std::get<1>(kDirections);
constexpr auto kClient = std::get<2>(kDirections);
constexpr auto kWorker = std::get<4>(kDirections);
constexpr auto kDoor = std::get<5>(kDirections);

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  while (times-- > 0) all += text;
  return all;
}
std::string ask_with_key(std::size_t length, const std::string& head = "c4") {
  return kHead + "91 96 04 05 " + head + ' ' +
         to_hex(bytes_of(std::string(1, static_cast<char>(length)))) + repeat("6b", length) +
         " 00 00 00";
}

}  // namespace

TEST_CASE("a batch of asks is read as it was written") {
  const std::vector<peer::FromAsker> items{peer::Ask{{5}, Key(std::string(32, 'k')), 65536},
                                           peer::Ping{7}};
  const Frames frames = write<peer::Protocol>(items, std::string("main"));
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromAsker> read;
  REQUIRE_FALSE(decoder.read(bytes_of(frames.envelope), {}, read));
  REQUIRE(read == items);
  REQUIRE(decoder.context() == "main");
}

TEST_CASE("only whole numbers, booleans, bytes, text and arrays are read") {
  const std::string ping = kHead + "91 92 02 ";
  REQUIRE(why(kAsker, ping + "07").empty());
  for (const char* field : {"c0",
                            "ff",
                            "e0",
                            "d0 ff",
                            "d1 ffff",
                            "d2 ffffffff",
                            "d3 ffffffffffffffff",
                            "ca 3f800000",
                            "cb 3ff0000000000000",
                            "d4 01 00",
                            "d5 01 0000",
                            "d6 01 00000000",
                            "d6 ff 00000000",
                            "c7 00 01",
                            "c7 01 01 00",
                            "80",
                            "81 01 01",
                            "de 0000",
                            "c1",
                            "c2",
                            "a1 37",
                            "c4 01 37",
                            "90",
                            "91 07"}) {
    CAPTURE(field);
    REQUIRE(why(kAsker, ping + field) == "malformed");
  }
}

TEST_CASE("a number is read in any form that holds it, and refused beyond its range") {
  const std::string ping = kHead + "91 92 02 ";
  for (const char* seven : {"07", "cc 07", "cd 0007", "ce 00000007", "cf 0000000000000007", "d0 07",
                            "d1 0007", "d2 00000007", "d3 0000000000000007"}) {
    CAPTURE(seven);
    REQUIRE(why(kAsker, ping + seven).empty());
  }
  const std::string hello = kHead + "91 95 01 01 ";
  REQUIRE(why(kAsker, hello + "cc ff ce ffffffff a0").empty());
  REQUIRE(why(kAsker, hello + "cd 0100 ce ffffffff a0") == "malformed");
  REQUIRE(why(kAsker, hello + "20 cf 0000000100000000 a0") == "malformed");
}

TEST_CASE("what is no message at all is malformed") {
  for (const char* nothing :
       {"", "00", "c0", "90", "80", "a4 6d61696e", "c4 00", "91 01", "92 01 01",
        "93 01 01 a4 6d61696e", "94 a1 31 01 a4 6d61696e 90", "94 01 a1 31 a4 6d61696e 90",
        "94 01 01 00 90", "94 01 01 c4 04 6d61696e 90", "94 01 01 a4 6d61696e 00",
        "95 01 01 a4 6d61696e 90 00", "94 01 01 a4 6d61696e 91 00", "94 01 01 a4 6d61696e 91 90",
        "94 01 01 a4 6d61696e 91 91 a1 32"}) {
    CAPTURE(nothing);
    REQUIRE(why(kAsker, nothing) == "malformed");
  }
  REQUIRE(why(kAsker, kHead + "90").empty());
}

TEST_CASE("a size that is only declared is refused, however large it is") {
  const std::string ping = kHead + "91 92 02 ";
  for (const char* huge :
       {"dd ffffffff", "dc ffff", "c6 ffffffff", "c5 ffff", "db ffffffff", "da ffff",
        "c9 ffffffff 01", "c8 ffff 01", "df ffffffff", "c6 fffffffe"}) {
    CAPTURE(huge);
    REQUIRE(why(kAsker, ping + huge) == "malformed");
    REQUIRE(why(kAsker, huge) == "malformed");
    REQUIRE(why(kAsker, "94 01 01 " + std::string(huge)) == "malformed");
  }
}

TEST_CASE("arrays are read to the depth that the protocols have, and no deeper") {
  // Message, items, item, list, record: the peers of a set.
  const std::string entry = "94 c4 20 " + repeat("70", 32) + " a0 01 a0";
  const std::string set = "94 02 01 a0 91 94 40 01 02 91 ";
  REQUIRE(why(kClient, set + entry).empty());
  REQUIRE(why(kClient, set + "94 91 00 a0 01 a0") == "malformed");
  REQUIRE(why(kAsker, repeat("91", 5) + "00") == "malformed");
  REQUIRE(why(kAsker, repeat("91", 100000) + "00") == "malformed");
  REQUIRE(why(kAsker, repeat("91", 100000)) == "malformed");
}

TEST_CASE("an envelope has a limited number of values") {
  const std::string items = repeat("92 02 00", 256);
  REQUIRE(why(kAsker, kHead + "dc 0100" + items).empty());
  REQUIRE(why(kAsker, kHead + "dc 0101" + items + "92 02 00") == "too_many");
  // 5 values before the items, and 1 too many of them.
  const auto with = [&](std::size_t extra) {
    return "94 01 01 a4 6d61696e 91 dd " +
           to_hex(bytes_of(std::string(
               {'\0', '\0', static_cast<char>(extra >> 8), static_cast<char>(extra)}))) +
           repeat("00", extra);
  };
  Tokenizer tokenizer;
  REQUIRE(tokenizer.split(bytes_of(bytes_from_hex(with(limits::kMaxTokens - 6)))));
  REQUIRE(tokenizer.tokens().size() == limits::kMaxTokens);
  REQUIRE_FALSE(tokenizer.split(bytes_of(bytes_from_hex(with(limits::kMaxTokens - 5)))));
}

TEST_CASE("an envelope beyond its limit is too large, whatever it holds") {
  REQUIRE(why(kClient, repeat("00", limits::kMaxEnvelope + 1)) == "too_large");
  REQUIRE(why(kClient, repeat("00", limits::kMaxEnvelope)) == "malformed");
}

TEST_CASE("an item has exactly its fields") {
  REQUIRE(why(kAsker, kHead + "91 91 02") == "malformed");
  REQUIRE(why(kAsker, kHead + "91 93 02 07 07") == "malformed");
  REQUIRE(why(kAsker, kHead + "91 dc 0100 02" + repeat("00", 255)) == "malformed");
  REQUIRE(why(kClient, "94 02 01 a0 91 91 0a").empty());
  REQUIRE(why(kClient, "94 02 01 a0 91 92 0a 00") == "malformed");
}

TEST_CASE("a record has exactly its fields") {
  const std::string key = "c4 20 " + repeat("70", 32);
  const std::string add = "94 02 01 a0 91 93 41 01 ";
  REQUIRE(why(kClient, add + "94" + key + "a0 01 a0").empty());
  REQUIRE(why(kClient, add + "93" + key + "a0 01") == "malformed");
  REQUIRE(why(kClient, add + "95" + key + "a0 01 a0 a0") == "malformed");
}

TEST_CASE("a kind or a word that this version does not know is malformed") {
  REQUIRE(why(kAsker, kHead + "91 92 0a 07") == "malformed");
  REQUIRE(why(kAsker, kHead + "91 92 cd 0102 07") == "malformed");
  REQUIRE(why(kServer, kHead + "91 94 09 00 11 a0").empty());
  REQUIRE(why(kServer, kHead + "91 94 09 00 12 a0") == "malformed");
  REQUIRE(why(kServer, kHead + "91 94 09 00 00 a0") == "malformed");
  REQUIRE(why(kServer, kHead + "91 94 09 00 cd 0101 a0") == "malformed");
}

TEST_CASE("a kind of the other direction is malformed") {
  REQUIRE(why(kServer, kHead + "91 93 06 05 00").empty());
  REQUIRE(why(kAsker, kHead + "91 93 06 05 00") == "malformed");
}

TEST_CASE("a key has exactly the length of the network's keys") {
  for (std::size_t length : {0U, 1U, 31U, 33U, 64U, 255U}) {
    CAPTURE(length);
    REQUIRE(why(kAsker, ask_with_key(length)) == "key_length");
  }
  REQUIRE(why(kAsker, ask_with_key(32)).empty());
  REQUIRE(why(kAsker, ask_with_key(32, "d9")) == "malformed");  // text
  for (std::size_t length : {1U, 20U, 40U, 255U}) {
    const Network network{"main", static_cast<std::uint8_t>(length), 1, {}};
    REQUIRE(why(kAsker, ask_with_key(length), {}, network).empty());
    REQUIRE(why(kAsker, ask_with_key(32), {}, network) == "key_length");
  }
}

TEST_CASE("a prefix is at most a key long, a peer's key always 32 bytes") {
  const auto retain = [](std::size_t size) {
    return "94 02 01 a0 91 97 06 01 03 c2 90 c4 " +
           to_hex(bytes_of(std::string(1, static_cast<char>(size)))) + repeat("00", size) + "c4 00";
  };
  REQUIRE(why(kClient, retain(0)).empty());
  REQUIRE(why(kClient, retain(32)).empty());
  REQUIRE(why(kClient, retain(33)) == "key_length");
  const Network long_keys{"main", 64, 1, {}};
  REQUIRE(why(kClient, "94 02 01 a0 91 93 42 01 c4 20" + repeat("70", 32), {}, long_keys).empty());
  REQUIRE(why(kClient, "94 02 01 a0 91 93 42 01 c4 1f" + repeat("70", 31)) == "malformed");
  REQUIRE(why(kClient, "94 02 01 a0 91 93 42 01 c4 21" + repeat("70", 33)) == "malformed");
}

TEST_CASE("tags and texts have limits, and text is UTF-8") {
  const std::string withdraw = "94 02 01 a0 91 93 03 c4 ";
  const std::string key = "c4 20" + repeat("6b", 32);
  REQUIRE(why(kClient, withdraw + "40" + repeat("74", 64) + key).empty());
  REQUIRE(why(kClient, withdraw + "41" + repeat("74", 65) + key) == "too_large");
  const std::string hello = "94 02 01 a0 91 92 01 ";
  REQUIRE(why(kClient, hello + "d9 ff" + repeat("61", 255)).empty());
  REQUIRE(why(kClient, hello + "da 0100" + repeat("61", 256)) == "too_large");
  REQUIRE(why(kClient, hello + "a2 c3a9").empty());
  REQUIRE(why(kClient, hello + "a2 c328") == "malformed");
}

TEST_CASE("a list has a limited number of elements") {
  const auto list = [](const std::string& head, std::size_t size, const std::string& element,
                       const std::string& tail) {
    return head + "dc" +
           to_hex(bytes_of(std::string({static_cast<char>(size >> 8), static_cast<char>(size)}))) +
           repeat(element, size) + tail;
  };
  const std::string key = "c420" + repeat("6b", 32);
  const std::string cancel = "94 02 01 a0 91 93 04 01 ";
  REQUIRE(why(kClient, list(cancel, 256, key, "")).empty());
  REQUIRE(why(kClient, list(cancel, 257, key, "")) == "too_many");
  const std::string fetch = "94 02 01 a0 91 99 02 c400" + key;
  REQUIRE(why(kClient, list(fetch, 64, key, "c3c2c2 02 00")).empty());
  REQUIRE(why(kClient, list(fetch, 65, key, "c3c2c2 02 00")) == "too_many");
  const std::string set = "94 02 01 a0 91 94 40 01 02 ";
  REQUIRE(why(kClient, list(set, 2048, "94" + key + "a0 01 a0", "")).empty());
  REQUIRE(why(kClient, list(set, 2049, "94" + key + "a0 01 a0", "")) == "too_many");
  const std::string worker = "94 03 01 a0 91 98 01 01 05 40 00 a0 a0 ";
  REQUIRE(why(kWorker, list(worker, 16, "92 c40161 c40162", "")).empty());
  REQUIRE(why(kWorker, list(worker, 17, "92 c40161 c40162", "")) == "too_many");
}

TEST_CASE("the payload is exactly the values that the items name") {
  const std::string two = kHead + "92 93 05 05 02 93 05 06 03";
  REQUIRE(why(kServer, two, "hello").empty());
  REQUIRE(why(kServer, two, "hell") == "malformed");
  REQUIRE(why(kServer, two, "hello!") == "malformed");
  REQUIRE(why(kServer, two, "") == "malformed");
  REQUIRE(why(kServer, kHead + "91 93 05 05 00", "").empty());
  REQUIRE(why(kServer, kHead + "91 93 05 05 00", "x") == "malformed");
  REQUIRE(why(kServer, kHead + "90", "x") == "malformed");
  REQUIRE(why(kServer, kHead + "91 93 05 05 ce ffffffff", "x") == "malformed");
  REQUIRE(why(kServer, kHead + "91 93 05 05 cf 0000000100000001", "x") == "malformed");
}

TEST_CASE("values are slices of the payload in the order of their items") {
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromServer> items;
  const Payload payload = Payload::of("abcde");
  REQUIRE_FALSE(
      decoder.read(bytes_of(bytes_from_hex(kHead + "92 93 05 05 02 93 05 06 03")), payload, items));
  REQUIRE(std::get<peer::Value>(items[0]).value == Payload::of("ab"));
  REQUIRE(std::get<peer::Value>(items[1]).value == Payload::of("cde"));
  REQUIRE(std::get<peer::Value>(items[1]).value.owner() == payload.owner());
}

TEST_CASE("another protocol, version or network is told apart from nonsense") {
  REQUIRE(why(kAsker, "94 02 01 a4 6d61696e 90") == "protocol");
  REQUIRE(why(kAsker, "94 cd 0101 01 a4 6d61696e 90") == "protocol");
  REQUIRE(why(kAsker, "94 01 02 a4 6d61696e 90") == "version");
  REQUIRE(why(kAsker, "94 01 cd 0101 a4 6d61696e 90") == "version");
  REQUIRE(why(kAsker, "94 01 00 a4 6d61696e 90") == "version");
  REQUIRE(why(kAsker, "94 01 01 a4 74657374 90") == "network");
  REQUIRE(why(kAsker, "94 01 01 a0 90") == "network");
  REQUIRE(why(kAsker, "94 01 01 a4 74657374 91 92 02 a0") == "network");
  REQUIRE(why(kAsker, "94 01 01 d9 41" + repeat("61", 65) + "90") == "network");
}

TEST_CASE("another version is answered as such whatever it looks like behind its head") {
  for (const char* later :
       {"92 01 02", "93 01 02 c0", "95 01 02 c0 c0 c0", "94 01 02 80 90", "94 01 02 ca 3f800000 90",
        "94 01 02 d4 01 00 90", "94 01 02 ff 90", "dc 0040 01 02 00", "94 01 02 91 91 91 91 91 91",
        "94 01 02 a4 6d61696e 91 99 04", "94 01 02 a0 90 00", "94 01 02"}) {
    CAPTURE(later);
    REQUIRE(why(kAsker, later) == "version");
  }
  REQUIRE(why(kAsker, "92 02 07") == "protocol");
  REQUIRE(why(kAsker, "92 02 c0") == "protocol");
  REQUIRE(why(kAsker, "91 02") == "malformed");
  REQUIRE(why(kAsker, "82 01 02") == "malformed");
}

TEST_CASE("clients and workers may leave the network open, but not name another") {
  for (const char* context : {"a0", "a4 6d61696e"}) {
    REQUIRE(why(kClient, "94 02 01 " + std::string(context) + " 90").empty());
    REQUIRE(why(kWorker, "94 03 01 " + std::string(context) + " 90").empty());
  }
  REQUIRE(why(kClient, "94 02 01 a4 74657374 90") == "network");
  REQUIRE(why(kWorker, "94 03 01 a4 74657374 90") == "network");
  const Network open{"", 32, 1, {}};
  REQUIRE(why(kClient, "94 02 01 a4 74657374 90", {}, open).empty());
}

TEST_CASE("a welcome's key length holds for what stands behind it in the same message") {
  const std::string judge =
      "96 21 01 c4 14" + repeat("6b", 20) + "c4 20" + repeat("70", 32) + "90 00";
  const std::string welcome = "95 20 a4 6d61696e 14 00 a0";
  REQUIRE(why(kDoor, "94 03 01 a4 6d61696e 92" + welcome + judge).empty());
  REQUIRE(why(kDoor, "94 03 01 a4 6d61696e 92" + judge + welcome) == "key_length");
}

TEST_CASE("fields that do not go together are malformed") {
  REQUIRE(why(kAsker, kHead + "91 94 04 00 c4 20" + repeat("6b", 32) + "00") == "malformed");
  const auto verdict = [](const std::string& fields) {
    return why(kWorker, "94 03 01 a0 91 94 02 01 " + fields);
  };
  REQUIRE(verdict("01 90").empty());
  REQUIRE(verdict("02 93 00 01 05").empty());
  REQUIRE(verdict("01 91 00") == "malformed");     // complete names nobody
  REQUIRE(verdict("02 90") == "malformed");        // partial names somebody
  REQUIRE(verdict("02 92 01 01") == "malformed");  // each once
  REQUIRE(verdict("02 92 01 00") == "malformed");  // ascending
  REQUIRE(verdict("07 90") == "malformed");        // lost is not a verifier's word
  const auto hello = [](const std::string& fields, const std::string& keys) {
    return why(kWorker, "94 03 01 a0 91 98 01 01 " + fields + " 00 a0 a0 " + keys);
  };
  REQUIRE(hello("05 01", "90").empty());
  REQUIRE(hello("00 01", "90") == "malformed");  // an instance is not 0
  REQUIRE(hello("05 00", "90") == "malformed");  // nor is credit
  REQUIRE(hello("05 01", "91 92 c400 c400").empty());
  REQUIRE(hello("05 01", "91 92 c40161 c40161").empty());
  REQUIRE(hello("05 01", "91 92 c40162 c40161") == "malformed");  // no key between
  REQUIRE(hello("05 01", "92 92 c400 c400 92 c40162 c40161") == "malformed");
  const std::string a = "c4 20" + repeat("61", 32), b = "c4 20" + repeat("62", 32);
  const auto retain = [](const std::string& fields) {
    return why(kClient, "94 02 01 a0 91 97 06 01 " + fields);
  };
  REQUIRE(retain("01 c2 90 c400 c400").empty());
  REQUIRE(retain("02 c2 92" + a + b + "c400 c400").empty());
  REQUIRE(retain("02 c2 92" + a + a + "c400 c400").empty());
  REQUIRE(retain("02 c2 92" + b + a + "c400 c400") == "malformed");
  REQUIRE(retain("02 c2 91" + a + "c400 c400") == "malformed");
  REQUIRE(retain("02 c2 90 c400 c400") == "malformed");
  REQUIRE(retain("03 c2 90 c40161 c400").empty());
  REQUIRE(retain("03 c2 91" + a + "c40161 c400") == "malformed");
  REQUIRE(retain("03 c2 90 c40161 c40162") == "malformed");
  REQUIRE(retain("04 c2 90 c400 c40162").empty());
  REQUIRE(retain("04 c2 90 c40161 c40162") == "malformed");
}

TEST_CASE("a reader that has refused one message reads the next") {
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromAsker> items;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(decoder.read(bytes_of(bytes_from_hex(kHead + "92 92 02 07 92 02 c0")), {}, items));
    REQUIRE(items.size() == static_cast<std::size_t>(i));
    REQUIRE_FALSE(decoder.read(bytes_of(bytes_from_hex(kHead + "91 92 02 07")), {}, items));
  }
  REQUIRE(items == std::vector<peer::FromAsker>(3, peer::Ping{7}));
}
