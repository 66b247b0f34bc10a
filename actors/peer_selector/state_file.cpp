#include "actors/peer_selector/state_file.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <locale>
#include <sstream>

#include "actors/peer_selector/limits.hpp"
#include "bus/clock.hpp"

namespace quarry::peer_selector {
namespace {

constexpr std::string_view kTitle = "quarry-peers";
constexpr int kVersion = 1;
constexpr double kMostSeconds = 1e9;  // 30 years; a longer block is for ever, and is written so

double seconds(Duration duration) {
  return std::min(std::chrono::duration<double>(duration).count(), kMostSeconds);
}
Duration duration(double seconds) {
  return Duration(static_cast<std::int64_t>(std::min(seconds, kMostSeconds) * 1e9));
}

Error damaged(std::size_t line, const std::string& what) {
  return {Error::Kind::config, "line " + std::to_string(line) + ": " + what, ""};
}

bool sensible(std::initializer_list<double> numbers) {
  return std::ranges::all_of(numbers, [](double n) { return std::isfinite(n) && n >= 0; });
}

}  // namespace

std::string as_text(const std::vector<Remembered>& peers, std::int64_t wall) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << kTitle << ' ' << kVersion << ' ' << wall << '\n' << std::setprecision(9);
  for (const auto& [peer, score, block] : peers) {
    text << to_z85(peer) << ' ' << score.latency_us << ' ' << score.bytes_per_us << ' '
         << score.failure << ' ' << score.srtt_us << ' ' << score.rttvar_us << ' '
         << seconds(score.age) << ' ' << seconds(block.left) << ' ' << block.offences << ' '
         << seconds(block.age) << '\n';
  }
  text << "end " << peers.size() << '\n';
  return text.str();
}

Result<std::vector<Remembered>> from_text(std::string_view text, std::int64_t wall) {
  std::istringstream lines{std::string(text)};
  std::string line, title;
  int version = 0;
  std::int64_t written = 0;
  const auto fields_of = [&] {
    std::istringstream fields(line);
    fields.imbue(std::locale::classic());
    return fields;
  };
  std::getline(lines, line);
  auto head = fields_of();
  if (!(head >> title >> version >> written) || title != kTitle) {
    return tl::unexpected(damaged(1, "not what a node writes here"));
  }
  if (version != kVersion) {
    return tl::unexpected(
        damaged(1, "version " + std::to_string(version) + ", not " + std::to_string(kVersion)));
  }
  // A clock that was put back makes nothing younger.
  const Duration passed = duration(static_cast<double>(std::max<std::int64_t>(0, wall - written)));
  std::vector<Remembered> peers;
  for (std::size_t number = 2; std::getline(lines, line); ++number) {
    auto fields = fields_of();
    std::string key;
    fields >> key;
    if (key == "end") {
      std::size_t count = 0;
      if (!(fields >> count) || count != peers.size()) break;
      std::erase_if(peers, [](const Remembered& it) {
        return it.score == Score::Kept{} && it.block == Block::Kept{};
      });
      return peers;
    }
    const auto peer = peer_from_z85(key);
    Score::Kept score;
    Block::Kept block;
    double age = 0, left = 0, offence_age = 0;
    fields >> score.latency_us >> score.bytes_per_us >> score.failure >> score.srtt_us >>
        score.rttvar_us >> age >> left >> block.offences >> offence_age;
    const bool fits = peer && fields &&
                      sensible({score.latency_us, score.bytes_per_us, score.srtt_us,
                                score.rttvar_us, score.failure, 1 - score.failure, age, left,
                                static_cast<double>(block.offences), offence_age});
    if (!fits) return tl::unexpected(damaged(number, "not a peer's"));
    if (peers.size() >= limits::kMaxPeers + limits::kMaxRemembered) {
      return tl::unexpected(damaged(number, "more peers than a node remembers"));
    }
    score.age = duration(age) + passed;
    if (score.age > kScoreKept) score = {};
    if (duration(left) > passed) block.left = duration(left) - passed;
    if (left >= kMostSeconds) block.left = Duration::max();
    block.age = block.offences > 0 ? duration(offence_age) + passed : Duration::zero();
    peers.push_back({*peer, score, block});
  }
  return tl::unexpected(damaged(peers.size() + 2, "the end is missing"));
}

std::vector<Remembered> StateFile::read() const {
  if (!kept()) return {};
  std::ifstream file(path_);
  std::error_code gone;
  if (!file && !std::filesystem::exists(path_, gone)) return {};
  std::string text(kMostStateBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  auto peers = text.size() > kMostStateBytes
                   ? tl::unexpected(damaged(1, "more than a node writes here"))
                   : from_text(text, bus::wall_seconds());
  if (peers) return std::move(*peers);
  const std::filesystem::path aside = path_.string() + ".damaged";
  std::error_code failure;
  std::filesystem::rename(path_, aside, failure);
  spdlog::warn("peer_selector: {} cannot be used ({}); {}; scores and blocks begin anew",
               path_.string(), peers.error().what,
               failure ? "it will be replaced" : "set aside as " + aside.string());
  return {};
}

// Written beside and renamed, so that there is always a whole one. Not synced: what a loss of power
// takes is learnt again.
void StateFile::write(const std::vector<Remembered>& peers) {
  if (!kept()) return;
  const std::filesystem::path beside = path_.string() + ".new";
  std::ofstream file(beside, std::ios::trunc);
  file << as_text(peers, bus::wall_seconds());
  file.close();
  std::error_code failure;
  if (file) std::filesystem::rename(beside, path_, failure);
  const bool failed = !file || failure;
  if (failed && !failed_) {
    spdlog::warn("peer_selector: cannot write {}; scores and blocks will not survive a restart",
                 path_.string());
  }
  failed_ = failed;
}

}  // namespace quarry::peer_selector
