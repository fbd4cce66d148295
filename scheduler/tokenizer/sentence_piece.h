// SentencePiece-style BPE (Llama 2, Gemma): no words; characters merge across the whole text,
// spaces are U+2581, and a character that is no token falls back to its bytes.
#pragma once

#include <array>
#include <bitset>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/byte_pair.h"
#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/pair_merge.h"
#include "scheduler/tokenizer/vocabulary.h"

namespace cairn {

// The text is cut where no token of the vocabulary could reach across (before most spaces), so that
// pieces are short and can be remembered. What cannot be cut is merged in windows (PairMerge).
class SentencePiece {
 public:
  SentencePiece(const Vocabulary& vocabulary, const MergeTable& table,
                std::optional<TokenId> unknown);

  // Appends the tokens of a text without added tokens. With `space_before`, as if it began with a
  // space (a text that is empty stays empty).
  void Encode(std::string_view text, bool space_before, EncodeScratch& scratch,
              std::vector<TokenId>& out) const;

  // Whether a token may contain the byte `before` at the end of one character and the byte `after`
  // at the start of the next.
  bool MayJoin(uint8_t before, uint8_t after) const {
    return joins_[static_cast<size_t>(before) << 8 | after];
  }

 private:
  void EncodePiece(std::string_view piece, bool space_before, EncodeScratch& scratch,
                   std::vector<TokenId>& out) const;
  void AppendUnknown(std::string_view character, std::vector<TokenId>& out) const;
  TokenId SymbolOf(uint32_t code, std::string_view character) const;
  void LearnJoins(const Vocabulary& vocabulary);

  const Vocabulary& vocabulary_;
  PairMerge merge_;
  std::optional<TokenId> unknown_;
  std::vector<TokenId> plane_symbol_;  // of the characters below U+10000
  std::bitset<65536> joins_;
};

}  // namespace cairn
