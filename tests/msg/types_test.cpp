#include "msg/types.hpp"

#include <set>

#include "msg/words.hpp"
#include "tests/msg/notation.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;

namespace {
PeerKey peer_of(const std::string& hex) {
  const auto key = key_from_hex(hex, PeerKey::kSize);
  REQUIRE(key);
  PeerKey peer;
  std::copy_n(key->view().begin(), PeerKey::kSize, peer.bytes.begin());
  return peer;
}
}  // namespace

TEST_CASE("a key is read from exactly as much hexadecimal as it has bytes") {
  REQUIRE(key_from_hex("00fF10", 3) == Key(std::string_view("\x00\xff\x10", 3)));
  for (const char* wrong :
       {"", "00", "00ff1", "00ff1000", "00ff1g", "0x00ff", " 0ff10", "00ff-1"}) {
    CAPTURE(wrong);
    REQUIRE_FALSE(key_from_hex(wrong, 3));
  }
  const std::string longest(2 * 255, 'a');
  REQUIRE(key_from_hex(longest, 255)->size() == 255);
  REQUIRE_FALSE(key_from_hex(longest + "aa", 256));
  REQUIRE(to_hex(key_from_hex(longest, 255)->view()) == longest);
}

TEST_CASE("a peer's key is shown in the Z85 of ZeroMQ") {
  // The bytes that RFC 32 encodes as HelloWorld, and CURVE keys that ZeroMQ's own manuals show.
  const std::string hello = "864fd26fb559f75b";
  REQUIRE(to_z85(peer_of(hello + hello + hello + hello)) ==
          "HelloWorldHelloWorldHelloWorldHelloWorld");
  const std::pair<const char*, const char*> keys[] = {
      {"bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518",
       "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"},
      {"54fcba24e93249969316fb617c872bb0c1d1ff14800427c594cbfacf1bc2d652",
       "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"}};
  for (const auto& [hex, z85] : keys) {
    REQUIRE(to_z85(peer_of(hex)) == z85);
    REQUIRE(peer_from_z85(z85) == peer_of(hex));
  }
}

TEST_CASE("every peer's key comes back from its Z85") {
  PeerKey peer;
  for (std::size_t i = 0; i < 256; ++i) {
    peer.bytes[i % PeerKey::kSize] = static_cast<std::byte>(i * 37);
    REQUIRE(peer_from_z85(to_z85(peer)) == peer);
  }
  peer.bytes.fill(std::byte{0xff});
  REQUIRE(peer_from_z85(to_z85(peer)) == peer);
}

TEST_CASE("what is no Z85 of 32 bytes is no peer") {
  const std::string good = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
  REQUIRE(peer_from_z85(good));
  REQUIRE_FALSE(peer_from_z85(""));
  REQUIRE_FALSE(peer_from_z85(good.substr(1)));
  REQUIRE_FALSE(peer_from_z85(good + "0"));
  for (char wrong : {'"', '\'', ' ', '\\', '~', '\0', '\x80', ',', ';', '_', '`', '|'}) {
    std::string text = good;
    text[7] = wrong;
    REQUIRE_FALSE(peer_from_z85(text));
  }
  // Five digits can say more than four bytes hold: %nSc0 is 2^32 - 1, %nSc1 and ##### are beyond.
  REQUIRE(peer_from_z85(good.substr(5) + "%nSc0"));
  REQUIRE_FALSE(peer_from_z85(good.substr(5) + "%nSc1"));
  REQUIRE_FALSE(peer_from_z85(good.substr(5) + "#####"));
}

TEST_CASE("a salted hash is a matter of salt and bytes alone") {
  const Key key(std::string_view("key"));
  REQUIRE(SaltedHash{1}(key) == SaltedHash{1}(bytes_of("key")));
  REQUIRE(SaltedHash{1}(key) != SaltedHash{2}(key));
  REQUIRE(SaltedHash{1}(key) != SaltedHash{1}(bytes_of("kez")));
  std::set<std::size_t> low_bits;
  for (int i = 0; i < 64; ++i) low_bits.insert(SaltedHash{3}(bytes_of(std::to_string(i))) % 64);
  REQUIRE(low_bits.size() > 30);
}

TEST_CASE("an id is nothing when it is 0") {
  REQUIRE_FALSE(RequestId{});
  REQUIRE(RequestId{1});
  REQUIRE(RequestId{1} < RequestId{2});
}

TEST_CASE("a number is a word only where the word has a name") {
  REQUIRE_FALSE(known<Reason>(0));
  REQUIRE(known<Reason>(1));
  REQUIRE(known<Reason>(Names<Reason>::list.size() - 1));
  REQUIRE_FALSE(known<Reason>(Names<Reason>::list.size()));
  REQUIRE_FALSE(known<Reason>(UINT64_MAX));
  REQUIRE(name(Outcome::partial) == "partial");
}

TEST_CASE("a range has the keys between its bounds, as far as the bounds go") {
  const auto has = [](std::string_view first, std::string_view last, std::string_view key) {
    return KeyRange{Prefix(first), Prefix(last)}.contains(Key(key));
  };
  REQUIRE(has("", "", "bbb"));
  REQUIRE(has("bbb", "bbb", "bbb"));
  // A prefix.
  REQUIRE_FALSE(has("b", "b", "azz"));
  REQUIRE(has("b", "b", "baa"));
  REQUIRE(has("b", "b", "bzz"));
  REQUIRE_FALSE(has("b", "b", "caa"));
  // Bounds of different lengths.
  REQUIRE(has("b", "bb", "baa"));
  REQUIRE(has("b", "bb", "bbz"));
  REQUIRE_FALSE(has("b", "bb", "bca"));
  REQUIRE(has("bb", "b", "bbz"));
  REQUIRE(has("bb", "b", "bzz"));
  REQUIRE_FALSE(has("bb", "b", "baz"));
  // Open at one end; bytes are unsigned.
  REQUIRE(has("", "b", "aaa"));
  REQUIRE(has("b", "", "\xff\xff\xff"));
  REQUIRE_FALSE(has("", "b", "\xff\xff\xff"));
}

TEST_CASE("a list of ranges has the keys of each, an empty one all keys") {
  const std::vector<KeyRange> ranges{
      {Prefix(std::string_view("a")), Prefix(std::string_view("a"))},
      {Prefix(std::string_view("c")), Prefix(std::string_view("d"))}};
  REQUIRE(contains(ranges, Key(std::string_view("abc"))));
  REQUIRE(contains(ranges, Key(std::string_view("dzz"))));
  REQUIRE_FALSE(contains(ranges, Key(std::string_view("bbb"))));
  REQUIRE(contains({}, Key(std::string_view("bbb"))));
}

TEST_CASE("a range is sound when there is a key in it") {
  const auto sound = [](std::string_view first, std::string_view last) {
    return KeyRange{Prefix(first), Prefix(last)}.sound();
  };
  REQUIRE(sound("", ""));
  REQUIRE(sound("", "a"));
  REQUIRE(sound("a", ""));
  REQUIRE(sound("ab", "a"));
  REQUIRE(sound("a", "ab"));
  REQUIRE_FALSE(sound("b", "a"));
  REQUIRE_FALSE(sound("bb", "ba"));
  REQUIRE_FALSE(sound("b", "ab"));
  REQUIRE_FALSE(sound("bb", "a"));
  REQUIRE_FALSE(sound("\xff", "\x7f"));
}
