// Byte-pair encoding's one loop: again and again the best pair of neighbours becomes one token,
// until no pair is left. Exact for any order of merges, in time n log n for short runs and linear
// in n for long ones, which are settled window by window.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kvstore/base/ids.h"
#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/vocabulary.h"

namespace cairn {

// Room to work in, kept between calls so that no word allocates.
struct MergeScratch {
  struct Node {
    TokenId token = -1;
    uint32_t next = 0;      // the symbol where the next node starts
    uint32_t previous = 0;  // kNone for the first
    Merge merge;            // with the next node
  };
  std::vector<Node> nodes;
  std::vector<uint64_t> heap;  // rank << 32 | node; the smallest on top
  std::string candidate;
};

class PairMerge {
 public:
  PairMerge(const Vocabulary& vocabulary, const MergeTable& table)
      : vocabulary_(vocabulary), table_(table) {}

  // Appends to `out` what `symbols` become.
  void Run(std::span<const TokenId> symbols, MergeScratch& scratch,
           std::vector<TokenId>& out) const;

 private:
  void RunShort(std::span<const TokenId> symbols, std::vector<TokenId>& out) const;
  size_t RunWindow(std::span<const TokenId> symbols, size_t window, MergeScratch& scratch,
                   std::vector<TokenId>& out) const;
  uint32_t BestCapture(TokenId token, std::span<const TokenId> behind, MergeScratch& scratch) const;

  const Vocabulary& vocabulary_;
  const MergeTable& table_;
};

}  // namespace cairn
