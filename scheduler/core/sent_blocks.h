// What a scheduler knows of a worker's blocks before the worker says it: those of the prompts that
// it has sent there itself, or keeps in the line for it. From then on they count as there in the
// prefix index, whatever older words say, until the worker's word about the time after the prompt
// has come; then that word decides. Every policy sees the same index, and so the same correction.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/prefix_index.h"

namespace cairn {

class SentBlocks {
 public:
  // `index` outlives this. `holder`: the worker's part of it, which is in; or kNoHolder.
  SentBlocks(PrefixIndex& index, HolderId holder) : index_(index), holder_(holder) {}
  SentBlocks(const SentBlocks&) = delete;
  SentBlocks& operator=(const SentBlocks&) = delete;

  void Send(RequestId request, std::span<const BlockKey> chain);
  // The prompt is computed. What the worker published up to batch `told_through` tells of it.
  void Prefilled(RequestId request, uint64_t told_through);
  // The request has ended before, or the worker tells nothing.
  void GiveUp(RequestId request);
  // The worker's batches up to this one are in the index.
  void Hear(uint64_t applied);
  // The worker's part of the index has begun anew.
  void MoveTo(HolderId holder);

  uint64_t blocks_expected() const { return expected_.size(); }

 private:
  using Chain = std::vector<BlockKey>;
  struct Awaited {
    uint64_t told_through = 0;
    Chain chain;
  };

  void Expect(std::span<const BlockKey> chain);
  void GiveUp(const Chain& chain);

  PrefixIndex& index_;
  HolderId holder_;
  std::map<RequestId, Chain> sent_;  // not prefilled yet
  std::deque<Awaited> awaited_;      // prefilled; in the order of the batches that will tell
  absl::flat_hash_map<BlockKey, uint32_t>
      expected_;  // by how many of them; looked up, never walked
};

}  // namespace cairn
