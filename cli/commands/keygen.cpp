#include "bus/identity.hpp"
#include "cli/command_line.hpp"
#include "cli/commands/commands.hpp"
#include "cli/new_home.hpp"
#include "cli/output.hpp"

namespace quarry::cli {
namespace {

Exit print_key(const Common& common, const PeerKey& key) {
  if (!common.json) return finish(to_z85(key) + "\n");
  Json json;
  json.begin().add("key", to_z85(key)).add("home", common.where().directory().string()).end();
  return finish(json.line());
}

Exit keygen(const Common& common) {
  const auto key = make_home(common.where(), config_template());
  return key ? print_key(common, *key) : fail(key.error());
}

Exit id(const Common& common) {
  const Home home = common.where();
  if (auto fits = home.check(); !fits) return fail(fits.error());
  const auto identity = bus::Identity::load(home.key_file());
  return identity ? print_key(common, identity->key) : fail(identity.error());
}

}  // namespace

void add_keygen(CommandLine& to) {
  const auto common = std::make_shared<Common>();
  to.command("keygen", "Make a home for a new node, and print its public key",
             "  quarry keygen --home alice")
      .home(*common)
      .does([common] { return keygen(*common); });
  to.command("id", "Print the public key of the node", "  quarry id --home alice")
      .home(*common)
      .does([common] { return id(*common); });
}

}  // namespace quarry::cli
