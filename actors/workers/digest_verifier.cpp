#include "actors/workers/digest_verifier.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>

#include "actors/workers/limits.hpp"

namespace quarry::workers {
namespace {

struct Free {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD, Free>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free>;

class Verifier : public Work {
 public:
  Verifier(Digest digest, DigestContext context, std::string name)
      : digest_(std::move(digest)), context_(std::move(context)), name_(std::move(name)) {}

  About about() const override { return {WorkerRole::verifier, 0, kMaxCredit, name_}; }

  std::optional<Answer> judge(const worker::Judge& job) override {
    std::array<std::byte, EVP_MAX_MD_SIZE> output;
    unsigned size = 0;
    const ByteView value = job.value.view();
    const bool done =
        EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
        EVP_DigestUpdate(context_.get(), value.data(), value.size()) == 1 &&
        EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(output.data()),
                           &size) == 1;
    if (!done) {
      ERR_clear_error();
      return worker::Failed{job.job, "OpenSSL could not compute " + name_};
    }
    const bool right = text_of({output.data(), size}) == text_of(job.key.view());
    return worker::Verdict{job.job, right ? Outcome::complete : Outcome::invalid, {}};
  }

 private:
  Digest digest_;  // fetched once: a look-up by name costs more than the digest of a small value
  DigestContext context_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Work>> DigestVerifier::open(const std::string& name,
                                                   std::uint8_t key_length) {
  Digest digest(EVP_MD_fetch(nullptr, name.c_str(), nullptr));
  DigestContext context(EVP_MD_CTX_new());
  ERR_clear_error();
  if (digest == nullptr) {
    return error(Error::Kind::config, "OpenSSL offers no digest called '" + name + "'",
                 "set the network's digest to one that `openssl list -digest-algorithms` lists, or "
                 "to none and attach a verifier of your own");
  }
  if ((EVP_MD_get_flags(digest.get()) & EVP_MD_FLAG_XOF) != 0) {
    return error(Error::Kind::config, name + " has no length of its own, so it names no keys",
                 "choose a digest of fixed length, such as sha256");
  }
  const int size = EVP_MD_get_size(digest.get());
  if (size != key_length) {
    return error(Error::Kind::config,
                 "a " + name + " digest has " + std::to_string(size) +
                     " bytes, and the network's keys have " + std::to_string(key_length),
                 "set the network's key length to " + std::to_string(size) +
                     ", or its digest to one of " + std::to_string(key_length) + " bytes");
  }
  if (context == nullptr) {
    return error(Error::Kind::internal, "OpenSSL has no memory for a digest", "free some memory");
  }
  return std::make_unique<Verifier>(std::move(digest), std::move(context), name);
}

}  // namespace quarry::workers
