#include "kvstore/block/digest.h"

#include <openssl/evp.h>

#include <bit>
#include <cstring>

#include "kvstore/base/check.h"

namespace cairn {

DigestMessage& DigestMessage::Tokens(std::span<const TokenId> tokens) {
  Number(static_cast<uint64_t>(tokens.size()));
  if constexpr (std::endian::native == std::endian::little) {
    bytes_.append(reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes());
  } else {
    for (TokenId token : tokens) Number(static_cast<uint32_t>(token));
  }
  return *this;
}

std::array<uint8_t, 32> DigestMessage::Sha256() const {
  // Fetched once and kept: a lookup costs more than the digest of a block.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CAIRN_CHECK(kSha256 != nullptr);
  std::array<uint8_t, 32> digest;
  unsigned int size = 0;
  CAIRN_CHECK_EQ(EVP_Digest(bytes_.data(), bytes_.size(), digest.data(), &size, kSha256, nullptr),
                 1);
  CAIRN_CHECK_EQ(size, digest.size());
  return digest;
}

}  // namespace cairn
