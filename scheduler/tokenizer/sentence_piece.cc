#include "scheduler/tokenizer/sentence_piece.h"

#include "scheduler/tokenizer/utf8.h"

namespace cairn {
namespace {

constexpr uint32_t kPlaneEnd = 0x10000;
constexpr uint32_t kSpaceMark = 0x2581;
// How a space may stand in the text: as itself or as U+2581 (e2 96 81).
constexpr uint8_t kSpaceFirst[] = {' ', 0xe2};
constexpr uint8_t kSpaceLast[] = {' ', 0x81};

}  // namespace

SentencePiece::SentencePiece(const Vocabulary& vocabulary, const MergeTable& table,
                             std::optional<TokenId> unknown)
    : vocabulary_(vocabulary), merge_(table), unknown_(unknown), plane_symbol_(kPlaneEnd, -1) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const TokenId token = static_cast<TokenId>(i);
    const std::string_view piece = vocabulary.PieceOf(token);
    if (piece.empty() || piece.size() > 3) continue;
    const Utf8Char c = DecodeUtf8(piece.data(), piece.data() + piece.size());
    if (c.length != piece.size() || c.code >= kPlaneEnd) continue;
    if (vocabulary.MergeableOf(piece) == token) plane_symbol_[c.code] = token;
  }
  plane_symbol_[kSpaceMark] = plane_symbol_[' '];
  LearnJoins(vocabulary);
}

void SentencePiece::LearnJoins(const Vocabulary& vocabulary) {
  const auto join = [&](uint8_t before, uint8_t after) {
    joins_[static_cast<size_t>(before) << 8 | after] = true;
  };
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const TokenId token = static_cast<TokenId>(i);
    if (vocabulary.IsAdded(token)) continue;
    const std::string_view piece = vocabulary.PieceOf(token);
    for (size_t k = 1; k < piece.size(); ++k) {
      const uint8_t before = static_cast<uint8_t>(piece[k - 1]);
      const uint8_t after = static_cast<uint8_t>(piece[k]);
      if ((after & 0xc0) == 0x80) continue;  // inside a character
      join(before, after);
      for (int form = 0; form < 2; ++form) {
        if (after == ' ') join(before, kSpaceFirst[form]);
        if (before == ' ') join(kSpaceLast[form], after);
        if (before == ' ' && after == ' ') join(kSpaceLast[form], kSpaceFirst[1 - form]);
        if (before == ' ' && after == ' ') join(kSpaceLast[form], kSpaceFirst[form]);
      }
    }
  }
}

TokenId SentencePiece::SymbolOf(uint32_t code, std::string_view character) const {
  if (code < kPlaneEnd) return plane_symbol_[code];
  if (code == kInvalidCodePoint) return -1;
  return vocabulary_.MergeableOf(character).value_or(-1);
}

void SentencePiece::Encode(std::string_view text, bool space_before, EncodeScratch& scratch,
                           std::vector<TokenId>& out) const {
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = begin + 1;
    while (end < text.size()) {
      const uint8_t next = static_cast<uint8_t>(text[end]);
      if ((next & 0xc0) != 0x80 && !MayJoin(static_cast<uint8_t>(text[end - 1]), next)) break;
      ++end;
    }
    const std::string_view piece = text.substr(begin, end - begin);
    begin = end;
    if (space_before || piece.size() > WordCache::kWordBytesMax) {
      EncodePiece(piece, space_before, scratch, out);
      space_before = false;
      continue;
    }
    WordCache::Entry& entry = scratch.cache.PlaceOf(piece);
    if (WordCache::Holds(entry, piece)) {
      out.insert(out.end(), entry.ids, entry.ids + entry.tokens);
      continue;
    }
    const size_t before = out.size();
    EncodePiece(piece, false, scratch, out);
    WordCache::Fill(entry, piece, std::span(out).subspan(before));
  }
}

void SentencePiece::EncodePiece(std::string_view piece, bool space_before, EncodeScratch& scratch,
                                std::vector<TokenId>& out) const {
  std::vector<TokenId>& symbols = scratch.symbols;
  symbols.clear();
  if (space_before) {
    const TokenId space = plane_symbol_[' '];
    if (space >= 0) symbols.push_back(space);
  }
  const char* end = piece.data() + piece.size();
  for (const char* at = piece.data(); at < end;) {
    const Utf8Char c = DecodeUtf8(at, end);
    const std::string_view character(at, c.length);
    at += c.length;
    const TokenId symbol = SymbolOf(c.code, character);
    if (symbol >= 0) {
      symbols.push_back(symbol);
      continue;
    }
    // No merge reaches across a character that is no token.
    merge_.Run(symbols, scratch.merge, out);
    symbols.clear();
    AppendUnknown(c.code == kSpaceMark ? " " : character, out);
  }
  merge_.Run(symbols, scratch.merge, out);
}

void SentencePiece::AppendUnknown(std::string_view character, std::vector<TokenId>& out) const {
  for (const char c : character) {
    if (!vocabulary_.ByteToken(static_cast<uint8_t>(c))) {
      if (unknown_) out.push_back(*unknown_);
      return;
    }
  }
  for (const char c : character) out.push_back(*vocabulary_.ByteToken(static_cast<uint8_t>(c)));
}

}  // namespace cairn
