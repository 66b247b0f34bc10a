#include "bus/identity.hpp"

#include <sys/stat.h>

#include <fstream>

#include "tests/bus/support.hpp"
#include "tests/bus/temporary.hpp"

namespace quarry::bus {
namespace {

struct KeyFile {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path / "node.key";
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path) << text;
    REQUIRE(chmod(path.c_str(), mode) == 0);
  }
  std::string refusal() { return Identity::load(path).error().line(); }
};
using Catch::Matchers::Contains;

TEST_CASE("An identity is read back as it was written, from a file of mode 0600") {
  KeyFile file;
  const Identity made = Identity::generate();
  const mode_t before = umask(0);
  must(made.save(file.path));
  umask(before);
  struct stat is {};
  REQUIRE(stat(file.path.c_str(), &is) == 0);
  CHECK((is.st_mode & 0777) == 0600);
  const Identity read = must(Identity::load(file.path));
  CHECK(read.key == made.key);
  CHECK(read.secret == made.secret);
  CHECK(std::distance(std::filesystem::directory_iterator(file.folder.path), {}) == 1);
}

TEST_CASE("An identity is never overwritten") {
  KeyFile file;
  const Identity first = Identity::generate();
  must(first.save(file.path));
  CHECK_THAT(Identity::generate().save(file.path).error().line(), Contains("already"));
  CHECK(must(Identity::load(file.path)).key == first.key);
}

TEST_CASE("A key file that others may read is refused, with the command that helps") {
  KeyFile file;
  must(Identity::generate().save(file.path));
  for (mode_t mode : {0640, 0604, 0660, 0610}) {
    REQUIRE(chmod(file.path.c_str(), mode) == 0);
    CHECK_THAT(file.refusal(), Contains("chmod 600 " + file.path.string()));
  }
}

TEST_CASE("A missing, damaged or mismatched key file is refused in one line that says why") {
  KeyFile file;
  const Identity a = Identity::generate(), b = Identity::generate();
  CHECK_THAT(file.refusal(), Contains("no key file") && Contains("quarry keygen"));
  const auto two_lines = [](const std::string& key, const std::string& secret) {
    return "public " + key + "\nsecret " + secret + "\n";
  };
  file.write(two_lines(to_z85(a.key), b.secret));
  CHECK_THAT(file.refusal(), Contains("does not belong"));
  file.write(two_lines(to_z85(a.key).substr(1), a.secret));
  CHECK_THAT(file.refusal(), Contains("no public key"));
  file.write(two_lines(to_z85(a.key), a.secret.substr(1)));
  CHECK_THAT(file.refusal(), Contains("no secret key"));
  file.write("public " + to_z85(a.key) + "\n");
  CHECK_THAT(file.refusal(), Contains("no secret key"));
  for (const std::string& text :
       {std::string("what is this"), two_lines(to_z85(a.key), a.secret + " more"),
        two_lines(to_z85(a.key), a.secret) + two_lines(to_z85(b.key), b.secret),
        std::string(100'000, 'x')}) {
    file.write(text);
    CHECK_THAT(file.refusal(), Contains("damaged"));
  }
  file.write("");
  CHECK_THAT(file.refusal(), Contains("damaged") && !Contains("\n"));
}

TEST_CASE("A secret is never part of what is said about a damaged key file") {
  KeyFile file;
  const Identity a = Identity::generate();
  file.write("public " + to_z85(a.key) + "\nsecret " + a.secret + " oops\n");
  CHECK_THAT(file.refusal(), !Contains(a.secret));
}

}  // namespace
}  // namespace quarry::bus
