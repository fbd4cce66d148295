// Byte-pair encoding's one loop: again and again the best pair of neighbours becomes one token,
// until no pair is left. Exact for any order of merges. Long runs are merged window by window, in
// time and memory linear in the run (n log n should a vocabulary defeat the windows).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kvstore/base/ids.h"
#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/rank_tree.h"

namespace cairn {

// Room to work in, kept between calls so that no word allocates.
struct MergeScratch {
  struct Node {
    TokenId token = -1;
    uint32_t next = 0;      // the symbol where the next node starts
    uint32_t previous = 0;  // kNone for the first
    TokenId merged = -1;    // what it and the next node become
  };
  std::vector<Node> nodes;
  RankTree ranks;  // of each node's merge with the next
};

class PairMerge {
 public:
  explicit PairMerge(const MergeTable& table) : table_(table) {}

  // Appends to `out` what `symbols` become.
  void Run(std::span<const TokenId> symbols, MergeScratch& scratch,
           std::vector<TokenId>& out) const;

 private:
  // What a stretch of symbols becomes, and behind which symbol each token ends.
  struct Stretch {
    std::vector<TokenId> tokens;
    std::vector<size_t> ends;
  };
  void RunShort(std::span<const TokenId> symbols, std::vector<TokenId>& out) const;
  void RunWhole(std::span<const TokenId> symbols, MergeScratch& scratch, Stretch& out) const;
  bool RunWindows(std::span<const TokenId> symbols, MergeScratch& scratch,
                  std::vector<TokenId>& out) const;
  bool StayApart(std::span<const TokenId> pair, std::span<const TokenId> symbols,
                 MergeScratch& scratch) const;
  const MergeTable& table_;
};

}  // namespace cairn
