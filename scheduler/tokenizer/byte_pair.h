// Byte-level BPE (GPT-2 and everything after it): words of bytes, merged within the word.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/merge_table.h"
#include "scheduler/tokenizer/pair_merge.h"
#include "scheduler/tokenizer/pre_tokenizer.h"
#include "scheduler/tokenizer/vocabulary.h"
#include "scheduler/tokenizer/word_cache.h"

namespace cairn {

// What one call of Encode works with.
struct EncodeScratch {
  explicit EncodeScratch(size_t text_bytes) : cache(text_bytes) {}
  WordCache cache;
  MergeScratch merge;
  std::vector<TokenId> symbols;
};

class BytePair {
 public:
  struct Options {
    WordPattern pattern = WordPattern::kGpt2;
    bool ignore_merges = false;
    bool compose = false;  // to NFC first
  };
  BytePair(const Vocabulary& vocabulary, const MergeTable& table, Options options);

  // Appends the tokens of a text without added tokens.
  void Encode(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const;

 private:
  void EncodeWords(std::string_view text, EncodeScratch& scratch, std::vector<TokenId>& out) const;
  void EncodeWord(std::string_view word, EncodeScratch& scratch, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary_;
  PairMerge merge_;
  Options options_;
  // A byte that is no token is dropped, as Hugging Face's tokenizers and llama.cpp do: the
  // vocabulary has no way to say it. (SmolLM2 lacks a few control characters, for example.)
  std::array<TokenId, 256> byte_symbol_;
};

}  // namespace cairn
