#include "cli/testnet.hpp"

#include <set>

#include "cli/peers_file.hpp"
#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("each node of a testnet knows all others and not itself") {
  const Folder folder;
  Testnet net((folder / "net").string());
  CHECK(net.nodes().empty());
  REQUIRE(net.make(3, "one"));
  REQUIRE(net.nodes().size() == 3);
  std::set<std::string> endpoints;
  for (const auto& node : net.nodes()) {
    const auto peers = read_peers(node.home.peers_file());
    REQUIRE(peers);
    CHECK(peers->size() == 2);
    for (const auto& peer : *peers) {
      CHECK(peer.name != node.name);
      endpoints.insert(peer.endpoint);
      CHECK(std::stoi(peer.endpoint.substr(peer.endpoint.rfind(':') + 1)) < 32768);
    }
  }
  CHECK(endpoints.size() == 3);
  CHECK(Testnet((folder / "net").string()).nodes().size() == 3);
}

TEST_CASE("a testnet takes only what it made with it") {
  const Folder folder;
  Testnet net(folder.path().string());
  REQUIRE(net.make(1, "one"));
  REQUIRE(create_file(folder / "mine", "", 0644));
  REQUIRE(net.remove());
  CHECK(folder.entries() == 1);
  CHECK(std::filesystem::exists(folder / "mine"));
}

TEST_CASE("a folder that holds something else never becomes a testnet") {
  const Folder folder;
  REQUIRE(create_file(folder / "mine", "", 0644));
  std::filesystem::create_directory(folder / "node1");
  Testnet net(folder.path().string());
  CHECK(net.nodes().empty());
  CHECK(net.make(1, "one").error().kind == Error::Kind::config);
  CHECK(folder.entries() == 2);
}

}  // namespace
}  // namespace quarry::cli
