#include "cli/peers_file.hpp"

#include <sys/stat.h>

#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

const std::string kHash = "00#0#" + std::string(34, '0') + "#";
const std::string kOne = std::string(39, '0') + "1";
const std::string kTwo = std::string(39, '0') + "2";

std::string refusal(const std::string& text) {
  const auto file = PeersFile::parse(text, "peers");
  REQUIRE_FALSE(file);
  CHECK(file.error().kind == Error::Kind::config);
  CHECK_FALSE(file.error().remedy.empty());
  return file.error().what;
}

PeersFile parsed(const std::string& text) {
  auto file = PeersFile::parse(text, "peers");
  if (!file) FAIL(file.error().line());
  return *file;
}

TEST_CASE("a line is a key, an endpoint, a role and a name") {
  const auto peers =
      parsed(kOne + " tcp://a:1\n\t " + kTwo + "  tcp://b:2 secondary bob # the old machine\r\n")
          .peers();
  REQUIRE(peers.size() == 2);
  CHECK(to_z85(peers[0].peer) == kOne);
  CHECK(peers[0].role == PeerRole::primary);
  CHECK(peers[0].name.empty());
  CHECK(peers[1].endpoint == "tcp://b:2");
  CHECK(peers[1].role == PeerRole::secondary);
  CHECK(peers[1].name == "bob");
}

TEST_CASE("an empty file and a file of comments have no peers") {
  CHECK(parsed("").peers().empty());
  CHECK(parsed("\n  \n# a comment\n#" + kOne + " tcp://a:1\n").peers().empty());
  CHECK(parsed(std::string(40, '#') + "\n").peers().empty());
  CHECK(parsed(std::string(peers_template())).peers().empty());
}

TEST_CASE("a key may hold the character that begins comments") {
  const auto peers = parsed(kHash + " tcp://a:1 # really\n").peers();
  REQUIRE(peers.size() == 1);
  CHECK(to_z85(peers[0].peer) == kHash);
}

TEST_CASE("only a peer that is never asked may be without an endpoint") {
  CHECK(parsed(kOne + " - serve_only\n").peers()[0].endpoint.empty());
  CHECK(refusal(kOne + " - primary\n") == "peers:1: '-' is no address of a peer");
}

TEST_CASE("a bad line is named by file and number") {
  CHECK(refusal("# fine\n\nnot-a-key tcp://a:1\n") == "peers:3: 'not-a-key' is no public key");
  CHECK(refusal(kOne) == "peers:1: the peer has no endpoint");
  CHECK(refusal(kOne + " host:1") == "peers:1: 'host:1' is no address of a peer");
  CHECK(refusal(kOne + " tcp://a:1 primray") == "peers:1: 'primray' is no role");
  CHECK(refusal(kOne + " tcp://a:1 primary a b") == "peers:1: 'b' is one word too many");
  CHECK(refusal(kOne + " tcp://a:1 primary a/b") == "peers:1: 'a/b' is no name for a peer");
  CHECK(refusal(kOne + " tcp://a:1\n\n" + kOne + " tcp://b:1") ==
        "peers:3: the peer " + kOne + " stands in line 1 already");
  CHECK(refusal(kOne + " tcp://a:1 primary x\n" + kTwo + " tcp://b:1 primary x") ==
        "peers:2: the name x stands in line 1 already");
  CHECK(refusal("\x1b[2J tcp://a:1") == "peers:1: '?[2J' is no public key");
}

TEST_CASE("a peer is found by its key and by its name") {
  const auto file = parsed(kOne + " tcp://a:1\n" + kTwo + " tcp://b:2 primary bob\n");
  REQUIRE(file.find(kOne) != nullptr);
  CHECK(file.find(kOne)->endpoint == "tcp://a:1");
  REQUIRE(file.find("bob") != nullptr);
  CHECK(file.find("bob")->endpoint == "tcp://b:2");
  CHECK(file.find("alice") == nullptr);
  CHECK(file.find("") == nullptr);
}

TEST_CASE("an edit keeps comments, order and spacing of all other lines") {
  const std::string before = "# first\n" + kOne + "   tcp://a:1  # mine\n\n# last\n";
  auto file = parsed(before);
  const report::PeerEntry bob{*peer_from_z85(kTwo), "tcp://b:2", PeerRole::primary, "bob"};
  REQUIRE(file.add(bob));
  CHECK(file.text() == before + kTwo + " tcp://b:2 primary bob\n");
  CHECK_FALSE(file.add(bob));
  CHECK(file.remove(bob.peer));
  CHECK_FALSE(file.remove(bob.peer));
  CHECK(file.text() == before);
}

TEST_CASE("what is added is read again as it was") {
  auto file = parsed("");
  const std::vector<report::PeerEntry> peers{
      {*peer_from_z85(kHash), "tcp://[::1]:1", PeerRole::secondary, ""},
      {*peer_from_z85(kOne), "", PeerRole::serve_only, "x"}};
  for (const auto& peer : peers) REQUIRE(file.add(peer));
  CHECK(parsed(file.text()).peers() == peers);
}

TEST_CASE("a file is replaced as a whole, keeps its mode, and leaves nothing beside it") {
  const Folder folder;
  const auto path = folder / "peers";
  REQUIRE(create_file(path, "# old\n", 0640));
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  auto file = PeersFile::read(path);
  REQUIRE(file);
  REQUIRE(file->add({*peer_from_z85(kOne), "tcp://a:1", PeerRole::primary, ""}));
  REQUIRE(file->write(path));
  CHECK(content(path) == "# old\n" + kOne + " tcp://a:1 primary\n");
  struct stat about {};
  REQUIRE(::stat(path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0640);
  CHECK(folder.entries() == 1);
  CHECK(read_peers(path)->size() == 1);
  CHECK(read_peers(folder / "none").error().kind == Error::Kind::config);
}

}  // namespace
}  // namespace quarry::cli
