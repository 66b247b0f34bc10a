#include "cli/new_home.hpp"

#include <filesystem>

#include "bus/identity.hpp"
#include "cli/files.hpp"
#include "cli/peers_file.hpp"

namespace quarry::cli {
namespace {

// A key that begins with "-" looks like an option on a command line. It would work, after "--"; it
// is kinder not to be one.
bool easy_to_write(const bus::Identity& identity) { return to_z85(identity.key).front() != '-'; }

Result<> create_if_missing(const std::filesystem::path& file, std::string_view text) {
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return {};
  return create_file(file, text, 0644);
}

}  // namespace

Result<PeerKey> make_home(const Home& home, std::string_view config) {
  if (auto made = home.make(); !made) return tl::unexpected(made.error());
  if (auto fits = home.check(); !fits) return tl::unexpected(fits.error());
  std::error_code ignored;
  if (std::filesystem::exists(home.key_file(), ignored)) {
    return error(Error::Kind::config, home.key_file().string() + " is there already",
                 "a node that gets a new key is a new node to its peers: use another --home");
  }
  bus::Identity identity = bus::Identity::generate();
  while (!easy_to_write(identity)) identity = bus::Identity::generate();
  auto made = identity.save(home.key_file());
  if (made) made = create_if_missing(home.peers_file(), peers_template());
  if (made) made = create_if_missing(home.config_file(), config);
  if (!made) return tl::unexpected(made.error());
  return identity.key;
}

std::string_view config_template() {
  return "# The configuration of this node. Each line is an option of `quarry node`, without its\n"
         "# dashes; the environment (QUARRY_LISTEN, ...) goes before this file, and an option on\n"
         "# the command line before both. Options of other commands have sections: [fetch], ...\n"
         "\n"
         "# listen = \"tcp://0.0.0.0:7000\"   # none: the node only asks\n"
         "# hedges = 5                      # requests beside slow ones, in percent; 0: none\n"
         "# remember = \"20m\"              # for how long peers are to; none: not at all\n"
         "# name = \"\"                       # what people call this node\n"
         "# network = \"main\"                # these four are the same on all its nodes\n"
         "# key-length = 32                 # bytes\n"
         "# max-value = \"4MiB\"\n"
         "# digest = \"sha256\"               # none: keys are no digests of their values\n"
         "# placement = \"one\"               # or threads, processes: where its actors run\n"
         "# metrics = \"none\"                # where Prometheus asks: 127.0.0.1:9464\n"
         "# log-level = \"info\"\n"
         "# json-log = false\n";
}

}  // namespace quarry::cli
