// The tokens of a model: their bytes, their kinds, and which one a text is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/vocabulary_data.h"
#include "scheduler/tokenizer/hash_bytes.h"

namespace cairn {

enum class TokenizerModel : uint8_t { kBytePair, kSentencePiece };

// Immutable once made; moving keeps every string_view that it gave out valid.
class Vocabulary {
 public:
  static constexpr size_t kTokensMax = size_t{1} << 22;
  static constexpr size_t kTokenBytesMax = 4096;

  // InvalidArgument, with the token's number, for a vocabulary that contradicts itself.
  static absl::StatusOr<Vocabulary> Create(TokenizerModel model, const VocabularyData& data);

  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  size_t size() const { return types_.size(); }
  // The bytes a token stands for; of control tokens, their text. REQUIRES: 0 <= token < size().
  std::string_view PieceOf(TokenId token) const {
    const size_t i = static_cast<size_t>(token);
    return std::string_view(bytes_.data() + starts_[i], starts_[i + 1] - starts_[i]);
  }
  TokenType TypeOf(TokenId token) const { return types_[static_cast<size_t>(token)]; }
  // Not produced by merges but found whole in the text, always or on request.
  bool IsAdded(TokenId token) const {
    const TokenType type = TypeOf(token);
    return type == TokenType::kControl || type == TokenType::kUserDefined ||
           type == TokenType::kUnknown;
  }

  // The token that merges make of these bytes.
  std::optional<TokenId> MergeableOf(std::string_view bytes) const {
    const uint32_t tag = Tag(bytes);
    for (size_t i = tag & slot_mask_;; i = (i + 1) & slot_mask_) {
      const Slot& slot = slots_[i];
      if (slot.token < 0) return std::nullopt;
      if (slot.tag == tag && PieceOf(slot.token) == bytes) return slot.token;
    }
  }
  // The byte's own token ("<0x0A>"), if there is one.
  std::optional<TokenId> ByteToken(uint8_t byte) const {
    return byte_tokens_[byte] < 0 ? std::nullopt : std::optional<TokenId>(byte_tokens_[byte]);
  }
  size_t mergeable_bytes_max() const { return mergeable_bytes_max_; }

  // Appends a token's text in the file, as bytes: undoes GPT-2's byte alphabet, or turns U+2581
  // into a space.
  static void AppendDecoded(TokenizerModel model, std::string_view text, std::string& out);

 private:
  Vocabulary() = default;

  std::vector<char> bytes_;
  std::vector<uint32_t> starts_;
  std::vector<TokenType> types_;
  std::vector<TokenId> byte_tokens_;
  // Open addressing over the ordinary tokens' bytes. Tags tell most strangers apart without a look
  // at their bytes.
  struct Slot {
    uint32_t tag = 0;
    TokenId token = -1;
  };
  static uint32_t Tag(std::string_view bytes) { return static_cast<uint32_t>(HashBytes(bytes)); }
  void IndexMergeable();
  std::vector<Slot> slots_;
  size_t slot_mask_ = 0;
  size_t mergeable_bytes_max_ = 0;
};

}  // namespace cairn
