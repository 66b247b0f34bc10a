#include "msg/peer.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;

TEST_CASE("a batch of asks is read as it was written") {
  Writer writer;
  const peer::Ask ask{{5}, Key(std::string(32, 'k')), 65536};
  writer.add(ask);
  writer.add(peer::Ping{7});
  const Encoded message = writer.finish(1, 1, "main");
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromAsker> items;
  REQUIRE_FALSE(decoder.read(bytes_of(message.envelope), {}, items));
  REQUIRE(items == std::vector<peer::FromAsker>{ask, peer::Ping{7}});
}
