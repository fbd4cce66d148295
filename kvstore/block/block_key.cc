#include "kvstore/block/block_key.h"

#include <array>
#include <cstdio>

#include "kvstore/block/digest.h"

namespace cairn {
namespace {

// Changing anything below changes every key: old caches are then cold, never wrong. The test
// vectors in tests/kvstore/block_key_test.cc must change with it, and so must the tags.
constexpr std::string_view kHeadTag = "cairn block head 1";
constexpr std::string_view kNextTag = "cairn block next 1";

// The first 16 bytes of the digest, big-endian, so that hexadecimal text reads like the digest's.
BlockKey Truncated(const std::array<uint8_t, 32>& digest) {
  BlockKey key;
  for (size_t i = 0; i < 8; ++i) key.high = key.high << 8 | digest[i];
  for (size_t i = 8; i < 16; ++i) key.low = key.low << 8 | digest[i];
  return key;
}

}  // namespace

BlockKey MakeHeadKey(const ModelIdentity& model, std::string_view salt,
                     std::span<const TokenId> tokens) {
  return Truncated(DigestMessage(kHeadTag).Bytes(model.digest).Text(salt).Tokens(tokens).Sha256());
}

BlockKey MakeNextKey(const ModelIdentity& model, const BlockKey& parent,
                     std::span<const TokenId> tokens) {
  return Truncated(DigestMessage(kNextTag)
                       .Bytes(model.digest)
                       .Number(parent.high)
                       .Number(parent.low)
                       .Tokens(tokens)
                       .Sha256());
}

std::string ToString(const BlockKey& key) {
  std::array<char, 33> text;
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(key.high),
                static_cast<unsigned long long>(key.low));
  return text.data();
}

std::ostream& operator<<(std::ostream& out, const BlockKey& key) { return out << ToString(key); }

}  // namespace cairn
