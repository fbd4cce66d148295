// The tokens that are found whole in the text before any merge: control tokens (where the caller
// allows them) and user-defined ones (everywhere).
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/vocabulary.h"

namespace cairn {

// A trie. Of the tokens that begin at a place, the longest wins; of overlapping ones, the leftmost
// (as Hugging Face's tokenizers match added tokens). Looks at no more than the longest token's
// bytes from each place, so a text costs time linear in its length.
class AddedTokens {
 public:
  AddedTokens() = default;
  AddedTokens(const Vocabulary& vocabulary, const VocabularyData& data);

  struct Match {
    TokenId token = -1;
    size_t begin = 0;
    size_t end = 0;
  };
  // The first match that begins in [from, control_end), or one with token -1 that begins and ends
  // at the end of the text. Control tokens count only inside [control_begin, control_end).
  Match FindNext(std::string_view text, size_t from, size_t control_begin,
                 size_t control_end) const;

  bool has_user_defined() const { return has_user_defined_; }
  // The user-defined or control token with exactly this text, or -1.
  TokenId Exactly(std::string_view text) const;
  // Whether any added token has these two bytes side by side: if not, none straddles them.
  bool MayStraddle(uint8_t before, uint8_t after) const {
    return neighbours_[static_cast<size_t>(before) << 8 | after];
  }

 private:
  struct Node {
    uint32_t first_child = 0;  // 0: none (the root is nobody's child)
    uint32_t next_sibling = 0;
    TokenId user_defined = -1;
    TokenId control = -1;
    uint8_t byte = 0;
  };
  void Insert(std::string_view text, TokenId token, bool control);
  uint32_t Child(uint32_t node, uint8_t byte) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::array<uint32_t, 256> roots_{};
  std::bitset<256> starts_user_defined_;
  std::bitset<65536> neighbours_;
  bool has_user_defined_ = false;
};

}  // namespace cairn
