#include "actors/workers/digest.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>

namespace quarry::workers {

void Digest::Free::operator()(evp_md_st* digest) const { EVP_MD_free(digest); }
void Digest::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Result<Digest> Digest::open(const std::string& name, std::uint8_t key_length) {
  Digest made;
  made.name_ = name;
  made.digest_.reset(EVP_MD_fetch(nullptr, name.c_str(), nullptr));
  made.context_.reset(EVP_MD_CTX_new());
  ERR_clear_error();
  if (made.digest_ == nullptr) {
    return error(Error::Kind::config, "OpenSSL offers no digest called '" + name + "'",
                 "set the network's digest to one that `openssl list -digest-algorithms` lists, or "
                 "to none and attach a verifier of your own");
  }
  if ((EVP_MD_get_flags(made.digest_.get()) & EVP_MD_FLAG_XOF) != 0) {
    return error(Error::Kind::config, name + " has no length of its own, so it names no keys",
                 "choose a digest of fixed length, such as sha256");
  }
  const int size = EVP_MD_get_size(made.digest_.get());
  if (size != key_length) {
    return error(Error::Kind::config,
                 "a " + name + " digest has " + std::to_string(size) +
                     " bytes, and the network's keys have " + std::to_string(key_length),
                 "set the network's key length to " + std::to_string(size) +
                     ", or its digest to one of " + std::to_string(key_length) + " bytes");
  }
  if (made.context_ == nullptr) {
    return error(Error::Kind::internal, "OpenSSL has no memory for a digest", "free some memory");
  }
  return made;
}

std::optional<Key> Digest::of(ByteView value) const {
  std::array<std::byte, EVP_MAX_MD_SIZE> output;
  unsigned size = 0;
  const bool done = EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
                    EVP_DigestUpdate(context_.get(), value.data(), value.size()) == 1 &&
                    EVP_DigestFinal_ex(context_.get(),
                                       reinterpret_cast<unsigned char*>(output.data()), &size) == 1;
  if (done) return Key(ByteView(output.data(), size));
  ERR_clear_error();
  return std::nullopt;
}

}  // namespace quarry::workers
