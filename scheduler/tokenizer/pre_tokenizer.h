// Cuts text into the words that byte-level BPE merges within. Each family publishes its cut as a
// regular expression; here each is a hand-written scanner that looks at every byte a bounded number
// of times, and agrees with the expression on all text (tests compare the two).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "kvstore/base/vocabulary_data.h"
#include "scheduler/tokenizer/character_class.h"

namespace cairn {

enum class WordPattern : uint8_t {
  kGpt2,    // '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kSmolLm,  // every \p{N} alone, then GPT-2's pattern on what is between
  // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
  // |\s*[\r\n]+|\s+(?!\S)|\s+
  kLlama3,
  kQwen2,   // Llama 3's with \p{N} for \p{N}{1,3}
  kQwen35,  // Qwen 2's with [\p{L}\p{M}] for \p{L}
};

// What a GGUF file's tokenizer.ggml.pre stands for.
struct PreTokenizerFamily {
  std::string_view name;
  WordPattern pattern;
  bool ignore_merges = false;
  bool add_bos = false;
  TextNormalForm normal_form = TextNormalForm::kNone;
};

// Null if the name is not one we know.
const PreTokenizerFamily* FindPreTokenizerFamily(std::string_view name);

// The end of the word that begins at `at`; always past it. REQUIRES: at < end.
const char* WordEnd(WordPattern pattern, const CharacterClasses& classes, const char* at,
                    const char* end);

}  // namespace cairn
