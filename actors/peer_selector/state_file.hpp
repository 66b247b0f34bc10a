// The file in which a node keeps what it remembers of its peers: a line that says what it is, a
// line for each peer, and one that says that it is whole. What cannot be read is set aside, with a
// warning, and never keeps a node from starting.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "actors/peer_selector/limits.hpp"
#include "actors/peer_selector/remembered.hpp"
#include "msg/result.hpp"

namespace quarry::peer_selector {

// Of the file: as many lines as a node remembers peers, each a key and nine numbers.
inline constexpr std::size_t kMostStateBytes =
    (limits::kMaxPeers + limits::kMaxRemembered + 2) * std::size_t{256};

// `wall`: seconds since 1970, when it is written and when it is read.
std::string as_text(const std::vector<Remembered>& peers, std::int64_t wall);
// As they are now. A score older than this says nothing any more.
inline constexpr Duration kScoreKept = std::chrono::hours(24);
Result<std::vector<Remembered>> from_text(std::string_view text, std::int64_t wall);

class StateFile {
 public:
  // An empty path: nothing is kept.
  explicit StateFile(std::filesystem::path path) : path_(std::move(path)) {}

  std::vector<Remembered> read() const;
  void write(const std::vector<Remembered>& peers);
  bool kept() const { return !path_.empty(); }

 private:
  std::filesystem::path path_;
  bool failed_ = false;  // the last time; said once
};

}  // namespace quarry::peer_selector
