// Which two neighbouring tokens merge into which third, and which merge goes first.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/vocabulary_data.h"
#include "scheduler/tokenizer/vocabulary.h"

namespace cairn {

struct Merge {
  static constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
  uint32_t rank = kNever;  // lower goes first; equal ranks from the left
  TokenId token = -1;
};

// An open-addressing table: the hottest look-up of the tokenizer.
class MergeTable {
 public:
  static constexpr size_t kMergesMax = size_t{1} << 24;

  // From a list of merges, best first. A merge that names an unknown token is an error.
  static absl::StatusOr<MergeTable> FromMerges(const Vocabulary& vocabulary, TokenizerModel model,
                                               const std::vector<std::string>& merges);
  // From scores, as SentencePiece merges: any two neighbours whose text together is a token merge,
  // the highest score first. User-defined runs of spaces go before all, the longest first.
  static absl::StatusOr<MergeTable> FromScores(const Vocabulary& vocabulary,
                                               const VocabularyData& data);

  Merge Find(TokenId left, TokenId right) const {
    const uint64_t key = Key(left, right);
    const size_t hash = HashOf(key);
    if (!filter_[hash >> filter_shift_]) return {};
    for (size_t i = hash >> shift_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  explicit MergeTable(size_t merges);
  static uint64_t Key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  static size_t HashOf(uint64_t key) { return (key ^ key >> 29) * 0x9e3779b97f4a7c15ull; }
  void Insert(TokenId left, TokenId right, Merge merge);  // the first of equal keys stays
  void Grow();
  void Resize(size_t slots);

  // Most pairs that are asked for never merge, and the slots of a large vocabulary are in no cache:
  // a few bits a slot, which are, say so first (of absent pairs, one in eight or fewer goes on).
  static constexpr int kFilterBits = 2;  // log2 of bits a slot
  std::vector<bool> filter_;
  int filter_shift_ = 0;
  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;
  int shift_ = 0;
};

}  // namespace cairn
