// Which blocks this node holds, and where: key -> one row -> at most one copy in each tier.
//
//   copy:  none -> arriving -> ready -> (leaving ->) none
//                      \-> lost: the bytes never came; kept until the last lease on it ends
//
// A row keeps its block's tokens and its parent's key and compares both on a hit, so that a
// collision of keys costs a miss and never a wrong answer (I6). A row without a place in the index
// is private: found by nobody, gone with its last lease.
//
// The table also keeps, for every tier, the order of eviction over the copies that may go: ready,
// no lease, no move reading them, and no child in the tier (I5) that is not leaving as well. All
// operations are O(1) hash look-ups plus O(log n) in the order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kvstore/base/ids.h"
#include "kvstore/block/block_key.h"
#include "kvstore/block/block_lease.h"
#include "kvstore/block/block_pool.h"
#include "kvstore/block/tier.h"
#include "kvstore/tier/copy_witness.h"
#include "kvstore/tier/eviction_order.h"

namespace cairn {

enum class CopyState : uint8_t { kNone, kArriving, kReady, kLost };

class CopyTable : public LeaseOffice {
 public:
  explicit CopyTable(uint32_t block_tokens);

  // The block with this key, if its tokens and parent are these too. A look-up, without effects.
  std::optional<HeldId> Find(const BlockKey& key, const std::optional<BlockKey>& parent,
                             std::span<const TokenId> tokens) const;
  // The same by its key alone, for those who compare tokens themselves.
  std::optional<HeldId> FindKey(const BlockKey& key) const;
  bool KeyTaken(const BlockKey& key) const { return index_.contains(key); }

  // A new row without copies; give it one before anything else. REQUIRES: !KeyTaken(key).
  HeldId Insert(const BlockKey& key, const std::optional<BlockKey>& parent,
                std::span<const TokenId> tokens);
  HeldId InsertPrivate(const BlockKey& key);

  CopyState state(HeldId block, Tier tier) const {
    return row(block).copies[TierNumber(tier)].state;
  }
  SlotIndex slot(HeldId block, Tier tier) const;     // REQUIRES: state is not kNone
  uint64_t checksum(HeldId block, Tier tier) const;  // REQUIRES: kReady
  const BlockKey& key(HeldId block) const { return row(block).key; }
  uint64_t last_use(HeldId block) const { return row(block).last_use; }
  bool indexed(HeldId block) const { return row(block).indexed; }
  uint32_t leases(HeldId block) const { return row(block).leases; }

  // A copy comes to be. REQUIRES: state kNone; `state` is kArriving or kReady.
  void Place(HeldId block, Tier tier, SlotHold hold, CopyState state);
  void MarkReady(HeldId block, Tier tier, uint64_t checksum);  // REQUIRES: kArriving
  // The copy goes and its slot is given back. REQUIRES: no lease on it, no move reading it. The row
  // goes with its last copy.
  void Drop(HeldId block, Tier tier);
  // The device copy that was to arrive never will. The row leaves the index; whoever has a lease
  // sees kLost. REQUIRES: kArriving in the device tier, in no other tier, leases(block) > 0.
  void Lose(HeldId block);

  // A move reads the copy: it stays where it is until the move is over.
  void StartReading(HeldId block, Tier tier);
  void StopReading(HeldId block, Tier tier);

  // The device copy will go as soon as no move reads it and its children in the tier are gone.
  // REQUIRES: it is in the order. A new lease takes the decision back.
  void MarkLeaving(HeldId block);

  void Touch(HeldId block);  // used now

  // LeaseOffice, for device copies. AddLease REQUIRES kArriving or kReady.
  void AddLease(HeldId block) override;
  void EndLease(HeldId block) override;

  // The copy of a tier to evict next.
  std::optional<HeldId> EvictFirst(Tier tier) const { return orders_[TierNumber(tier)].First(); }

  uint32_t idle_device_copies() const { return idle_; }  // without lease or move; will go if asked
  uint32_t leaving_device_copies() const { return leaving_; }  // told to go
  uint64_t changes() const { return changes_; }  // grows whenever a copy may have become free to go
  uint64_t device_drops() const { return device_drops_; }
  uint32_t rows() const { return static_cast<uint32_t>(rows_.size() - free_rows_.size()); }
  uint32_t copies(Tier tier) const { return copies_[TierNumber(tier)]; }

  // The witness outlives the table. REQUIRES: nothing is held yet.
  void SetWitness(CopyWitness& witness);
  // All copies that can be found, in no order that means anything but the same in every run.
  template <typename Visit>
  void VisitFound(Visit visit) const {
    for (const Row& at : rows_) {
      for (Tier tier : kTiers) {
        if (at.live && IsFound(at, tier)) visit(FoundCopy{at.key, at.depth, tier});
      }
    }
  }
  uint32_t found_blocks() const { return found_; }  // with a copy that can be found

  // CHECKs everything that must be true between operations. O(rows); for audits.
  void Audit() const;

 private:
  struct Copy {
    CopyState state = CopyState::kNone;
    bool ordered = false;  // is in the tier's eviction order
    uint32_t readers = 0;  // moves
    uint64_t checksum = 0;
    SlotHold hold;
  };
  struct Row {
    bool live = false;
    bool indexed = false;
    bool leaving = false;  // the device copy
    bool idle = false;     // the device copy counts in idle_
    uint32_t leases = 0;   // on the device copy
    uint32_t depth = 0;    // in its chain
    uint64_t last_use = 0;
    BlockKey key;
    std::optional<BlockKey> parent;
    std::array<Copy, kTierCount> copies;
  };
  // Copies whose parent has some key, whether or not the parent is here.
  struct Children {
    std::array<uint32_t, kTierCount> all{};
    uint32_t leaving = 0;  // of those in the device tier
  };

  Row& row(HeldId block);
  const Row& row(HeldId block) const;
  std::span<const TokenId> tokens(HeldId block) const;
  HeldId NewRow();
  Children ChildrenOf(const BlockKey& key) const;
  bool MayGo(const Row& row, Tier tier) const;
  void Refresh(HeldId block);
  void CountChild(const Row& child, Tier tier, int change);
  void CountLeavingChild(const Row& child, int change);
  void RefreshParent(const std::optional<BlockKey>& parent);
  void SetLeaving(HeldId block, bool leaving);
  void DropLeaving(HeldId block);
  void EraseCopy(HeldId block, Tier tier);
  static bool IsFound(const Row& row, Tier tier) {
    return row.indexed && row.copies[TierNumber(tier)].state == CopyState::kReady;
  }
  static uint32_t FoundCopies(const Row& row);
  void TellReady(const Row& row, Tier tier);
  void TellGone(const Row& row, Tier tier);

  uint32_t block_tokens_;
  std::vector<Row> rows_;
  std::vector<TokenId> tokens_;  // block_tokens_ of them for each row
  std::vector<HeldId> free_rows_;
  absl::flat_hash_map<BlockKey, HeldId> index_;
  absl::flat_hash_map<BlockKey, Children>
      children_;  // by the parent's key; looked up, never walked
  std::array<EvictionOrder, kTierCount> orders_;
  std::array<uint32_t, kTierCount> copies_{};
  uint32_t idle_ = 0;
  uint32_t leaving_ = 0;
  uint32_t found_ = 0;
  CopyWitness* witness_ = nullptr;
  uint64_t uses_ = 0;
  uint64_t changes_ = 0;
  uint64_t device_drops_ = 0;
  uint64_t losses_ = 0;  // copies that never arrived: what was behind them may be stranded
};

}  // namespace cairn
