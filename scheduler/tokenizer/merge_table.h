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
    for (size_t i = Place(key);; i = (i + 1) & mask_) {
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
  size_t Place(uint64_t key) const {
    return static_cast<size_t>((key ^ key >> 29) * 0x9e3779b97f4a7c15ull >> shift_);
  }
  void Insert(TokenId left, TokenId right, Merge merge);  // the first of equal keys stays
  void Grow();

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;
  int shift_ = 0;
};

}  // namespace cairn
