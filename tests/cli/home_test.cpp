#include "cli/home.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "bus/identity.hpp"
#include "cli/new_home.hpp"
#include "cli/peers_file.hpp"
#include "tests/cli/folder.hpp"

namespace quarry::cli {
namespace {

TEST_CASE("one node at a time runs on a home, and others can see it") {
  const Folder folder;
  const Home home(folder.path());
  CHECK(home.running() == PidLock::Held::unknown);
  {
    const auto lock = home.lock();
    REQUIRE(lock);
    CHECK(home.running() == PidLock::Held::yes);
    CHECK(home.pid() == ::getpid());
    const auto second = home.lock();
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == Error::Kind::busy);
    CHECK(second.error().what.find("pid " + std::to_string(::getpid())) != std::string::npos);
    // Being refused takes nothing from the one that runs.
    CHECK(home.pid() == ::getpid());
  }
  CHECK(home.running() == PidLock::Held::no);
  CHECK_FALSE(home.pid());
  CHECK(home.lock());
}

TEST_CASE("the lock of a killed node falls with it, whatever it left behind") {
  const Folder folder;
  const Home home(folder.path());
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = home.lock();
    ::_exit(lock ? 0 : 1);
  }
  int how = 0;
  REQUIRE(::waitpid(child, &how, 0) == child);
  REQUIRE(how == 0);
  CHECK(content(home.lock_file()) == std::to_string(child) + "\n");
  CHECK(home.running() == PidLock::Held::no);
  CHECK_FALSE(home.pid());
}

TEST_CASE("nobody else may enter the folder of the sockets") {
  const Folder folder;
  const Home home(folder.path());
  std::filesystem::create_directory(home.run());
  REQUIRE(::chmod(home.run().c_str(), 0755) == 0);
  REQUIRE(home.lock());
  struct stat about {};
  REQUIRE(::stat(home.run().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);
}

TEST_CASE("a home that is not there, or too deep for sockets, is told in one line") {
  const Folder folder;
  const Home none(folder / "none");
  CHECK(none.check().error().kind == Error::Kind::config);
  CHECK(none.check().error().line().find("quarry keygen --home") != std::string::npos);
  CHECK(none.lock().error().kind == Error::Kind::config);
  const Home deep(folder / std::string(90, 'd'));
  REQUIRE(deep.make());
  CHECK(deep.check().error().kind == Error::Kind::config);
}

TEST_CASE("a new home has a private key, an empty peers file and a configuration to fill in") {
  const Folder folder;
  const Home home(folder / "a" / "b");
  const auto key = make_home(home, config_template());
  REQUIRE(key);
  struct stat about {};
  REQUIRE(::stat(home.key_file().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(bus::Identity::load(home.key_file())->key == *key);
  CHECK(to_z85(*key).front() != '-');
  CHECK(read_peers(home.peers_file())->empty());

  const std::string before = content(home.key_file());
  const auto again = make_home(home, config_template());
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == Error::Kind::config);
  CHECK(content(home.key_file()) == before);
}

TEST_CASE("a new home leaves the peers and the configuration that are there") {
  const Folder folder;
  const Home home(folder.path());
  REQUIRE(create_file(home.peers_file(), "# mine\n", 0644));
  REQUIRE(create_file(home.config_file(), "name = \"x\"\n", 0644));
  REQUIRE(make_home(home, config_template()));
  CHECK(content(home.peers_file()) == "# mine\n");
  CHECK(content(home.config_file()) == "name = \"x\"\n");
}

TEST_CASE("the home is the option, the environment, or a folder of the user") {
  ::setenv("QUARRY_HOME", "/from/environment", 1);
  CHECK(home_directory("/from/option") == "/from/option");
  CHECK(home_directory("") == "/from/environment");
  ::unsetenv("QUARRY_HOME");
  ::setenv("HOME", "/home/somebody", 1);
  CHECK(home_directory("") == "/home/somebody/.quarry");
}

}  // namespace
}  // namespace quarry::cli
