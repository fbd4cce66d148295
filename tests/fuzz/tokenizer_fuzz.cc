// Tokenizers: any bytes encode and decode to the same bytes, in one part or in several; the text
// stream is always valid UTF-8; a tokenizer.json is read or refused. The first byte chooses.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/check.h"
#include "scheduler/tokenizer/text_stream.h"
#include "scheduler/tokenizer/token_stream.h"
#include "scheduler/tokenizer/tokenizer.h"
#include "tests/support/small_vocabulary.h"
#include "worker/model/vocabulary_source.h"

namespace cairn {
namespace {

const std::vector<std::string> kMerges = {"a b", "ab ab", "Ġ ab", "Ġ Ġ", "b c", "ab c",
                                          "1 2", "Ċ Ċ",   "ĊĊ Ċ", "Ã ©", "< |", "ĠĠ ĠĠ"};

const std::array<Tokenizer, 6>& Tokenizers() {
  VocabularyData gemma = SmallSentencePiece({"\xe2\x96\x81", "a", "b", "c", "ab",
                                             "\xe2\x96\x81"
                                             "ab",
                                             "abab", "bc", "é", "日", "日日"});
  gemma.space_prefix = SpacePrefix::kNever;
  for (const char* run : {"  ", "   ", "\n\n", "<b>"}) {
    gemma.tokens.push_back(run);
    gemma.types.push_back(TokenType::kUserDefined);
    gemma.scores.push_back(-1000);
  }
  static const std::array<Tokenizer, 6> tokenizers = {
      *Tokenizer::Create(SmallBytePair("smollm", kMerges)),
      *Tokenizer::Create(SmallBytePair("llama-bpe", kMerges)),
      *Tokenizer::Create(SmallBytePair("qwen2", kMerges)),
      *Tokenizer::Create(SmallBytePair("qwen35", kMerges)),
      *Tokenizer::Create(std::move(gemma)),
      *Tokenizer::Create(SmallSentencePiece({"\xe2\x96\x81", "a", "b", "ab",
                                             "\xe2\x96\x81"
                                             "a"}))};
  return tokenizers;
}

void CheckText(const Tokenizer& tokenizer, std::string_view text, bool special, bool exact) {
  const EncodeOptions options{.add_bos = true, .parse_special = special};
  const std::vector<TokenId> whole = tokenizer.Encode(text, options);
  const std::string decoded = tokenizer.Decode(whole, /*show_control=*/false);
  if (exact && !special) CAIRN_CHECK(decoded == text);
  const size_t cut = tokenizer.LastSafeCut(text);
  std::vector<TokenId> parts;
  if (tokenizer.adds_bos()) parts.push_back(*tokenizer.bos());
  const TextPlace place =
      tokenizer.EncodePart(text.substr(0, cut), TextPlace::kStart, special, parts);
  tokenizer.EncodePart(text.substr(cut), place, special, parts);
  CAIRN_CHECK(parts == whole);
  const TextSegment segments[] = {{std::string(text.substr(0, text.size() / 2)), special},
                                  {std::string(text.substr(text.size() / 2)), special}};
  CAIRN_CHECK(tokenizer.EncodeSegments(segments, true) == whole);
  TokenStream stream(tokenizer, {.text_start = true});
  std::string streamed;
  for (const TokenId token : whole) {
    const std::string piece = stream.Append(token);
    Utf8Stream again;
    CAIRN_CHECK(again.Append(piece) == piece && !again.pending());
    streamed += piece;
  }
  streamed += stream.Flush();
  Utf8Stream once;
  std::string expected = once.Append(decoded);
  expected += once.Flush();
  CAIRN_CHECK(streamed == expected);
}

void CheckJson(std::string_view json) {
  absl::StatusOr<VocabularyData> data = VocabularyOfJson({.tokenizer = json});
  if (!data.ok()) return;
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::Create(*std::move(data));
  if (tokenizer.ok()) CheckText(*tokenizer, "a text, 12  ab\n", false, /*exact=*/false);
}

}  // namespace
}  // namespace cairn

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 100'000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned choice = data[0] % 14;
  if (choice >= 12) {
    cairn::CheckJson(text);
    return 0;
  }
  // Qwen's texts change to NFC, SentencePiece's U+2581 to spaces: those need not come back exactly.
  const bool exact = choice / 2 < 2;
  cairn::CheckText(cairn::Tokenizers()[choice / 2], text, choice % 2 == 1, exact);
  return 0;
}
