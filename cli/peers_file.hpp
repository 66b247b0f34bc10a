// The peers file of a node: one line a peer,
//
//     KEY ENDPOINT [ROLE [NAME]]      # and whatever somebody wants to remember
//
// with KEY in Z85, ENDPOINT tcp://HOST:PORT (or - for a serve_only peer), ROLE primary, secondary
// or serve_only. From a word that begins with # on, a line is a comment. Editing keeps comments,
// order and spacing of all other lines.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "msg/report.hpp"
#include "msg/result.hpp"

namespace quarry::cli {

class PeersFile {
 public:
  // `name` is how errors call the file. Refuses a peer or a name that occurs twice.
  static Result<PeersFile> parse(std::string_view text, std::string_view name);
  // A file that is not there is an error: a node always has one.
  static Result<PeersFile> read(const std::filesystem::path& file);

  std::vector<report::PeerEntry> peers() const;
  // By key (Z85) or by name.
  const report::PeerEntry* find(std::string_view key_or_name) const;

  Result<> add(const report::PeerEntry& peer);
  // False where there is no such peer.
  bool remove(const PeerKey& peer);

  std::string text() const;
  // Written beside and renamed.
  Result<> write(const std::filesystem::path& file) const;

 private:
  struct Line {
    std::string text;
    std::optional<report::PeerEntry> peer;
  };
  Result<> take(std::string_view line, const std::string& where);

  std::string name_;
  std::vector<Line> lines_;
};

// Keeps two editors from undoing each other's work: held from reading to writing.
class PeersLock {
 public:
  static Result<PeersLock> take(const std::filesystem::path& file);
  PeersLock(PeersLock&& other) noexcept;
  PeersLock& operator=(PeersLock&&) = delete;
  ~PeersLock();

 private:
  explicit PeersLock(int fd) : fd_(fd) {}
  int fd_;
};

// For a peer set that is given to a node now. The numbers rise with the clock, so that of two who
// give sets the later one prevails (R32).
std::uint64_t peer_set_number();

// What the file says.
Result<std::vector<report::PeerEntry>> read_peers(const std::filesystem::path& file);

// What a new node's peers file says: how to write one.
std::string_view peers_template();

}  // namespace quarry::cli
