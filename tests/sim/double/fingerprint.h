// The arithmetic of the fingerprint model. The "KV" of a position is one word that depends on the
// token there and on the KV of everything before it; the next token is folded from all of it.
#pragma once

#include <cstdint>
#include <span>

#include "kvstore/base/ids.h"
#include "kvstore/base/prng.h"

namespace cairn::sim {

// What has been read so far, position by position.
class Fingerprint {
 public:
  // The KV word of `token` behind everything read so far.
  uint64_t WordOf(TokenId token) const {
    return SplitMix64(fold_ ^ (static_cast<uint64_t>(token) + 1) * 0x9e3779b97f4a7c15ull);
  }
  void Read(uint64_t word) { fold_ = SplitMix64(fold_ * 3 + word); }

  // The next token: depends on what was read, the seed and the position; never a forbidden one
  // unless all are.
  TokenId Next(uint64_t seed, uint32_t position, std::span<const TokenId> forbidden,
               uint32_t vocabulary) const {
    const uint64_t draw = SplitMix64(fold_ ^ SplitMix64(seed) ^ position);
    TokenId token = static_cast<TokenId>(draw % vocabulary);
    for (uint32_t tries = 0; tries < vocabulary; ++tries) {
      bool allowed = true;
      for (TokenId no : forbidden) allowed = allowed && no != token;
      if (allowed) break;
      token = static_cast<TokenId>((static_cast<uint32_t>(token) + 1) % vocabulary);
    }
    return token;
  }

 private:
  uint64_t fold_ = 0x6361697276ull;
};

}  // namespace cairn::sim
