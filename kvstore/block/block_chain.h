// A run of tokens as the keys of its full blocks. Grows at the end only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"

namespace cairn {

// What every chain of one request has in common.
struct ChainSeed {
  ModelIdentity model;
  std::string salt;
  uint32_t block_tokens = 16;
};

class BlockChain {
 public:
  explicit BlockChain(ChainSeed seed);  // CHECKs block_tokens > 0

  // Adds tokens; computes the key of every block that becomes full. Amortised O(1) a token.
  void Append(std::span<const TokenId> tokens);
  void Append(TokenId token) { Append({&token, 1}); }
  void ReserveTokens(uint32_t tokens) { tokens_.reserve(tokens); }  // a hint

  uint32_t length() const { return static_cast<uint32_t>(tokens_.size()); }
  uint32_t block_tokens() const { return seed_.block_tokens; }
  std::span<const TokenId> tokens() const { return tokens_; }

  uint32_t full_blocks() const { return static_cast<uint32_t>(keys_.size()); }
  const BlockKey& key(uint32_t block) const { return keys_[block]; }  // REQUIRES: block is full
  // The key before `block`'s, none for the first.
  std::optional<BlockKey> parent(uint32_t block) const {
    return block == 0 ? std::nullopt : std::optional(keys_[block - 1]);
  }
  std::span<const TokenId> block_span(uint32_t block) const {
    return tokens().subspan(size_t{block} * seed_.block_tokens, seed_.block_tokens);
  }

 private:
  ChainSeed seed_;
  std::vector<TokenId> tokens_;
  std::vector<BlockKey> keys_;
};

}  // namespace cairn
