// Who is told which copies can be found on this node, at the moment when that changes: what a node
// publishes is written down here (kvstore/core/block_announcer.h).
#pragma once

#include <cstdint>

#include "kvstore/block/block_key.h"
#include "kvstore/block/tier.h"

namespace cairn {

// A block that can be found and read. `depth` is its position in its chain, 0 for a head.
struct FoundCopy {
  BlockKey key;
  uint32_t depth = 0;
  Tier tier = Tier::kDevice;
};

class CopyWitness {
 public:
  virtual void OnReady(const FoundCopy& copy) = 0;  // its bytes are there and complete
  virtual void OnGone(const FoundCopy& copy) = 0;   // its slot is about to be given back

 protected:
  ~CopyWitness() = default;
};

}  // namespace cairn
