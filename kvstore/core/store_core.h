// The KV store of one node: which blocks it holds in which tier, who reads them, and which moves
// make room or bring blocks back. Used directly by the worker core on the same thread; moves go out
// as actions and come back as events.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "kvstore/block/block_chain.h"
#include "kvstore/block/block_lease.h"
#include "kvstore/block/block_life.h"
#include "kvstore/block/block_pool.h"
#include "kvstore/core/block_announcer.h"
#include "kvstore/core/store_action.h"
#include "kvstore/core/store_event.h"
#include "kvstore/tier/copy_table.h"
#include "kvstore/tier/move_planner.h"
#include "kvstore/tier/tier_budget.h"

namespace cairn {

struct StoreLimits {
  uint32_t block_tokens = 16;
  TierBudget device;
  TierBudget dram;  // 0 slots: what is evicted from the device is gone
  MoveBudget moves;
  // Device slots kept free by demoting ahead of need, so that a request seldom waits for a move.
  // Only where there is a tier below; without one, eviction is immediate.
  uint32_t device_headroom_slots = 0;
};

struct StoreCounts {
  uint64_t evicted_dram = 0;
  uint64_t demoted = 0;
  uint64_t promoted = 0;
  uint64_t checksum_failures = 0;
  uint64_t move_failures = 0;
  uint64_t fetched = 0;  // from other nodes
  uint64_t fetches_lost = 0;
  uint64_t duplicates_dropped = 0;  // sealed twice; the older copy was kept
  uint64_t key_collisions = 0;      // equal keys, different blocks
};

struct NotNow {};  // moves under way will make room: ask again after a MoveFinished
struct NoRoom {};  // everything is leased or filling: preempt somebody, or wait for a release

// The head of a chain, held for one sequence, with slots for the rest.
struct ChainClaim {
  std::vector<BlockLease> prefix;  // the chain's first blocks, in order
  uint32_t device_blocks = 0;      // of these: were on the device
  uint32_t dram_blocks = 0;        // are brought back: not readable before LeaseState is kReady
  // The last so many of `prefix` were held nowhere here: whoever claims brings them from another
  // node and then says FetchArrived or FetchLost of each, exactly once.
  uint32_t fetched_blocks = 0;
  Reservation fresh;
};

using ClaimAnswer = std::variant<ChainClaim, NotNow, NoRoom>;
using ReserveAnswer = std::variant<Reservation, NotNow, NoRoom>;

enum class LeaseState : uint8_t {
  kReady,     // read it
  kArriving,  // a move is under way
  kLost,      // the move failed or brought wrong bytes: release the lease and compute the block
};

class StoreCore {
 public:
  explicit StoreCore(const StoreLimits& limits);  // CHECKs block_tokens > 0 and device slots > 0

  // From now on what is held is written down, to be told to others. REQUIRES: nothing is held yet.
  void StartPublishing(NodeId node, Epoch epoch, const PublishLimits& limits = {}) {
    announcer_.emplace(copies_, node, epoch, limits);
  }
  BlockAnnouncer* announcer() { return announcer_ ? &*announcer_ : nullptr; }  // null: not started

  // How many of the chain's first blocks are held in any tier, at most `blocks_max`. Without
  // effects.
  uint32_t Match(const BlockChain& chain, uint32_t blocks_max) const;

  // Leases on the longest held prefix of at most `prefix_max` blocks, and slots for the others up
  // to `blocks` in all. All or nothing; may start moves and evict either way. Blocks behind the
  // held ones, up to `fetch_max` with these, are to be fetched.
  ClaimAnswer Claim(const BlockChain& chain, uint32_t prefix_max, uint32_t blocks,
                    uint32_t fetch_max = 0);

  // A block that was to be fetched is there, with the right bytes; or it will not come. REQUIRES:
  // `lease` is on a block that is arriving from another node.
  void FetchArrived(const BlockLease& lease, uint64_t checksum);
  void FetchLost(const BlockLease& lease);

  // Slots for `count` blocks, all or none.
  ReserveAnswer Reserve(uint32_t count);

  // A lease on one block of the chain if it can be read on the device now: another sequence may
  // have published it since the claim. `before` is the sequence's lease on the chain's previous
  // block (null for block 0).
  std::optional<BlockLease> LeaseReady(const BlockChain& chain, uint32_t block,
                                       const BlockLease* before);

  // A lease on the block of this key if it can be read on the device now: for another node, which
  // knows what the block must be and compares. REQUIRES: a lease on its parent, or it is a head.
  std::optional<BlockLease> LeaseToLend(const BlockKey& key);

  // Makes a sealed block known to all. `before` as above. The lease may be on another slot than the
  // sealed block's: if the block is held already, the older copy is kept and the newer slot is
  // given back. REQUIRES: sealed.key() == chain.key(block).
  BlockLease Publish(SealedBlock sealed, const BlockChain& chain, uint32_t block,
                     const BlockLease* before);

  LeaseState State(const BlockLease& lease) const;

  // Demotes ahead of need, up to the headroom. Call once a step.
  void KeepHeadroom();

  void Handle(const StoreEvent& event);
  std::vector<StoreAction> TakeActions();

  const StoreLimits& limits() const { return limits_; }
  const StoreCounts& counts() const { return counts_; }
  const BlockPool& pool(Tier tier) const { return tier == Tier::kDevice ? device_ : dram_; }
  const CopyTable& copies() const { return copies_; }
  uint64_t evicted_device() const {
    return copies_.device_drops();
  }                                         // with a copy below or without
  uint32_t device_slots_available() const;  // free, or evictable without waiting for a lease
  uint32_t moves_outstanding() const { return moves_.outstanding(); }
  // Grows whenever an answer other than the last NoRoom or NotNow may be possible.
  uint64_t changes() const { return copies_.changes() + device_.returns(); }
  // CHECKs the books: budgets, counts, order. O(blocks held); for audits.
  void Audit() const;

 private:
  struct PrefixBlock {
    HeldId block;
    bool on_device;
  };

  std::vector<PrefixBlock> HeldPrefix(const BlockChain& chain, uint32_t blocks_max) const;
  std::optional<BlockLease> LeaseIfReady(std::optional<HeldId> block);
  std::variant<Reservation, NotNow, NoRoom> MakeRoom(uint32_t slots);
  bool EvictOne();
  bool Demote(HeldId block);
  void FinishDemotion(const Move& move, const MoveFinished& event);
  void FinishPromotion(const Move& move, const MoveFinished& event);

  StoreLimits limits_;
  StoreCounts counts_;
  BlockPool device_;  // the pools outlive the table, whose rows hold their slots
  BlockPool dram_;
  std::optional<BlockAnnouncer> announcer_;  // outlives the table, which tells it
  CopyTable copies_;
  MovePlanner moves_;
};

}  // namespace cairn
