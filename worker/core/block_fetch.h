// What a worker core remembers of handoffs: fetches and sends under way, loans, and prompts that it
// follows. All of them hold what they name, and give it back in their destructors.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"
#include "kvstore/block/block_chain.h"
#include "kvstore/block/block_lease.h"
#include "kvstore/block/block_pool.h"
#include "worker/core/block_table.h"
#include "worker/core/handoff.h"

namespace cairn {

enum class FetchKind : uint8_t {
  kHandoff,  // from the request's source: all or none
  kPrefix,   // by keys: the first of them, as many as are there
  kTooLate,  // was a kPrefix; nobody waits any more, and whatever comes is dropped
};

// Blocks on their way here. The leases keep the slots until the last byte has come, whatever
// becomes of whoever wanted them.
struct BlockFetch {
  FetchKind kind = FetchKind::kHandoff;
  NodeLife source;
  BlockRange range;
  std::vector<BlockLease> blocks;  // arriving
  std::optional<SlotHold> partial;
  Instant ends;  // kPrefix: it is too late from then on

  size_t targets() const { return blocks.size() + (partial ? 1 : 0); }
};

// Blocks on their way to another worker.
struct BlockSend {
  bool by_keys = false;
  std::vector<BlockLease> blocks;  // by keys: with those before them
  std::optional<SlotHold> partial;
};

// The blocks of a request that was yielded, for whoever goes on with it.
struct Loan {
  BlockTable table;
  Instant ends;  // unless a word comes before
  Instant
      firm_until;  // from then on it gives way to a request that nothing else keeps from running
};

// A prompt that is computed elsewhere and will come here.
struct FollowedPrompt {
  NodeLife source;
  BlockChain chain;
  Instant ends;                  // unless a word comes before
  uint32_t sealed_blocks = 0;    // at the source, as it said
  std::optional<FetchId> fetch;  // under way
  std::vector<BlockLease> held;  // the chain's first blocks, arrived or arriving
};

}  // namespace cairn
