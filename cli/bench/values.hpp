// The values that a bench fetches: all of one size, no two alike, and the SHA-256 of each is its
// key. Keys are computed beforehand, values when they are asked for: a value is a filler that all
// share and its own number at the end, so that its key costs one block of the digest and the value
// itself one copy.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "actors/workers/work.hpp"
#include "msg/result.hpp"
#include "msg/types.hpp"

namespace quarry::cli::bench {

class Values {
 public:
  static constexpr std::size_t kLeastSize = 8;  // bytes: the number
  static constexpr std::uint32_t kMost = 1 << 20;

  Values(std::size_t size, std::uint32_t count);

  std::size_t size() const { return filler_.size(); }
  std::uint32_t count() const { return count_; }
  // Requires number < count().
  Key key(std::uint32_t number) const { return Key(digest(number)); }
  Payload value(std::uint32_t number) const;
  std::optional<std::uint32_t> find(const Key& key) const;

 private:
  static constexpr std::size_t kDigest = 32;
  ByteView digest(std::uint32_t number) const {
    return ByteView(digests_).subspan(number * kDigest, kDigest);
  }
  std::size_t first_slot(ByteView digest) const;

  std::uint32_t count_;
  std::vector<std::byte> filler_;
  std::vector<std::byte> digests_;
  std::vector<std::uint32_t> slots_;  // open addressing: one more than the number, 0 for none
};

// A storage that has these values, as a worker like any other.
std::unique_ptr<workers::Work> storage_of(std::shared_ptr<const Values> values);

}  // namespace quarry::cli::bench
