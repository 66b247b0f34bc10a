#include "cli/bench/values.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "actors/workers/limits.hpp"

namespace quarry::cli::bench {
namespace {

class Storage : public workers::Work {
 public:
  explicit Storage(std::shared_ptr<const Values> values) : values_(std::move(values)) {}

  About about() const override {
    return {WorkerRole::storage, worker::kLooksUp, workers::kMaxCredit, "bench"};
  }

  std::optional<Answer> look_up(const worker::LookUp& job) override {
    const auto number = values_->find(job.key);
    if (!number) return worker::NoData{job.job};
    if (values_->size() > job.room) return worker::TooLarge{job.job, values_->size()};
    return worker::Found{job.job, values_->value(*number)};
  }

 private:
  std::shared_ptr<const Values> values_;
};

}  // namespace

Values::Values(std::size_t size, std::uint32_t count)
    : count_(count),
      filler_(size, std::byte{0x5a}),
      digests_(count * kDigest),
      slots_(std::bit_ceil(std::size_t{count} * 2)) {
  QUARRY_CHECK(size >= kLeastSize && count > 0 && count <= kMost);
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, Free> shared(EVP_MD_CTX_new()), own(EVP_MD_CTX_new());
  QUARRY_CHECK(EVP_DigestInit_ex(shared.get(), EVP_sha256(), nullptr) == 1);
  QUARRY_CHECK(EVP_DigestUpdate(shared.get(), filler_.data(), size - sizeof(std::uint64_t)) == 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t number = i;
    auto* to = reinterpret_cast<unsigned char*>(digests_.data() + i * kDigest);
    QUARRY_CHECK(EVP_MD_CTX_copy_ex(own.get(), shared.get()) == 1);
    QUARRY_CHECK(EVP_DigestUpdate(own.get(), &number, sizeof number) == 1);
    QUARRY_CHECK(EVP_DigestFinal_ex(own.get(), to, nullptr) == 1);
    std::size_t slot = first_slot(digest(i));
    while (slots_[slot] != 0) slot = (slot + 1) % slots_.size();
    slots_[slot] = i + 1;
  }
}

std::size_t Values::first_slot(ByteView digest) const {
  std::uint64_t begin = 0;
  std::memcpy(&begin, digest.data(), sizeof begin);
  return begin % slots_.size();
}

Payload Values::value(std::uint32_t number) const {
  QUARRY_CHECK(number < count_);
  const std::uint64_t last = number;
  std::string bytes(text_of(filler_));
  std::memcpy(bytes.data() + bytes.size() - sizeof last, &last, sizeof last);
  return Payload::of(std::move(bytes));
}

std::optional<std::uint32_t> Values::find(const Key& key) const {
  if (key.size() != kDigest) return std::nullopt;
  for (std::size_t slot = first_slot(key.view()); slots_[slot] != 0;
       slot = (slot + 1) % slots_.size()) {
    const std::uint32_t number = slots_[slot] - 1;
    if (std::ranges::equal(digest(number), key.view())) return number;
  }
  return std::nullopt;
}

std::unique_ptr<workers::Work> storage_of(std::shared_ptr<const Values> values) {
  return std::make_unique<Storage>(std::move(values));
}

}  // namespace quarry::cli::bench
