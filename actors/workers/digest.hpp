// A digest by the name that OpenSSL has for it: what names keys in networks where they follow from
// their values. Used from one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "msg/result.hpp"
#include "msg/types.hpp"

struct evp_md_st;
struct evp_md_ctx_st;

namespace quarry::workers {

class Digest {
 public:
  // Its output must be as long as the network's keys: nothing is cut to fit.
  static Result<Digest> open(const std::string& name, std::uint8_t key_length);

  // The key that this value has. Nothing when OpenSSL fails.
  std::optional<Key> of(ByteView value) const;
  const std::string& name() const { return name_; }

 private:
  struct Free {
    void operator()(evp_md_st* digest) const;
    void operator()(evp_md_ctx_st* context) const;
  };
  Digest() = default;

  std::string name_;
  // Fetched once: a look-up by name costs more than the digest of a small value.
  std::unique_ptr<evp_md_st, Free> digest_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace quarry::workers
