// A tokenizer as its file states it, before anybody has made sense of it: what a model reader fills
// in and Tokenizer::Create checks. Shared by worker/model (which reads files) and
// scheduler/tokenizer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kvstore/base/ids.h"

namespace cairn {

// What a token is, with GGUF's numbers (tokenizer.ggml.token_type).
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // matched in text only if the caller asks for special tokens
  kUserDefined = 4,  // always matched in text, before any merge
  kUnused = 5,
  kByte = 6,  // "<0xE2>": one byte that no other token covers
};

// Where a SentencePiece vocabulary puts the space that its words begin with.
enum class SpacePrefix { kNever, kTextStart, kEveryFragment };

enum class TextNormalForm { kNone, kNfc };

struct VocabularyData {
  std::string model;  // "gpt2": byte-level BPE. "llama": SentencePiece-style, U+2581 for spaces
  std::string pre;  // byte-level only: how text is cut into words, by GGUF's names ("smollm", ...)
  std::vector<std::string> tokens;  // as in the file: in GPT-2's byte alphabet, or with U+2581
  std::vector<float> scores;        // "llama" without merges: one a token, higher merges first
  std::vector<TokenType> types;     // one a token; empty: all normal
  std::vector<std::string> merges;  // "left right", best first

  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::optional<TokenId> eot;
  std::optional<TokenId> unk;
  std::optional<TokenId> pad;
  std::vector<TokenId> end_of_generation;  // beside eos, eot and the well-known names

  // What the file does not say is the family's custom.
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::optional<SpacePrefix> space_prefix;
  std::optional<bool> ignore_merges;  // a word that is a token is it, whatever the merges say
  std::optional<TextNormalForm> normal_form;
};

}  // namespace cairn
