#include "actors/workers/digest_verifier.hpp"

#include "tests/support/catch.hpp"

using namespace quarry;
using namespace quarry::workers;

namespace {

const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::unique_ptr<Work> verifier(const std::string& digest = "sha256", std::uint8_t length = 32) {
  auto work = DigestVerifier::open(digest, length);
  if (!work) FAIL(work.error().line());
  return std::move(*work);
}

Outcome judged(Work& work, const std::string& hex, const std::string& value) {
  const auto key = key_from_hex(hex, hex.size() / 2);
  REQUIRE(key);
  const auto answer = work.judge({{7}, *key, {}, {}, Payload::of(value)});
  REQUIRE(answer);
  const auto& verdict = std::get<worker::Verdict>(*answer);
  REQUIRE(verdict.job == JobId{7});
  REQUIRE(verdict.satisfied.empty());
  return verdict.outcome;
}

}  // namespace

TEST_CASE("a value whose digest is the key is complete, any other invalid") {
  const auto work = verifier();
  REQUIRE(judged(*work, kAbc, "abc") == Outcome::complete);
  REQUIRE(judged(*work, kAbc, "abd") == Outcome::invalid);
  REQUIRE(judged(*work, kAbc, "") == Outcome::invalid);
  REQUIRE(judged(*work, kAbc, "abc") == Outcome::complete);
}

TEST_CASE("an empty value is a value") {
  const auto work = verifier();
  REQUIRE(judged(*work, kEmpty, "") == Outcome::complete);
  const auto answer = work->judge({{1}, *key_from_hex(kEmpty, 32), {}, {}, Payload{}});
  REQUIRE(std::get<worker::Verdict>(*answer).outcome == Outcome::complete);
}

TEST_CASE("digests of other lengths fit networks with keys of that length") {
  REQUIRE(judged(*verifier("sha1", 20), "a9993e364706816aba3e25717850c26c9cd0d89d", "abc") ==
          Outcome::complete);
  REQUIRE(verifier("sha512", 64)->about().name == "sha512");
}

TEST_CASE("a digest that is unknown, of another length, or cut to fit is refused with a remedy") {
  const auto [digest, length] = GENERATE(table<std::string, int>(
      {{"sha257", 32}, {"sha256", 20}, {"sha512", 32}, {"shake128", 16}, {"", 32}}));
  const auto work = DigestVerifier::open(digest, static_cast<std::uint8_t>(length));
  REQUIRE_FALSE(work);
  CAPTURE(work.error().line());
  REQUIRE(work.error().what.find(digest) != std::string::npos);
  REQUIRE_FALSE(work.error().remedy.empty());
}

TEST_CASE("a digest verifier looks nothing up") {
  const auto answer = verifier()->look_up({{3}, *key_from_hex(kAbc, 32), 100});
  REQUIRE(std::get<worker::Failed>(*answer).job == JobId{3});
}
