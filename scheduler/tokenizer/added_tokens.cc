#include "scheduler/tokenizer/added_tokens.h"

#include <algorithm>
#include <string>

namespace cairn {

AddedTokens::AddedTokens(const Vocabulary& vocabulary, const VocabularyData& data) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const TokenId token = static_cast<TokenId>(i);
    const std::string_view piece = vocabulary.PieceOf(token);
    if (vocabulary.IsAdded(token)) {
      Insert(piece, token, vocabulary.TypeOf(token) != TokenType::kUserDefined);
    } else if (!data.types.empty() && data.types[i] == TokenType::kUserDefined) {
      // A run of spaces, which merges find. Spelled with U+2581 it is an added token all the same
      // (Hugging Face's tokenizers look for its literal text first).
      std::string marks;
      for (size_t k = 0; k < piece.size(); ++k) marks += "\xe2\x96\x81";
      Insert(marks, token, /*control=*/false);
    }
  }
}

void AddedTokens::Insert(std::string_view text, TokenId token, bool control) {
  if (text.empty()) return;
  uint32_t node = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t byte = static_cast<uint8_t>(text[i]);
    if (i > 0)
      neighbours_[static_cast<size_t>(static_cast<uint8_t>(text[i - 1])) << 8 | byte] = true;
    uint32_t child = Child(node, byte);
    if (child == 0) {
      child = static_cast<uint32_t>(nodes_.size());
      Node fresh;
      fresh.byte = byte;
      if (node != 0) {
        fresh.next_sibling = nodes_[node].first_child;
        nodes_[node].first_child = child;
      } else {
        roots_[byte] = child;
      }
      nodes_.push_back(fresh);
    }
    node = child;
  }
  TokenId& place = control ? nodes_[node].control : nodes_[node].user_defined;
  if (place < 0) place = token;
  if (!control) {
    starts_user_defined_[static_cast<uint8_t>(text[0])] = true;
    has_user_defined_ = true;
  }
}

uint32_t AddedTokens::Child(uint32_t node, uint8_t byte) const {
  if (node == 0) return roots_[byte];
  uint32_t child = nodes_[node].first_child;
  while (child != 0 && nodes_[child].byte != byte) child = nodes_[child].next_sibling;
  return child;
}

AddedTokens::Match AddedTokens::FindNext(std::string_view text, size_t from, size_t control_begin,
                                         size_t control_end) const {
  size_t begin = has_user_defined_ ? from : std::max(from, control_begin);
  for (; begin < control_end; ++begin) {
    const uint8_t first = static_cast<uint8_t>(text[begin]);
    const bool in_control = begin >= control_begin;
    if (in_control ? roots_[first] == 0 : !starts_user_defined_[first]) continue;
    Match match;
    uint32_t node = roots_[first];
    for (size_t end = begin + 1; node != 0; ++end) {
      if (nodes_[node].user_defined >= 0) {
        match = {nodes_[node].user_defined, begin, end};
      } else if (in_control && nodes_[node].control >= 0 && end <= control_end) {
        match = {nodes_[node].control, begin, end};
      }
      if (end == text.size()) break;
      node = Child(node, static_cast<uint8_t>(text[end]));
    }
    if (match.token >= 0) return match;
  }
  return {-1, text.size(), text.size()};
}

TokenId AddedTokens::Exactly(std::string_view text) const {
  if (text.empty()) return -1;
  uint32_t node = 0;
  for (const char c : text) {
    node = Child(node, static_cast<uint8_t>(c));
    if (node == 0) return -1;
  }
  return nodes_[node].control >= 0 ? nodes_[node].control : nodes_[node].user_defined;
}

}  // namespace cairn
