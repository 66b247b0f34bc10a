// What a random run chooses by: a seed, or the bytes of a fuzzer's input, so that the same run
// serves both. Bytes that have run out choose the first of everything.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>

#include "msg/bytes.hpp"

namespace quarry::test {

class Choices {
 public:
  virtual ~Choices() = default;
  // Below `bound`, which is above 0.
  virtual std::uint64_t below(std::uint64_t bound) = 0;
  virtual bool over() const { return false; }

  bool one_in(std::uint64_t chances) { return below(chances) == 0; }
  template <class List>
  typename List::value_type any(const List& list) {
    return *std::next(list.begin(), static_cast<std::ptrdiff_t>(below(list.size())));
  }
};

class Seeded : public Choices {
 public:
  explicit Seeded(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) override { return random_() % bound; }

 private:
  std::mt19937_64 random_;
};

class FromBytes : public Choices {
 public:
  explicit FromBytes(ByteView bytes) : bytes_(bytes) {}
  std::uint64_t below(std::uint64_t bound) override {
    std::uint64_t chosen = next();
    for (std::uint64_t range = 256; range < bound; range *= 256) chosen = chosen * 256 + next();
    return chosen % bound;
  }
  bool over() const override { return bytes_.empty(); }

 private:
  std::uint64_t next() {
    if (bytes_.empty()) return 0;
    const auto byte = std::to_integer<std::uint64_t>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  ByteView bytes_;
};

}  // namespace quarry::test
