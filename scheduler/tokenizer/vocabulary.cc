#include "scheduler/tokenizer/vocabulary.h"

#include <algorithm>
#include <array>
#include <bit>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/utf8.h"

namespace cairn {
namespace {

// GPT-2 writes bytes as characters: printable Latin-1 as itself, the other 68 from U+0100 on
// (openai/gpt-2, encoder.py, bytes_to_unicode).
constexpr uint32_t kAlphabetEnd = 0x144;

std::array<int16_t, kAlphabetEnd> MakeByteAlphabet() {
  std::array<int16_t, kAlphabetEnd> byte_of;
  byte_of.fill(-1);
  uint32_t next = 0x100;
  for (int16_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    byte_of[itself ? static_cast<uint32_t>(byte) : next++] = byte;
  }
  return byte_of;
}

void DecodeByteAlphabet(std::string_view text, std::string& out) {
  static const std::array<int16_t, kAlphabetEnd> byte_of = MakeByteAlphabet();
  const size_t before = out.size();
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Utf8Char c = DecodeUtf8(at, end);
    if (c.code >= kAlphabetEnd || byte_of[c.code] < 0) {
      // Not of the alphabet: such a token stands for its own text.
      out.resize(before);
      out.append(text);
      return;
    }
    out.push_back(static_cast<char>(byte_of[c.code]));
    at += c.length;
  }
}

void DecodeSpaces(std::string_view text, std::string& out) {
  static constexpr std::string_view kSpace = "\xe2\x96\x81";
  for (size_t at = 0; at < text.size();) {
    const size_t found = text.find(kSpace, at);
    if (found == std::string_view::npos) {
      out.append(text.substr(at));
      return;
    }
    out.append(text.substr(at, found - at));
    out.push_back(' ');
    at = found + kSpace.size();
  }
}

bool IsSpaceRun(std::string_view text) {
  return !text.empty() && text.find_first_not_of(' ') == std::string_view::npos;
}

// "<0xE2>" is byte 0xe2.
std::optional<uint8_t> ParseByteToken(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(3, 2)) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value |= static_cast<uint32_t>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<uint32_t>(c - 'A' + 10);
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<uint32_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<uint8_t>(value);
}

absl::Status CheckSizes(const VocabularyData& data) {
  if (data.tokens.empty()) return absl::InvalidArgumentError("the vocabulary has no tokens");
  if (data.tokens.size() > Vocabulary::kTokensMax) {
    return absl::InvalidArgumentError(absl::StrCat("the vocabulary has ", data.tokens.size(),
                                                   " tokens; at most ", Vocabulary::kTokensMax,
                                                   " are supported"));
  }
  if (!data.types.empty() && data.types.size() != data.tokens.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the vocabulary has ", data.tokens.size(),
                                                   " tokens but ", data.types.size(),
                                                   " token types"));
  }
  for (size_t i = 0; i < data.tokens.size(); ++i) {
    if (data.tokens[i].size() > Vocabulary::kTokenBytesMax) {
      return absl::InvalidArgumentError(absl::StrCat("token ", i, " has ", data.tokens[i].size(),
                                                     " bytes; at most ", Vocabulary::kTokenBytesMax,
                                                     " are supported"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void Vocabulary::AppendDecoded(TokenizerModel model, std::string_view text, std::string& out) {
  if (model == TokenizerModel::kBytePair) {
    DecodeByteAlphabet(text, out);
  } else {
    DecodeSpaces(text, out);
  }
}

// The first of tokens with equal bytes is the one that merges make.
void Vocabulary::IndexMergeable() {
  slots_.resize(std::bit_ceil(size() * 2 + 2));
  slot_mask_ = slots_.size() - 1;
  for (size_t k = 0; k < size(); ++k) {
    const TokenId token = static_cast<TokenId>(k);
    if (IsAdded(token) || TypeOf(token) == TokenType::kByte) continue;
    const std::string_view piece = PieceOf(token);
    if (piece.empty() || MergeableOf(piece)) continue;
    const uint32_t tag = Tag(piece);
    size_t i = tag & slot_mask_;
    while (slots_[i].token >= 0) i = (i + 1) & slot_mask_;
    slots_[i] = {tag, token};
    mergeable_bytes_max_ = std::max(mergeable_bytes_max_, piece.size());
  }
}

absl::StatusOr<Vocabulary> Vocabulary::Create(TokenizerModel model, const VocabularyData& data) {
  if (absl::Status status = CheckSizes(data); !status.ok()) return status;
  const size_t n = data.tokens.size();
  Vocabulary vocabulary;
  vocabulary.types_ = data.types;
  vocabulary.types_.resize(n, TokenType::kNormal);
  vocabulary.byte_tokens_.assign(256, -1);
  vocabulary.starts_.reserve(n + 1);
  std::string bytes;
  for (size_t i = 0; i < n; ++i) {
    vocabulary.starts_.push_back(static_cast<uint32_t>(bytes.size()));
    const std::string& text = data.tokens[i];
    switch (vocabulary.types_[i]) {
      case TokenType::kNormal:
      case TokenType::kUnused:
        AppendDecoded(model, text, bytes);
        break;
      case TokenType::kUserDefined:
        if (model == TokenizerModel::kSentencePiece) {
          const size_t before = bytes.size();
          AppendDecoded(model, text, bytes);
          // Gemma's runs of spaces: spaces in the text may stand as U+2581 too, so these are found
          // by merging (which puts them before every other merge).
          if (IsSpaceRun(std::string_view(bytes).substr(before))) {
            vocabulary.types_[i] = TokenType::kNormal;
          }
          break;
        }
        [[fallthrough]];
      case TokenType::kUnknown:
      case TokenType::kControl:
        bytes.append(text);
        break;
      case TokenType::kByte: {
        const std::optional<uint8_t> byte = ParseByteToken(text);
        if (!byte) {
          return absl::InvalidArgumentError(
              absl::StrCat("token ", i, " is of the byte type but is not written <0xNN>"));
        }
        vocabulary.byte_tokens_[*byte] = static_cast<TokenId>(i);
        bytes.push_back(static_cast<char>(*byte));
        break;
      }
      default:
        return absl::InvalidArgumentError(absl::StrCat("token ", i, " has the unknown type ",
                                                       static_cast<int32_t>(vocabulary.types_[i])));
    }
  }
  vocabulary.starts_.push_back(static_cast<uint32_t>(bytes.size()));
  vocabulary.bytes_.assign(bytes.begin(), bytes.end());
  vocabulary.IndexMergeable();
  return vocabulary;
}

}  // namespace cairn
