#include "bus/frame.hpp"

#include "tests/bus/support.hpp"

namespace quarry::bus {
namespace {

Payload received(std::size_t size, char fill = 'r') {
  return Frame::into_payload(Frame::copy_of(bytes_of(std::string(size, fill))));
}
std::string bytes(const Frame& frame) { return std::string(text_of(frame.view())); }

TEST_CASE("A received frame becomes a value and a frame again without its bytes being copied") {
  const Payload value = received(100'000);
  const Frame frame = Frame::of_values({value}, value.size());
  CHECK(frame.view().data() == value.view().data());
  CHECK(frame.size() == 100'000);
}

TEST_CASE("A received frame of any size keeps its bytes as a value") {
  for (std::size_t size : {1, 32, 33, 34, 100, 8191, 8192, 9000}) {
    const Payload value = received(size);
    CHECK(text_of(value.view()) == std::string(size, 'r'));
    CHECK(bytes(Frame::of_values({value}, size)) == std::string(size, 'r'));
  }
  CHECK(Frame::into_payload(Frame()).size() == 0);
}

TEST_CASE("Neighbours that fill one received frame are moved on as that frame") {
  const Payload all = received(50'000);
  const std::vector<Payload> values{all.slice(0, 10), Payload(), all.slice(10, 40'000),
                                    all.slice(40'010, 9'990)};
  const Frame frame = Frame::of_values(values, 50'000);
  CHECK(frame.view().data() == all.view().data());
  CHECK(frame.size() == 50'000);
}

TEST_CASE("A large slice is referred to, and kept alive by the frame alone") {
  std::weak_ptr<const void> watch;
  {
    Frame frame;
    {
      const Payload all = Payload::of(std::string(50'000, 'a') + std::string(50'000, 'b'));
      watch = all.owner();
      const Payload half = all.slice(50'000, 50'000);
      frame = Frame::of_values({half}, half.size());
      CHECK(frame.view().data() == half.view().data());
    }
    CHECK_FALSE(watch.expired());
    CHECK(bytes(frame) == std::string(50'000, 'b'));
  }
  CHECK(watch.expired());
}

TEST_CASE("A small slice is copied out, and pins nothing") {
  std::weak_ptr<const void> watch;
  Frame frame;
  {
    const Payload all = received(100'000);
    watch = all.owner();
    frame = Frame::of_values({all.slice(7, 100)}, 100);
  }
  CHECK(watch.expired());
  CHECK(bytes(frame) == std::string(100, 'r'));
}

TEST_CASE("Values of different owners, out of order or with gaps are copied back to back") {
  const Payload a = received(20'000, 'a'), b = received(20'000, 'b');
  CHECK(bytes(Frame::of_values({a, b}, 40'000)) ==
        std::string(20'000, 'a') + std::string(20'000, 'b'));
  const Payload mixed = Payload::of(std::string(10'000, 'x') + std::string(10'000, 'y'));
  CHECK(bytes(Frame::of_values({mixed.slice(10'000, 10'000), mixed.slice(0, 10'000)}, 20'000)) ==
        std::string(10'000, 'y') + std::string(10'000, 'x'));
  CHECK(bytes(Frame::of_values({mixed.slice(0, 9'000), mixed.slice(10'000, 9'000)}, 18'000)) ==
        std::string(9'000, 'x') + std::string(9'000, 'y'));
  CHECK(Frame::of_values({Payload(), Payload()}, 0).size() == 0);
}

TEST_CASE("A frame that came from nobody has no peer and no descriptor") {
  const Frame frame = Frame::copy_of(bytes_of("x"));
  CHECK_FALSE(frame.peer());
  CHECK(frame.source_fd() < 0);
}

TEST_CASE("Values travel between threads by reference, and are let go when they were read") {
  Context context;
  const std::string at = inproc("by-reference");
  Socket in = must(Socket::open(context, {Socket::Kind::router, 1'000'000}));
  must(in.bind(at));
  std::weak_ptr<const void> watch;
  const std::byte* sent_from = nullptr;
  Socket out = must(Socket::open(context, {Socket::Kind::dealer, 1'000'000}));
  must(out.connect(at));
  {
    const Payload value = Payload::of(std::string(500'000, 'v'));
    watch = value.owner();
    sent_from = value.view().data();
    Encoded message = text("e", {value});
    REQUIRE(out.send(message) == Socket::Sent::yes);
  }
  CHECK_FALSE(watch.expired());
  std::thread([&] {
    Message message;
    REQUIRE(in.receive(message) == Socket::Received::message);
    CHECK(message.payload.view().data() == sent_from);
    CHECK(text_of(message.payload.view()) == std::string(500'000, 'v'));
  }).join();
  CHECK(watch.expired());
}

}  // namespace
}  // namespace quarry::bus
