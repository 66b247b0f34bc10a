#include "cli/digest.hpp"

#include <openssl/evp.h>

#include "cli/text.hpp"

namespace quarry::cli {

Result<> check_digest(const Network& network) {
  if (network.digest.empty()) return {};
  const EVP_MD* digest = EVP_get_digestbyname(network.digest.c_str());
  if (digest == nullptr) {
    return error(Error::Kind::usage, "'" + shown(network.digest, 40) + "' is no digest",
                 "use sha256 or another that `openssl list -digest-commands` names, or none");
  }
  const int size = EVP_MD_get_size(digest);
  if (size != network.key_length) {
    return error(Error::Kind::usage,
                 "a " + network.digest + " digest has " + std::to_string(size) +
                     " bytes, a key of this network " + std::to_string(network.key_length),
                 "use --key-length " + std::to_string(size) + ", or --digest none");
  }
  return {};
}

Result<Key> digest_of(ByteView value, const Network& network) {
  if (auto fits = check_digest(network); !fits) return tl::unexpected(fits.error());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const EVP_MD* how = EVP_get_digestbyname(network.digest.c_str());
  if (EVP_Digest(value.data(), value.size(), digest, &size, how, nullptr) != 1) {
    return error(Error::Kind::internal, "OpenSSL cannot compute a " + network.digest + " digest");
  }
  return Key(ByteView(reinterpret_cast<const std::byte*>(digest), size));
}

}  // namespace quarry::cli
