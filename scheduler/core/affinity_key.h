// Which of a prompt's prefixes decides where it is at home. Short keys keep families of prompts
// together; a prefix with more traffic than its two homes can serve gets longer keys, so that its
// descendants scatter over more workers (DualMap, arXiv 2602.06502: adaptive prefix depth).
//
// Depth counts strides of blocks. A key owns two of n workers, so a prefix is hot when more than
// 2/n of the recent requests pass through it, and is cold again below a third of that. Both are
// judged by the traffic through the prefix itself, whatever keys its requests have now: nothing has
// to be counted twice to keep a split prefix split.
#pragma once

#include <cstdint>
#include <list>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"
#include "scheduler/core/hot_prefix.h"

namespace cairn {

struct AffinityOptions {
  uint32_t stride_blocks = 32;  // 512 tokens in blocks of 16
  uint32_t depth_max = 64;      // in strides
  uint32_t lengthened_max =
      10'000;  // prefixes that are known to be hot; the longest unused is forgotten
};

// A prompt without a full block shares nothing worth keeping; its id spreads such prompts evenly.
constexpr BlockKey KeyWithoutPrefix(RequestId request) { return {request.value(), 0}; }

class AffinityKeys {
 public:
  explicit AffinityKeys(const AffinityOptions& options);

  // The key of a request that arrives now, and counts. REQUIRES: the chain is not empty.
  BlockKey Observe(std::span<const BlockKey> chain, uint32_t workers);
  // The key that it would have now; nothing is counted.
  BlockKey Find(std::span<const BlockKey> chain) const;
  // The depth of that key, from 1.
  uint32_t DepthOf(std::span<const BlockKey> chain) const;

 private:
  uint32_t Levels(std::span<const BlockKey> chain) const;
  const BlockKey& KeyAt(std::span<const BlockKey> chain, uint32_t depth) const;
  void Lengthen(const BlockKey& prefix);
  void Shorten(const BlockKey& prefix);

  const AffinityOptions options_;
  PrefixTraffic traffic_;
  std::list<BlockKey> order_;  // of the hot prefixes, the last used first
  absl::flat_hash_map<BlockKey, std::list<BlockKey>::iterator> lengthened_;  // never walked
};

}  // namespace cairn
