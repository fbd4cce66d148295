// Who holds which block, over the whole cluster, in memory that never grows: for a chain of keys,
// how much of its head each holder has.
//
// Memory. 16 bytes a cell and three cells of four in use at most: 21.3 bytes a block while it has
// one or two holders; an eighth of the memory is kept for the lists of blocks with more (2 bytes a
// holder and up to as much again of slack). At the limit a few blocks are looked at and the one
// that was of no use for longest is forgotten, among equals the deepest: a chain loses its tail
// before its head. A holder that does not fit into a list is forgotten too. How much is forgotten
// can be read.
//
// Search. A node holds a block only if it holds those before it (I5), so the longest match of one
// holder is found by galloping: O(log length) cells. The best holder of all is found in the same
// way. The matches of all holders come from halving the chain wherever the holders differ: each
// holder ends in one place, so the work is O(holders * log length), and little where holders are
// few or alike. Where a head was forgotten and its tail was not, a match may come out too short,
// never too long.
//
// A holder that leaves is ignored from that moment on; its words are cleared away bit by bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kvstore/block/block_key.h"
#include "kvstore/directory/cell_table.h"
#include "kvstore/directory/holder_set.h"
#include "kvstore/directory/publish_log.h"

namespace cairn {

struct PrefixIndexLimits {
  uint64_t bytes_max = uint64_t{64} << 20;  // 2.75 million blocks
};

// The head of a chain that one holder has, in blocks.
struct PrefixMatch {
  uint32_t blocks = 0;
  uint32_t device_blocks = 0;  // the first so many of them are in the device tier, or expected
  friend bool operator==(const PrefixMatch&, const PrefixMatch&) = default;
};

struct BestMatch {
  uint32_t blocks = 0;
  absl::InlinedVector<HolderId, 8> holders;  // ascending; who has that many
};

// The matches of all holders for one chain. Kept by the caller, so that a decision allocates
// nothing.
class PrefixMatches {
 public:
  PrefixMatch of(HolderId holder) const {
    return holder < matches_.size() ? matches_[holder] : PrefixMatch{};
  }
  uint32_t best_blocks() const { return best_blocks_; }

 private:
  friend class PrefixIndex;
  void Clear();
  PrefixMatch& Raise(HolderId holder);

  std::vector<PrefixMatch> matches_;  // by holder
  std::vector<HolderId> touched_;
  uint32_t best_blocks_ = 0;
};

class PrefixIndex {
 public:
  explicit PrefixIndex(const PrefixIndexLimits& limits = {});

  // A new life. kNoHolder: too many lives at once (kHoldersMax), until those that left are cleared.
  HolderId Join();
  // REQUIRES: `holder` is in. Takes no time; clearing happens with later changes and Sweep.
  void Leave(HolderId holder);

  // REQUIRES (all four): `holder` is in. Saying a thing twice changes nothing but its age.
  void Publish(HolderId holder, const HeldBlock& block);
  void Remove(HolderId holder, const BlockKey& key, Tier tier);
  // The block is not there by the holder's own word and counts as there, on the device, until the
  // expectation is given up.
  void Expect(HolderId holder, const BlockKey& key, uint32_t depth);
  void GiveUp(HolderId holder, const BlockKey& key);
  // The chain was of use: forget it later.
  void Touch(std::span<const BlockKey> chain);

  // Both: of copies in these tiers, and of expected ones if `tiers` says so.
  PrefixMatch Match(HolderId holder, std::span<const BlockKey> chain,
                    TierMask tiers = kAnyTier) const;
  BestMatch Best(std::span<const BlockKey> chain, TierMask tiers = kAnyTier) const;
  void MatchAll(std::span<const BlockKey> chain, PrefixMatches& matches) const;

  // Looks at so many cells for what left holders have left behind.
  void Sweep(uint64_t cells);

  uint64_t blocks() const { return cells_.size(); }
  uint64_t blocks_max() const { return blocks_max_; }
  uint64_t bytes_max() const;
  uint32_t leaving() const { return leaving_; }  // holders whose words are not all cleared
  // Of one holder: blocks known or expected, and blocks that were known once and forgotten for want
  // of room.
  uint64_t known(HolderId holder) const { return lives_[holder].blocks; }
  uint64_t forgotten(HolderId holder) const { return lives_[holder].forgotten; }

 private:
  enum class LifeState : uint8_t { kFree, kIn, kLeft };
  struct Life {
    LifeState state = LifeState::kFree;
    uint64_t blocks = 0;
    uint64_t forgotten = 0;
  };
  using Holders = absl::InlinedVector<HolderId, 16>;

  std::span<const HolderWord> WordsOf(const BlockCell& cell) const;
  TierMask TiersOf(HolderId holder, const BlockKey& key) const;
  Holders HoldersOf(const BlockKey& key, TierMask tiers) const;
  bool HeldByAny(const BlockKey& key, TierMask tiers) const;
  void Divide(std::span<const BlockKey> chain, TierMask tiers, uint32_t low, const Holders& at_low,
              uint32_t high, const Holders& at_high, PrefixMatches& matches) const;

  void Add(HolderId holder, const BlockKey& key, uint32_t depth, TierMask tiers);
  bool Take(HolderId holder, const BlockKey& key, TierMask tiers);
  void AddWord(BlockCell& cell, HolderWord word);
  void EraseWord(BlockCell& cell, size_t position);
  void Prune(BlockCell& cell);
  void EraseCell(uint64_t place);
  void ForgetOne();
  void Uncount(HolderId holder);
  void PassTime();
  bool IsIn(HolderId holder) const { return lives_[holder].state == LifeState::kIn; }

  CellTable cells_;
  HolderListPool lists_;
  uint64_t blocks_max_;
  std::vector<Life> lives_;
  std::vector<HolderId> free_lives_;
  uint32_t leaving_ = 0;
  uint64_t hand_ = 0;  // where clearing and forgetting look next
  uint64_t uses_ = 0;
  uint8_t age_ = 0;
};

}  // namespace cairn
