#include "actors/workers/digest_verifier.hpp"

#include "actors/workers/digest.hpp"
#include "actors/workers/limits.hpp"

namespace quarry::workers {
namespace {

class Verifier : public Work {
 public:
  explicit Verifier(Digest digest) : digest_(std::move(digest)) {}

  About about() const override { return {WorkerRole::verifier, 0, kMaxCredit, digest_.name()}; }

  std::optional<Answer> judge(const worker::Judge& job) override {
    const auto key = digest_.of(job.value.view());
    if (!key) return worker::Failed{job.job, "OpenSSL could not compute " + digest_.name()};
    return worker::Verdict{job.job, *key == job.key ? Outcome::complete : Outcome::invalid, {}};
  }

 private:
  Digest digest_;
};

}  // namespace

Result<std::unique_ptr<Work>> DigestVerifier::open(const std::string& name,
                                                   std::uint8_t key_length) {
  auto digest = Digest::open(name, key_length);
  if (!digest) return tl::unexpected(digest.error());
  return std::make_unique<Verifier>(std::move(*digest));
}

}  // namespace quarry::workers
