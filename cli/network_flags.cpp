#include "cli/network_flags.hpp"

#include "cli/digest.hpp"
#include "cli/values.hpp"

namespace quarry::cli {

Result<Network> network_of(const NetworkFlags& flags) {
  Network network;
  if (auto fits = check_name("a network", flags.network); !fits) {
    return tl::unexpected(fits.error());
  }
  network.name = flags.network;
  if (flags.key_length < 1 || flags.key_length > Key::kMaxSize) {
    return error(Error::Kind::usage,
                 "'" + std::to_string(flags.key_length) + "' is no length for keys",
                 "use 1 to 255 bytes");
  }
  network.key_length = static_cast<std::uint8_t>(flags.key_length);
  const auto largest = parse_size(flags.max_value);
  if (!largest) return tl::unexpected(largest.error());
  constexpr std::uint64_t kMost = 1 << 30;
  if (*largest < 1 || *largest > kMost) {
    return error(Error::Kind::usage, "'" + flags.max_value + "' is no size for a largest value",
                 "use 1 byte to 1GiB");
  }
  network.max_value = static_cast<std::uint32_t>(*largest);
  network.digest = flags.digest == "none" ? "" : flags.digest;
  if (auto fits = check_digest(network); !fits) return tl::unexpected(fits.error());
  return network;
}

Command& add_network(Command& to, NetworkFlags& flags, bool shown) {
  const auto maybe_hidden = [&](Command& option) { return shown ? option : option.hidden(); };
  maybe_hidden(to.option("--network", flags.network, "The network's name [main]", "NAME"));
  maybe_hidden(to.option("--key-length", flags.key_length,
                         "Bytes of a key, on all nodes alike [32]", "BYTES"));
  maybe_hidden(to.option("--max-value", flags.max_value, "Largest value, on all nodes alike [4MiB]",
                         "SIZE"));
  maybe_hidden(
      to.option("--digest", flags.digest, "How keys follow from values, or none [sha256]", "NAME"));
  return to;
}

}  // namespace quarry::cli
