#include "kvstore/block/block_chain.h"

#include <utility>

#include "kvstore/base/check.h"

namespace cairn {

BlockChain::BlockChain(ChainSeed seed) : seed_(std::move(seed)) {
  CAIRN_CHECK_GT(seed_.block_tokens, 0u);
}

void BlockChain::Append(std::span<const TokenId> tokens) {
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  const uint32_t full = length() / seed_.block_tokens;
  for (uint32_t block = full_blocks(); block < full; ++block) {
    keys_.push_back(block == 0 ? MakeHeadKey(seed_.model, seed_.salt, block_span(0))
                               : MakeNextKey(seed_.model, keys_[block - 1], block_span(block)));
  }
}

}  // namespace cairn
