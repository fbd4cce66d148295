// The homes of a key: two workers (or a few), each the first choice of an independent hash over all
// of them. Every scheduler that knows the same workers finds the same homes, without a word between
// them.
//
// Rendezvous hashing (Thaler and Ravishankar, 1998) with one seed for each home: a worker scores
// every key, and the best score wins; a later home passes over the earlier ones. A new worker among
// n becomes a home of 2/(n+1) of the keys and displaces one of the two homes of just these; the
// home that stays has the cache. No ring, no virtual nodes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"

namespace cairn {

// Places in the list of workers, the first home first. As many as asked for, or all workers if
// fewer.
using Homes = absl::InlinedVector<uint32_t, 4>;

inline constexpr uint32_t kHomesMax = 4;

class DualHash {
 public:
  explicit DualHash(uint32_t homes = 2);  // CHECKs 1 to kHomesMax

  // REQUIRES: in the order of their ids, none twice. O(n).
  void SetWorkers(std::span<const NodeId> workers);

  // O(n) for a key that was not asked for lately.
  Homes Find(const BlockKey& key);

 private:
  struct Remembered {
    BlockKey key;
    Homes homes;  // empty: nothing remembered
  };

  Homes Compute(const BlockKey& key) const;

  const uint32_t homes_;
  size_t workers_ = 0;
  std::vector<uint64_t> words_;         // a random word for each (seed, worker); seed by seed
  std::vector<Remembered> remembered_;  // by the key's lowest bits
};

// How well `worker` suits `key` under one seed, uniform in 64 bits. The same on every machine and
// in every release: schedulers of two versions must agree.
uint64_t RendezvousScore(const BlockKey& key, uint64_t seed, NodeId worker);

}  // namespace cairn
