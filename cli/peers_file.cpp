#include "cli/peers_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/files.hpp"
#include "cli/text.hpp"
#include "cli/values.hpp"

namespace quarry::cli {
namespace {

// Far more than kMaxRecords lines of sensible length.
constexpr std::size_t kLargestFile = 4 * 1024 * 1024;
constexpr std::string_view kSpace = " \t\r";

auto at(const std::string& where, std::string what, std::string remedy) {
  return error(Error::Kind::config, where + ": " + std::move(what), std::move(remedy));
}

// The words of a line up to a comment. No key begins with # (a group of Z85 that did would not fit
// into 32 bits), though it may stand anywhere else in one.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(kSpace));
    if (word.empty() || word.front() == '#') return words;
    words.push_back(word);
    line.remove_prefix(word.size());
  }
}

std::optional<PeerRole> role_of(std::string_view word) {
  for (PeerRole role : {PeerRole::primary, PeerRole::secondary, PeerRole::serve_only}) {
    if (word == name(role)) return role;
  }
  return std::nullopt;
}

Result<report::PeerEntry> entry_of(const std::vector<std::string_view>& words,
                                   const std::string& where) {
  const auto key = peer_from_z85(words[0]);
  if (!key) {
    return at(where, "'" + shown(words[0], 60) + "' is no public key",
              "a line is KEY ENDPOINT [ROLE [NAME]], with the 40 characters that quarry id prints");
  }
  if (words.size() < 2) {
    return at(where, "the peer has no endpoint", "write it after the key: tcp://HOST:PORT");
  }
  if (words.size() > 4) {
    return at(where, "'" + shown(words[4], 60) + "' is one word too many",
              "a line is KEY ENDPOINT [ROLE [NAME]]; names have no spaces, comments begin with #");
  }
  report::PeerEntry entry{*key, "", PeerRole::primary, ""};
  if (words.size() > 2) {
    const auto role = role_of(words[2]);
    if (!role) {
      return at(where, "'" + shown(words[2], 60) + "' is no role",
                "write primary, secondary or serve_only");
    }
    entry.role = *role;
  }
  if (words[1] != "-" || entry.role != PeerRole::serve_only) {
    if (auto fits = check_endpoint(words[1]); !fits) {
      return at(where, fits.error().what, fits.error().remedy);
    }
    entry.endpoint = words[1];
  }
  if (words.size() > 3) {
    if (auto fits = check_name("a peer", words[3]); !fits) {
      return at(where, fits.error().what, fits.error().remedy);
    }
    entry.name = words[3];
  }
  return entry;
}

std::string line_of(const report::PeerEntry& peer) {
  std::string line = to_z85(peer.peer) + " " + (peer.endpoint.empty() ? "-" : peer.endpoint);
  line += " ";
  line += name(peer.role);
  if (!peer.name.empty()) line += " " + peer.name;
  return line;
}

}  // namespace

Result<PeersFile> PeersFile::parse(std::string_view text, std::string_view file_name) {
  PeersFile file;
  file.name_ = file_name;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string where = file.name_ + ":" + std::to_string(++number);
    if (auto taken = file.take(line, where); !taken) return tl::unexpected(taken.error());
  }
  return file;
}

Result<PeersFile> PeersFile::read(const std::filesystem::path& file) {
  auto text = read_file(file, kLargestFile);
  if (!text) {
    return error(Error::Kind::config, text.error().what,
                 "the peers file has one line a peer: KEY ENDPOINT [ROLE [NAME]]");
  }
  return parse(*text, file.string());
}

Result<> PeersFile::take(std::string_view line, const std::string& where) {
  const auto words = words_of(line);
  if (words.empty()) {
    lines_.push_back({std::string(line), std::nullopt});
    return {};
  }
  auto entry = entry_of(words, where);
  if (!entry) return tl::unexpected(entry.error());
  std::size_t peers = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    const auto& other = lines_[i].peer;
    if (!other) continue;
    ++peers;
    if (other->peer == entry->peer || (!entry->name.empty() && other->name == entry->name)) {
      const bool same_key = other->peer == entry->peer;
      return at(where,
                (same_key ? "the peer " + to_z85(entry->peer) : "the name " + entry->name) +
                    " stands in line " + std::to_string(i + 1) + " already",
                same_key ? "keep one of the two" : "give one of the two another name");
    }
  }
  if (peers == limits::kMaxRecords) {
    return at(where, "more than " + std::to_string(limits::kMaxRecords) + " peers",
              "a node knows at most this many");
  }
  lines_.push_back({std::string(line), std::move(*entry)});
  return {};
}

std::vector<report::PeerEntry> PeersFile::peers() const {
  std::vector<report::PeerEntry> peers;
  for (const Line& line : lines_) {
    if (line.peer) peers.push_back(*line.peer);
  }
  return peers;
}

const report::PeerEntry* PeersFile::find(std::string_view key_or_name) const {
  if (key_or_name.empty()) return nullptr;
  const auto key = peer_from_z85(key_or_name);
  for (const Line& line : lines_) {
    if (!line.peer) continue;
    if (key ? line.peer->peer == *key : line.peer->name == key_or_name) return &*line.peer;
  }
  return nullptr;
}

Result<> PeersFile::add(const report::PeerEntry& peer) {
  return take(line_of(peer), name_ + ":" + std::to_string(lines_.size() + 1));
}

bool PeersFile::remove(const PeerKey& peer) {
  return std::erase_if(lines_,
                       [&](const Line& line) { return line.peer && line.peer->peer == peer; }) != 0;
}

std::string PeersFile::text() const {
  std::string text;
  for (const Line& line : lines_) text += line.text + "\n";
  return text;
}

Result<> PeersFile::write(const std::filesystem::path& file) const {
  return replace_file(file, bytes_of(text()));
}

Result<PeersLock> PeersLock::take(const std::filesystem::path& file) {
  // The folder is locked and not the file, which each edit replaces.
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return error(Error::Kind::config,
                 "cannot open " + folder.string() + ": " + std::strerror(errno));
  }
  PeersLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) {
      return error(Error::Kind::io, "cannot lock " + folder.string() + ": " + std::strerror(errno));
    }
  }
  return lock;
}

PeersLock::PeersLock(PeersLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
PeersLock::~PeersLock() {
  if (fd_ >= 0) ::close(fd_);
}

std::uint64_t peer_set_number() {
  using std::chrono::microseconds, std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(since).count());
}

Result<std::vector<report::PeerEntry>> read_peers(const std::filesystem::path& file) {
  return PeersFile::read(file).map([](const PeersFile& parsed) { return parsed.peers(); });
}

std::string_view peers_template() {
  return "# The peers of this node, one a line: KEY ENDPOINT [ROLE [NAME]]\n"
         "#   KEY       its public key, as `quarry id` prints it there\n"
         "#   ENDPOINT  tcp://HOST:PORT where it listens; - for a serve_only peer\n"
         "#   ROLE      primary, secondary, or serve_only: served and never asked\n"
         "#   NAME      what you call it; fit for commands in place of its key\n"
         "# A running node reads this file again on SIGHUP; `quarry peers add` edits it for you.\n";
}

}  // namespace quarry::cli
