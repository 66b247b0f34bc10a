#include <poll.h>

#include <fstream>

#include "actors/workers/exec_storage.hpp"
#include "actors/workers/exec_verifier.hpp"
#include "actors/workers/on_terms.hpp"
#include "bus/clock.hpp"
#include "msg/text.hpp"
#include "tests/bus/temporary.hpp"
#include "tests/support/catch.hpp"

namespace quarry::workers {
namespace {

using namespace std::chrono_literals;
using Answers = std::map<std::uint64_t, Work::Answer>;  // by job

const Key kKey(std::string("\x01\x02\x03\x04", 4));

ExecOptions options(std::string command) {
  ExecOptions made;
  made.command = std::move(command);
  made.name = "test";
  made.concurrency = 2;
  made.credit = 8;
  made.timeout = 20s;
  made.environment = {"QUARRY_NETWORK=main"};
  return made;
}

template <class Item>
JobId job_of(const Item& item) {
  return std::visit([](const auto& said) { return said.job; }, item);
}

class Fixture {
 public:
  explicit Fixture(Result<std::unique_ptr<Work>> work) : work_(std::move(*work)) {}
  static Fixture verifier(ExecOptions options) {
    return Fixture(ExecVerifier::open(std::move(options)));
  }
  static Fixture verifier(std::string command) { return verifier(options(std::move(command))); }
  static Fixture storage(std::string command, bool keeps = true, std::string digest = "") {
    const Network network{"main", 4, 1 << 20, std::move(digest)};
    return Fixture(ExecStorage::open(options(std::move(command)), network, keeps));
  }

  Answers answers(std::size_t count) {
    Answers all;
    const Time give_up = bus::now() + 20s;
    while (all.size() < count) {
      REQUIRE(bus::now() < give_up);
      std::vector<Work::Answer> some;
      work_->take_answers(some);
      for (auto& answer : some) REQUIRE(all.emplace(job_of(answer).value, answer).second);
      pollfd ready{work_->ready_descriptor(), POLLIN, 0};
      if (all.size() < count) poll(&ready, 1, 1000);
    }
    return all;
  }
  void give(std::uint64_t job, std::string value) {
    CHECK_FALSE(work_->judge({JobId{job}, kKey, PeerKey{}, {}, Payload::of(std::move(value))}));
  }
  Work::Answer judge(std::string value, std::vector<Tag> tags = {}) {
    CHECK_FALSE(
        work_->judge({JobId{1}, kKey, PeerKey{}, std::move(tags), Payload::of(std::move(value))}));
    return answers(1).at(1);
  }
  Work::Answer look_up(std::uint32_t room = 1000) {
    CHECK_FALSE(work_->look_up({JobId{1}, kKey, room}));
    return answers(1).at(1);
  }
  Work::Answer keep(std::string value) {
    CHECK_FALSE(work_->keep({JobId{1}, kKey, Payload::of(std::move(value))}));
    return answers(1).at(1);
  }
  Work::Answer remove() {
    CHECK_FALSE(work_->remove({JobId{1}, kKey}));
    return answers(1).at(1);
  }
  Work& work() { return *work_; }

 private:
  std::unique_ptr<Work> work_;
};

Work::Answer verdict(Outcome outcome) { return worker::Verdict{JobId{1}, outcome, {}}; }
std::string failure(const Work::Answer& answer) {
  REQUIRE(std::holds_alternative<worker::Failed>(answer));
  return std::get<worker::Failed>(answer).detail;
}

TEST_CASE("R27 R28 R29 R30 a program's exit code is its verdict") {
  for (const auto& [code, outcome] : std::map<std::string, Outcome>{{"0", Outcome::complete},
                                                                    {"65", Outcome::invalid},
                                                                    {"112", Outcome::unresolved},
                                                                    {"113", Outcome::ignored},
                                                                    {"114", Outcome::withheld}}) {
    CAPTURE(code);
    CHECK(Fixture::verifier("exit " + code).judge("value") == verdict(outcome));
  }
}

TEST_CASE("N6 whatever else a program does is a lost verdict, and says why") {
  CHECK(failure(Fixture::verifier("exit 1").judge("v")) == "exit code 1");
  CHECK(failure(Fixture::verifier("echo line; echo Trace >&2; echo oops >&2; exit 2").judge("v")) ==
        "exit code 2: oops");
  CHECK(failure(Fixture::verifier("printf 'a\\033[2Jb' >&2; exit 2").judge("v")) ==
        "exit code 2: a?[2Jb");
  CHECK(failure(Fixture::verifier("no-such-program").judge("v")).find("exit code 127") == 0);
  CHECK(failure(Fixture::verifier("kill -SEGV $$").judge("v")) == "ended by signal 11");
  CHECK(failure(Fixture::verifier("if true; then").judge("v")).find("exit code 2") == 0);
  auto slow = options("sleep 1000");
  slow.timeout = 50ms;
  CHECK(failure(Fixture::verifier(slow).judge("v")) == "took longer than 50 ms");
  const std::string text =
      failure(Fixture::verifier("head -c 9999 /dev/urandom >&2; exit 1").judge("v"));
  CHECK(text.size() <= 255);
  CHECK(is_utf8(text));
}

TEST_CASE("R25 a program is told the value, the key, the peer and the subscribers") {
  auto f = Fixture::verifier(
      "[ \"$(cat)\" = hello ] && [ \"$QUARRY_OP $QUARRY_KEY $QUARRY_SIZE\" = 'judge 01020304 5' ] "
      "&&"
      "[ $QUARRY_PEER = 0000000000000000000000000000000000000000 ] &&"
      "[ \"$QUARRY_TAGS\" = '61 6263' ] && [ $QUARRY_NETWORK = main ]");
  CHECK(f.judge("hello", {Tag(std::string_view("a")), Tag(std::string_view("bc"))}) ==
        verdict(Outcome::complete));
}

TEST_CASE(
    "A program that prints megabytes, or never reads as many, gives its verdict all the same") {
  CHECK(Fixture::verifier("yes | head -c 5000000; exit 65").judge("v") ==
        verdict(Outcome::invalid));
  CHECK(Fixture::verifier("exit 0").judge(std::string(3'000'000, 'x')) ==
        verdict(Outcome::complete));
}

TEST_CASE("Programs run some at a time; the others wait for their turn, beyond the credit none") {
  bus::TemporaryFolder folder;
  const std::string file = (folder.path / "running").string();
  // Each says how many run with it.
  auto f = Fixture::verifier("echo >> " + file + "; while [ ! -e " + file +
                             ".go ]; do sleep 0.01; done");
  for (std::uint64_t job = 1; job <= 8; ++job) f.give(job, "v");
  const auto refused = f.work().judge({JobId{9}, kKey, PeerKey{}, {}, Payload::of("v")});
  REQUIRE(refused);
  CHECK(failure(*refused).find("credit") != std::string::npos);
  std::vector<Work::Answer> none;
  f.work().take_answers(none);
  CHECK(none.empty());
  const auto running = [&] {
    std::ifstream in(file);
    return std::count(std::istreambuf_iterator<char>(in), {}, '\n');
  };
  for (const Time give_up = bus::now() + 20s; running() < 2;) REQUIRE(bus::now() < give_up);
  CHECK(running() == 2);
  std::ofstream(file + ".go") << "go";
  CHECK(f.answers(8).size() == 8);
  CHECK(running() == 8);
}

TEST_CASE("N14 a job that is given once more while it is held is answered once") {
  auto f = Fixture::verifier("sleep 0.1");
  f.give(1, "v");
  f.give(1, "v");
  f.give(2, "v");
  CHECK(f.answers(2).size() == 2);
  std::vector<Work::Answer> more;
  f.work().take_answers(more);
  CHECK(more.empty());
  f.give(1, "v");
  CHECK(f.answers(1).size() == 1);
}

TEST_CASE("A program is a storage: it prints what it has, and is given what it is to keep") {
  bus::TemporaryFolder folder;
  const std::string file = (folder.path / "$QUARRY_KEY").string();
  auto f = Fixture::storage("case $QUARRY_OP in look_up) cat " + file +
                            " 2>/dev/null || exit 66;;"
                            "keep) cat > " +
                            file + ";; remove) rm " + file + " || exit 66;; esac");
  CHECK(f.work().about().abilities == (worker::kLooksUp | worker::kKeeps));
  CHECK(f.look_up() == Work::Answer(worker::NoData{JobId{1}}));
  CHECK(f.keep("hello") == Work::Answer(worker::Done{JobId{1}}));
  CHECK(f.look_up() == Work::Answer(worker::Found{JobId{1}, Payload::of("hello")}));
  CHECK(f.look_up(5) == Work::Answer(worker::Found{JobId{1}, Payload::of("hello")}));
  CHECK(f.look_up(4) == Work::Answer(worker::TooLarge{JobId{1}, 5}));
  CHECK(f.remove() == Work::Answer(worker::Done{JobId{1}}));
  CHECK(f.remove() == Work::Answer(worker::NoData{JobId{1}}));
  CHECK(f.look_up() == Work::Answer(worker::NoData{JobId{1}}));
}

TEST_CASE("A program that fails, or has no end of output, is a failed job and no value") {
  CHECK(failure(Fixture::storage("printf hello; exit 1").look_up()) == "exit code 1");
  CHECK(failure(Fixture::storage("yes").look_up()).find("largest value") != std::string::npos);
  CHECK(failure(Fixture::storage("exit 66").keep("v")) == "exit code 66");
  CHECK(failure(Fixture::storage("cat; exit 1").remove()) == "exit code 1");
}

TEST_CASE("A program that was not said to keep is not asked to") {
  auto f = Fixture::storage("exit 0", false);
  CHECK(f.work().about().abilities == worker::kLooksUp);
}

TEST_CASE("N17 where keys are digests, what a program prints is checked") {
  const Network network{"main", 20, 1 << 20, "sha1"};
  const Key hello = *key_from_hex("aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", 20);
  for (const auto& [command, right] :
       std::map<std::string, bool>{{"printf hello", true}, {"printf hellp", false}}) {
    Fixture f(ExecStorage::open(options(command), network, false));
    CHECK_FALSE(f.work().look_up({JobId{1}, hello, 1000}));
    const auto answer = f.answers(1).at(1);
    CHECK(std::holds_alternative<worker::Found>(answer) == right);
    CHECK(std::holds_alternative<worker::NoData>(answer) != right);
  }
}

TEST_CASE("On terms of its own a work is told fewer jobs at a time, and of certain keys") {
  auto work = ExecVerifier::open(options("exit 65"));
  const std::vector<KeyRange> keys{{Prefix(std::string_view("a")), Prefix(std::string_view("b"))}};
  Fixture f(
      Result<std::unique_ptr<Work>>(std::make_unique<OnTerms>(std::move(*work), Terms{3, keys})));
  CHECK(f.work().about().credit == 3);
  CHECK(f.work().about().keys == keys);
  CHECK(f.work().about().name == "test");
  CHECK(f.judge("v") == verdict(Outcome::invalid));
}

}  // namespace
}  // namespace quarry::workers
