// Where one sequence's KV is: block -> slot. The first blocks are sealed and leased, perhaps shared
// with others; the rest are being filled by this sequence alone.
//
//   | leased ........ | filling (partly full) | filling (empty) ... |
//     positions below `sealed_tokens`                  up to `capacity`
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "kvstore/block/block_chain.h"
#include "kvstore/block/block_lease.h"
#include "kvstore/block/block_life.h"
#include "kvstore/core/store_core.h"
#include "worker/core/step_plan.h"

namespace cairn {

// Copy-on-write that the sequence's next step begins with. The source stays readable, and its slot
// unused by others, as long as this lives.
struct PendingCopy {
  std::variant<SlotHold, BlockLease> source;
  SlotIndex to;

  BlockCopy copy() const;
};

class BlockTable {
 public:
  explicit BlockTable(uint32_t block_tokens) : block_tokens_(block_tokens) {}

  uint32_t blocks() const { return static_cast<uint32_t>(slots_.size()); }
  uint32_t capacity() const { return blocks() * block_tokens_; }  // in tokens
  uint32_t sealed_tokens() const { return static_cast<uint32_t>(sealed_.size()) * block_tokens_; }
  std::span<const SlotIndex> slots() const { return slots_; }

  const BlockLease* last_leased() const { return sealed_.empty() ? nullptr : &sealed_.back(); }

  void AddPrefix(std::vector<BlockLease> prefix);  // REQUIRES: empty
  void AddFresh(SlotHold slot, uint32_t filled = 0);

  // Whether all leased blocks can be read. kLost: release and compute them. Amortised O(1).
  LeaseState Arrivals(const StoreCore& store);

  // The first so many tokens of the first filling block were brought from elsewhere. REQUIRES: it
  // is empty.
  void FillPartial(uint32_t tokens);

  // Turns the last leased block into a filling one that begins as a copy of it, less its last
  // token. For a prompt that is held completely: its last token must be computed again. REQUIRES:
  // the last block is leased and the one behind it is filling and empty.
  PendingCopy CopyLastLeased();

  // Another sequence published the next block: read that one instead of filling our own.
  // REQUIRES: the first filling block is empty.
  void Adopt(BlockLease lease);

  // The KV of positions up to `computed` is there: fills, seals and publishes.
  void Advance(uint32_t computed, const BlockChain& chain, StoreCore& store);

  BlockLease ShareLease(uint32_t block) const { return sealed_[block].Share(); }
  // A table that shares the leased blocks.
  BlockTable ShareLeased() const;
  // A hold on the first filling block's slot, if that block is partly full.
  std::optional<SlotHold> SharePartial() const;
  // A hold on the slot that is filled next. REQUIRES: there is one.
  SlotHold ShareNext() const { return filling_.front().ShareSlot(); }
  void DropEmpty();  // the blocks behind what is filled

  uint32_t sealed_blocks() const { return static_cast<uint32_t>(sealed_.size()); }
  uint32_t partial_tokens() const { return filling_.empty() ? 0 : filling_.front().filled(); }

  void Release();  // gives everything back, tail first

 private:
  uint32_t block_tokens_;
  std::vector<BlockLease> sealed_;
  std::deque<FillingBlock> filling_;
  std::vector<SlotIndex> slots_;  // of sealed_, then of filling_
  size_t arrived_ = 0;            // the first so many of sealed_ are known to be ready
};

}  // namespace cairn
