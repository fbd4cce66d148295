// Vocabularies that tests make themselves: small enough to reason about by hand.
#pragma once

#include <string>
#include <vector>

#include "kvstore/base/vocabulary_data.h"

namespace cairn {

// How GPT-2 writes a byte (openai/gpt-2, encoder.py).
inline std::string ByteAlphabet(uint8_t byte) {
  const auto itself = [](int b) {
    return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  };
  int code = byte;
  if (!itself(byte)) {
    code = 0x100;
    for (int b = 0; b < byte; ++b) code += itself(b) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

// Token 0 <|end|> and 1 <|start|> are control, 2 <tool> is user-defined; then the 256 bytes (byte b
// is token 3 + b), then one token a merge. Merges are written as "left right" in GPT-2's alphabet.
inline VocabularyData SmallBytePair(const std::string& pre, std::vector<std::string> merges) {
  VocabularyData data;
  data.model = "gpt2";
  data.pre = pre;
  data.tokens = {"<|end|>", "<|start|>", "<tool>"};
  data.types = {TokenType::kControl, TokenType::kControl, TokenType::kUserDefined};
  for (int b = 0; b < 256; ++b) data.tokens.push_back(ByteAlphabet(static_cast<uint8_t>(b)));
  for (const std::string& merge : merges) {
    std::string token = merge;
    token.erase(token.find(' '), 1);
    data.tokens.push_back(token);
  }
  data.types.resize(data.tokens.size(), TokenType::kNormal);
  data.merges = std::move(merges);
  data.eos = 0;
  data.bos = 1;
  return data;
}

// Token 0 <unk>, 1 <s>, 2 </s>, then the 256 byte tokens (byte b is 3 + b), then `pieces`, each
// with a lower score than the one before it.
inline VocabularyData SmallSentencePiece(const std::vector<std::string>& pieces) {
  VocabularyData data;
  data.model = "llama";
  data.tokens = {"<unk>", "<s>", "</s>"};
  data.types = {TokenType::kUnknown, TokenType::kControl, TokenType::kControl};
  constexpr char kHex[] = "0123456789ABCDEF";
  for (int b = 0; b < 256; ++b) {
    data.tokens.push_back(std::string("<0x") + kHex[b >> 4] + kHex[b & 15] + ">");
    data.types.push_back(TokenType::kByte);
  }
  data.scores.resize(data.tokens.size(), 0.0f);
  for (const std::string& piece : pieces) {
    data.tokens.push_back(piece);
    data.types.push_back(TokenType::kNormal);
    data.scores.push_back(-static_cast<float>(data.tokens.size()));
  }
  data.unk = 0;
  data.bos = 1;
  data.eos = 2;
  return data;
}

}  // namespace cairn
