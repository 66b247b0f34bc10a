// What is remembered of peers over a restart, as text and as a file.
#include "actors/peer_selector/state_file.hpp"

#include <fstream>
#include <limits>

#include "tests/bus/temporary.hpp"
#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::peer_selector;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kWall = 1'764'000'000;

std::vector<Remembered> two_peers() {
  Remembered fast, liar;
  fast.peer.bytes[0] = std::byte{1};
  fast.score = {1500, 12.5, 0.25, 1400, 300, 10s};
  liar.peer.bytes[0] = std::byte{2};
  liar.block = {1h, 2, 60s};
  return {fast, liar};
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("N10 what is written of peers is read as it was") {
  const auto read = from_text(as_text(two_peers(), kWall), kWall);
  REQUIRE(read);
  REQUIRE(*read == two_peers());
  REQUIRE(from_text(as_text({}, kWall), kWall)->empty());
}

TEST_CASE("N10 what is read has aged by the time since it was written") {
  const std::string text = as_text(two_peers(), kWall);
  auto read = from_text(text, kWall + 600);
  REQUIRE(read);
  REQUIRE((*read)[0].score.age == Duration(610s));
  REQUIRE((*read)[1].block.left == Duration(50min));
  REQUIRE((*read)[1].block.age == Duration(660s));
  // A day later the score says nothing, the block is over, the offence is remembered.
  read = from_text(text, kWall + 24 * 3600);
  REQUIRE(read);
  REQUIRE(read->size() == 1);
  REQUIRE((*read)[0].block.left == Duration::zero());
  REQUIRE((*read)[0].block.offences == 2);
  // A clock that was put back.
  read = from_text(text, kWall - 600);
  REQUIRE(read);
  REQUIRE(*read == two_peers());
}

TEST_CASE("N10 a block without end has none after a restart") {
  auto peers = two_peers();
  peers[1].block.left = Duration::max();
  const auto read = from_text(as_text(peers, kWall), kWall + 1'000'000);
  REQUIRE(read);
  REQUIRE(read->back().block.left == Duration::max());
}

TEST_CASE("N10 what was cut off anywhere is not taken") {
  const std::string text = as_text(two_peers(), kWall);
  // But for the last end of line, which says nothing.
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(from_text(text.substr(0, size), kWall));
  }
}

TEST_CASE("N10 what is no such text is not taken") {
  const std::string text = as_text(two_peers(), kWall);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    const std::size_t at = other.find(from);
    REQUIRE(at != std::string::npos);
    return from_text(other.replace(at, from.size(), to), kWall);
  };
  REQUIRE_FALSE(from_text("", kWall));
  REQUIRE_FALSE(from_text(std::string(1000, '\xff'), kWall));
  REQUIRE_FALSE(changed("quarry-peers 1", "quarry-peers 2"));
  REQUIRE_FALSE(changed("quarry-peers", "quarry-fetches"));
  REQUIRE_FALSE(changed("1500", "-1500"));
  REQUIRE_FALSE(changed("1500", "nan"));
  REQUIRE_FALSE(changed("1500", "x"));
  REQUIRE_FALSE(changed("0.25", "1.25"));
  REQUIRE_FALSE(changed("end 2", "end 3"));
}

TEST_CASE("N10 a damaged file is set aside, and never fatal") {
  bus::TemporaryFolder folder;
  const auto path = folder.path / "peers";
  StateFile file(path);
  REQUIRE(file.read().empty());  // none yet
  file.write(two_peers());
  REQUIRE(file.read().size() == 2);
  write(path, "quarry-peers 1");
  REQUIRE(file.read().empty());
  REQUIRE_FALSE(std::filesystem::exists(path));
  REQUIRE(std::filesystem::exists(folder.path / "peers.damaged"));
  file.write(two_peers());
  REQUIRE(file.read().size() == 2);
  // Of one that never ends no more is read than a node writes.
  write(path, as_text(two_peers(), kWall) + std::string(kMostStateBytes, 'x'));
  REQUIRE(file.read().empty());
  REQUIRE_FALSE(std::filesystem::exists(path));
  file.write(two_peers());
  // Where nothing can be written, nothing happens.
  StateFile nowhere(folder.path / "none" / "peers");
  nowhere.write(two_peers());
  REQUIRE(nowhere.read().empty());
  StateFile none("");
  none.write(two_peers());
  REQUIRE_FALSE(none.kept());
}
