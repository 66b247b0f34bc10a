#include "cli/testnet.hpp"

#include <algorithm>
#include <set>

#include "cli/peers_file.hpp"
#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("each node of a testnet knows all others and not itself") {
  const Folder folder;
  Testnet net((folder / "net").string());
  CHECK(net.nodes().empty());
  REQUIRE(net.make({.nodes = 3}));
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

TEST_CASE("with a relay each node dials each other by a link of its own, which keeps its trouble") {
  const Folder folder;
  Testnet net((folder / "net").string());
  REQUIRE(net.make({.nodes = 3, .relayed = true}));
  REQUIRE(net.relayed());
  const auto links = read_links(net.links_file());
  REQUIRE(links);
  std::set<std::uint16_t> ports;
  for (const Link& link : *links) ports.insert(link.listen);
  CHECK(ports.size() == 6);
  for (const auto& node : net.nodes()) {
    const auto peers = read_peers(node.home.peers_file());
    REQUIRE(peers);
    for (const auto& peer : *peers) {
      const auto link = std::find_if(links->begin(), links->end(), [&](const Link& one) {
        return one.from == node.name && one.to == peer.name;
      });
      REQUIRE(link != links->end());
      CHECK(peer.endpoint == "tcp://127.0.0.1:" + std::to_string(link->listen));
    }
  }
  REQUIRE(net.change_links([](Link& link) {
    if (link.to == "node2") link.cut = true, link.loss_percent = 5;
    if (link.from == "node2") link.delay = std::chrono::milliseconds(70);
  }));
  const auto troubled = read_links(net.links_file());
  REQUIRE(troubled);
  for (const Link& link : *troubled) {
    CHECK(link.cut == (link.to == "node2"));
    CHECK(link.loss_percent == (link.to == "node2" ? 5 : 0));
    CHECK(link.delay.count() == (link.from == "node2" ? 70 : 0));
  }
  REQUIRE(net.remove());
  CHECK(folder.entries() == 0);
}

TEST_CASE("what is no link is told by its line; a testnet without a relay has no links to change") {
  const Folder folder;
  REQUIRE(create_file(folder / "links", "node1 node2 20001 20002 0 0 0\nnode1 node2 x\n", 0644));
  const auto links = read_links(folder / "links");
  REQUIRE_FALSE(links);
  CHECK(links.error().what.find("links:2") != std::string::npos);
  Testnet net((folder / "net").string());
  REQUIRE(net.make({.nodes = 2}));
  CHECK(net.change_links([](Link&) {}).error().kind == Error::Kind::config);
}

std::set<std::string> known_to(const Testnet::Node& node) {
  const auto peers = read_peers(node.home.peers_file());
  REQUIRE(peers);
  std::set<std::string> names;
  for (const auto& peer : *peers) names.insert(peer.name);
  return names;
}

TEST_CASE("a testnet grows and shrinks, and those that stay know just each other") {
  const Folder folder;
  Testnet net((folder / "net").string());
  REQUIRE(net.make({.nodes = 2}));
  const auto before = read_file(net.nodes()[0].home.key_file(), 4096).value_or("none");
  REQUIRE(net.resize(4));
  REQUIRE(net.nodes().size() == 4);
  CHECK(known_to(net.nodes()[0]) == std::set<std::string>{"node2", "node3", "node4"});
  CHECK(known_to(net.nodes()[3]) == std::set<std::string>{"node1", "node2", "node3"});
  CHECK(read_file(net.nodes()[0].home.key_file(), 4096).value_or("") == before);
  REQUIRE(net.resize(2));
  REQUIRE(net.nodes().size() == 2);
  CHECK(known_to(net.nodes()[0]) == std::set<std::string>{"node2"});
  CHECK_FALSE(std::filesystem::exists(folder / "net" / "node3"));
  REQUIRE(net.remove());
  CHECK(folder.entries() == 0);
}

TEST_CASE("one that has a relay keeps its size") {
  const Folder folder;
  Testnet net((folder / "net").string());
  REQUIRE(net.make({.nodes = 2, .relayed = true}));
  CHECK(net.resize(3).error().kind == Error::Kind::config);
}

TEST_CASE("in containers nodes dial each other by name, and the relay by its name") {
  const Folder folder;
  Testnet net((folder / "net").string());
  REQUIRE(net.make({.nodes = 2, .relayed = true, .image = "some"}));
  CHECK(Testnet((folder / "net").string()).in_containers());
  const auto links = read_links(net.links_file());
  REQUIRE(links);
  REQUIRE(links->size() == 2);
  CHECK((*links)[0].target == "node2:7000");
  CHECK_FALSE((*links)[0].local());
  const auto peers = read_peers(net.nodes()[0].home.peers_file());
  REQUIRE(peers);
  CHECK(peers->front().endpoint == "tcp://relay:" + std::to_string((*links)[0].listen));
}

TEST_CASE("a testnet takes only what it made with it") {
  const Folder folder;
  Testnet net(folder.path().string());
  REQUIRE(net.make({.nodes = 1}));
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
  CHECK(net.make({.nodes = 1}).error().kind == Error::Kind::config);
  CHECK(folder.entries() == 2);
}

}  // namespace
}  // namespace quarry::cli
