#include "cli/values.hpp"

#include "tests/support/catch.hpp"

namespace quarry::cli {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a key is exactly as many hexadecimal digits as the network says") {
  const auto key = parse_key("00fF10", 3);
  REQUIRE(key);
  CHECK(to_hex(key->view()) == "00ff10");
  CHECK(parse_key("12zz", 32).error().line() ==
        "key '12zz' has 4 characters; keys of this network have 64 hexadecimal digits");
  CHECK(parse_key("12zz", 2).error().line() ==
        "key '12zz' has 'z' at character 3; keys of this network have 4 hexadecimal digits");
  CHECK_FALSE(parse_key("", 1));
  CHECK(parse_key("1", 1).error().what == "key '1' has 1 character");
  CHECK(parse_key(std::string(510, 'a'), 255));
}

TEST_CASE("a wrong key is shown without its control characters, and not at any length") {
  CHECK(parse_key("\x1b[31m", 1).error().what == "key '?[31m' has 5 characters");
  CHECK(parse_key(std::string(100'000, 'a'), 1).error().what.size() < 200);
}

TEST_CASE("durations are numbers with units, seconds without") {
  CHECK(parse_duration("500ms") == milliseconds(500));
  CHECK(parse_duration("30") == milliseconds(30'000));
  CHECK(parse_duration("1h30m") == milliseconds(5'400'000));
  CHECK(parse_duration("7d") == milliseconds(7LL * 86'400'000));
  CHECK(parse_duration("0") == milliseconds(0));
  for (const char* wrong : {"", "s", "5x", "-1s", "1.5s", "5m3", "1 s", "99999999999999999999",
                            "18446744073709551615d", "4000d"}) {
    CAPTURE(wrong);
    // "5m3": the 3 counts in seconds; everything else is nothing.
    CHECK(parse_duration(wrong).has_value() == (std::string_view(wrong) == "5m3"));
  }
}

TEST_CASE("sizes are bytes, or with a binary unit") {
  CHECK(parse_size("4096") == 4096u);
  CHECK(parse_size("64KiB") == 65536u);
  CHECK(parse_size("4M") == 4u << 20);
  CHECK(parse_size("1GiB") == 1u << 30);
  for (const char* wrong : {"", "KiB", "4MB", "-1", "1e6", "99999999999G"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_size(wrong));
  }
}

TEST_CASE("a peer's endpoint is tcp with a host and a port, and no wildcard") {
  for (const char* right : {"tcp://10.0.0.7:7000", "tcp://host.example:1", "tcp://[::1]:65535"}) {
    CAPTURE(right);
    CHECK(check_endpoint(right));
  }
  for (const char* wrong :
       {"", "nonsense", "tcp://", "tcp://host", "tcp://host:", "tcp://:7000", "tcp://host:0",
        "tcp://host:65536", "tcp://host:7000x", "tcp://*:7000", "tcp://0.0.0.0:7000",
        "ipc:///tmp/x", "tcp://::1:7000", "tcp://a b:1", "tcp://a;b:1", "tcp://host:-1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(check_endpoint(wrong));
  }
}

TEST_CASE("a node listens at an address, at all of them, or not at all") {
  CHECK(parse_listen("none") == "");
  CHECK(parse_listen("tcp://*:7000") == "tcp://*:7000");
  CHECK(parse_listen("tcp://0.0.0.0:7000") == "tcp://0.0.0.0:7000");
  CHECK(parse_listen("nonsense").error().what == "'nonsense' is no address to listen at");
}

TEST_CASE("a name is short and plain, and never looks like a key") {
  CHECK(check_name("a peer", "node-1.example_x"));
  CHECK_FALSE(check_name("a peer", ""));
  CHECK_FALSE(check_name("a peer", "two words"));
  CHECK_FALSE(check_name("a peer", std::string(65, 'a')));
  CHECK_FALSE(check_name("a peer", std::string(39, '0') + "1"));
}

TEST_CASE("people read durations and sizes in one or two units") {
  CHECK(format_duration(milliseconds(999)) == "999 ms");
  CHECK(format_duration(milliseconds(59'999)) == "59.9 s");
  CHECK(format_duration(milliseconds(200'000)) == "3 min 20 s");
  CHECK(format_duration(milliseconds(5'400'000)) == "1 h 30 min");
  CHECK(format_duration(milliseconds(9LL * 86'400'000)) == "9 days");
  CHECK(format_size(0) == "0 B");
  CHECK(format_size(1023) == "1023 B");
  CHECK(format_size(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(format_size(4 << 20) == "4.0 MiB");
}

TEST_CASE("a prefix is whole bytes, none to all of a key's") {
  CHECK(parse_prefix("", 4)->empty());
  CHECK(*parse_prefix("00fF", 4) == Prefix(std::string_view("\0\xff", 2)));
  CHECK(parse_prefix("00112233", 4)->size() == 4);
  for (const char* wrong : {"0", "0g", "0011223344"}) {
    CAPTURE(wrong);
    CHECK(parse_prefix(wrong, 4).error().kind == Error::Kind::usage);
  }
}

}  // namespace
}  // namespace quarry::cli
