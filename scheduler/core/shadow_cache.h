// What a worker that publishes nothing probably holds: the blocks of the prompts that it was seen
// to compute, as many as it has slots for, the longest unused forgotten first. Written through to
// the prefix index, so that policies see one index whoever filled it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/prefix_index.h"

namespace cairn {

class ShadowCache {
 public:
  // `index` outlives this, and `holder` stays in it as long.
  ShadowCache(PrefixIndex& index, HolderId holder, uint64_t blocks_max);

  // The worker has computed or read this chain's blocks. Heads count as used after their tails, so
  // that tails are forgotten first. What does not fit is left out, tail first.
  void Use(std::span<const BlockKey> chain);
  void SetLimit(uint64_t blocks_max);

  uint64_t blocks() const { return places_.size(); }
  uint64_t blocks_max() const { return blocks_max_; }

 private:
  struct Entry {
    BlockKey key;
    uint32_t newer = 0;  // a ring through entry 0, which stands between the newest and the oldest
    uint32_t older = 0;
  };

  void Unlink(uint32_t entry);
  void LinkNewest(uint32_t entry);
  void ForgetOldest();

  PrefixIndex& index_;
  const HolderId holder_;
  uint64_t blocks_max_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<BlockKey, uint32_t> places_;  // looked up, never walked
};

}  // namespace cairn
