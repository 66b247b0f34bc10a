// Writing: when a batch closes, and that whatever a Writer lets into one message a reader takes.

#include <type_traits>

#include "msg/codec.hpp"
#include "msg/control.hpp"
#include "msg/peer.hpp"
#include "msg/worker.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;

namespace {

peer::Value value_of(std::size_t size) { return {{1}, Payload::of(std::string(size, 'v'))}; }

template <class Item>
std::size_t value_size(const Item& item) {
  if constexpr (requires { item.value.size(); }) {
    return item.value.size();
  } else {
    return 0;
  }
}

// The messages that these items travel in.
template <class Protocol, class Item>
std::vector<Encoded> batches(const std::vector<Item>& items) {
  std::vector<Encoded> messages;
  Writer writer;
  for (const Item& item : items) {
    if (writer.closed_for(value_size(item))) {
      messages.push_back(writer.finish(Protocol::kProtocol, Protocol::kVersion, "main"));
    }
    writer.add(item);
  }
  messages.push_back(writer.finish(Protocol::kProtocol, Protocol::kVersion, "main"));
  return messages;
}

std::vector<std::size_t> values_per_message(const std::vector<std::size_t>& sizes) {
  std::vector<peer::Value> values;
  for (std::size_t size : sizes) values.push_back(value_of(size));
  std::vector<std::size_t> counts;
  for (const Encoded& message : batches<peer::Protocol>(values)) {
    counts.push_back(message.values.size());
  }
  return counts;
}

template <class Protocol, class Items>
std::size_t read_all(const std::vector<Encoded>& messages) {
  Decoder<Protocol> decoder(Network{});
  std::vector<Items> items;
  for (const Encoded& message : messages) {
    const auto unfit = decoder.read(bytes_of(message.envelope), {}, items);
    CAPTURE(message.envelope.size(), unfit ? unfit->detail : "");
    REQUIRE_FALSE(unfit);
  }
  return items.size();
}

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a batch closes at 256 items") {
  const auto messages = batches<peer::Protocol>(std::vector<peer::Ping>(600, peer::Ping{1}));
  REQUIRE(messages.size() == 3);
  REQUIRE(read_all<peer::Protocol, peer::FromAsker>(messages) == 600);
}

TEST_CASE("a batch closes before its values pass 256 KiB") {
  constexpr std::size_t kSmall = 16 * 1024;
  REQUIRE(values_per_message(Sizes(17, kSmall)) == Sizes{16, 1});
  REQUIRE(values_per_message({kSmall, 0, 0, kSmall}) == Sizes{4});
  Sizes sizes(16, kSmall);
  sizes.push_back(1);
  REQUIRE(values_per_message(sizes) == Sizes{16, 1});
}

TEST_CASE("a large value has the payload of a message to itself") {
  constexpr std::size_t kLarge = limits::kTravelsAlone;
  REQUIRE(values_per_message({kLarge - 1, kLarge - 1}) == Sizes{2});
  REQUIRE(values_per_message({1, kLarge, 1}) == Sizes{1, 1, 1});
  REQUIRE(values_per_message({kLarge, kLarge}) == Sizes{1, 1});
  REQUIRE(values_per_message({4 * 1024 * 1024}) == Sizes{1});
  Writer writer;
  writer.add(peer::NoData{{1}});
  REQUIRE_FALSE(writer.closed_for(kLarge));  // items without values may go before it
}

TEST_CASE("a finished writer is empty, and its next message knows nothing of the last") {
  Writer writer;
  REQUIRE(writer.empty());
  writer.add(value_of(limits::kTravelsAlone));
  REQUIRE_FALSE(writer.empty());
  REQUIRE(writer.bytes() > limits::kTravelsAlone);
  const Encoded first = writer.finish(1, 1, "main");
  REQUIRE(first.values.size() == 1);
  REQUIRE(first.value_bytes == limits::kTravelsAlone);
  REQUIRE(writer.empty());
  REQUIRE(writer.bytes() == 0);
  REQUIRE_FALSE(writer.closed_for(limits::kTravelsAlone));
  writer.add(peer::Ping{1});
  const Encoded second = writer.finish(1, 1, "main");
  REQUIRE(second.values.empty());
  REQUIRE(second.value_bytes == 0);
  REQUIRE(read_all<peer::Protocol, peer::FromAsker>({second}) == 1);
}

TEST_CASE("a writer can be moved while it holds items") {
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<Writer>);
  STATIC_REQUIRE(std::is_move_assignable_v<Writer>);
  Writer first;
  first.add(peer::Ping{1});
  Writer second = std::move(first);
  second.add(peer::Ping{2});
  first = Writer();
  first.add(peer::Ping{3});
  REQUIRE(read_all<peer::Protocol, peer::FromAsker>({second.finish(1, 1, "main")}) == 2);
  REQUIRE(read_all<peer::Protocol, peer::FromAsker>({first.finish(1, 1, "main")}) == 1);
}

TEST_CASE("a reader takes every batch that a writer lets grow, however many numbers it holds") {
  worker::Verdict verdict{{1}, Outcome::partial, {}};
  for (std::uint16_t i = 0; i < limits::kMaxKeys; ++i) verdict.satisfied.push_back(i);
  const auto verdicts = batches<worker::Protocol>(std::vector<worker::Verdict>(300, verdict));
  REQUIRE(verdicts.size() > 2);
  REQUIRE(read_all<worker::Protocol, worker::FromWorker>(verdicts) == 300);

  const control::Fetch fetch{Tag(std::string(64, 't')),
                             Key(std::string(32, 'k')),
                             std::vector<PeerKey>(limits::kMaxTargets),
                             true,
                             true,
                             true,
                             Class::urgent,
                             1};
  const auto fetches = batches<control::Protocol>(std::vector<control::Fetch>(300, fetch));
  for (const Encoded& message : fetches) {
    REQUIRE(message.envelope.size() <= limits::kMaxEnvelope);
  }
  REQUIRE(read_all<control::Protocol, control::FromClient>(fetches) == 300);
}

TEST_CASE("the largest peer set fits behind a batch that is just not closed") {
  report::PeerSet set{{1}, 1, {}};
  set.peers.resize(limits::kMaxRecords,
                   {PeerKey{}, "tcp://192.168.100.100:17001", PeerRole::primary, "node1234"});
  const control::Cancel cancel{{1}, std::vector<Key>(255, Key(std::string(32, 'k')))};
  std::size_t closes_at = 0;
  for (Writer writer; !writer.closed_for(0); ++closes_at) writer.add(cancel);
  Writer writer;
  for (std::size_t i = 0; i + 1 < closes_at; ++i) writer.add(cancel);
  writer.add(set);
  REQUIRE(writer.closed_for(0));
  REQUIRE(read_all<control::Protocol, control::FromClient>({writer.finish(2, 1, "main")}) ==
          closes_at);
}

TEST_CASE("the door for peers has room for 256 asks and a greeting") {
  for (int length : {1, 32, 255}) {
    const Network network{
        std::string(limits::kMaxNetwork, 'n'), static_cast<std::uint8_t>(length), UINT32_MAX, {}};
    Writer writer;
    writer.add(peer::Hello{{UINT64_MAX}, 255, UINT32_MAX, std::string(255, 'a')});
    const peer::Ask ask{{UINT64_MAX},
                        Key(std::string(network.key_length, 'k')),
                        UINT32_MAX,
                        UINT32_MAX,
                        UINT32_MAX};
    for (std::size_t i = 0; i < limits::kBatchItems; ++i) writer.add(ask);
    REQUIRE(writer.finish(1, 1, network.name).envelope.size() <= limits::max_ask_envelope(network));
  }
}

TEST_CASE("what runs too long or is no text is made fit before it is said") {
  Writer writer;
  writer.add(peer::Refused{{}, Reason::failed, std::string(300, 'x')});
  writer.add(peer::Refused{{}, Reason::failed, "caf\xe9"});
  writer.add(peer::Refused{{}, Reason::failed, std::string(254, 'x') + "\xc3\xa9"});
  Decoder<peer::Protocol> decoder(Network{});
  std::vector<peer::FromServer> items;
  REQUIRE_FALSE(decoder.read(bytes_of(writer.finish(1, 1, "main").envelope), {}, items));
  REQUIRE(std::get<peer::Refused>(items.at(0)).detail == std::string(255, 'x'));
  REQUIRE(std::get<peer::Refused>(items.at(1)).detail == "caf?");
  REQUIRE(std::get<peer::Refused>(items.at(2)).detail == std::string(254, 'x'));
}
