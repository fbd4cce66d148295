#include "scheduler/tokenizer/token_stream.h"

#include <catch2/catch.hpp>

#include <string>

#include "kvstore/base/prng.h"
#include "tests/support/small_vocabulary.h"

namespace cairn {
namespace {

constexpr char kBroken[] = "\xef\xbf\xbd";

Tokenizer Bytes() { return *Tokenizer::Create(SmallBytePair("gpt-2", {})); }
TokenId Byte(int byte) { return 3 + byte; }

TEST_CASE("a character comes out when its last byte is there, not before") {
  const Tokenizer tokenizer = Bytes();
  TokenStream stream(tokenizer);
  CHECK(stream.Append(Byte('x')) == "x");
  CHECK(stream.Append(Byte(0xf0)).empty());
  CHECK(stream.Append(Byte(0x9f)).empty());
  CHECK(stream.Append(Byte(0x98)).empty());
  CHECK(stream.Append(Byte(0x80)) == "😀");
  CHECK(stream.Flush().empty());
}

TEST_CASE("a byte that can no longer become a character is replaced at once") {
  const Tokenizer tokenizer = Bytes();
  TokenStream stream(tokenizer);
  CHECK(stream.Append(Byte(0xff)) == kBroken);
  CHECK(stream.Append(Byte(0xe2)).empty());
  CHECK(stream.Append(Byte('a')) == std::string(kBroken) + "a");
  CHECK(stream.Append(Byte(0xe0)).empty());
  CHECK(stream.Append(Byte(0x80)) ==
        std::string(kBroken) + kBroken);  // overlong: never a character
  CHECK(stream.Append(Byte(0xc3)).empty());
  CHECK(stream.Flush() == kBroken);
  CHECK(stream.Append(Byte('b')) == "b");
}

TEST_CASE("control tokens are left out of the text unless shown, and do not break a character") {
  const Tokenizer tokenizer = Bytes();
  TokenStream quiet(tokenizer);
  CHECK(quiet.Append(Byte(0xc3)).empty());
  CHECK(quiet.Append(0).empty());
  CHECK(quiet.Append(Byte(0xa9)) == "é");
  CHECK(quiet.Append(2) == "<tool>");
  CHECK(quiet.Append(-1).empty());
  CHECK(quiet.Append(1 << 30).empty());
  TokenStream loud(tokenizer, {.show_control = true});
  CHECK(loud.Append(0) == "<|end|>");
}

TEST_CASE("a stream that begins a text takes off the space that the tokenizer put before it") {
  const Tokenizer tokenizer = *Tokenizer::Create(SmallSentencePiece({"\xe2\x96\x81", "a",
                                                                     "\xe2\x96\x81"
                                                                     "a"}));
  const TokenId word = *tokenizer.TokenOf(" a");
  TokenStream begins(tokenizer, {.text_start = true});
  CHECK(begins.Append(word) == "a");
  CHECK(begins.Append(word) == " a");
  TokenStream goes_on(tokenizer);
  CHECK(goes_on.Append(word) == " a");
}

TEST_CASE("any bytes in any pieces give valid UTF-8, the same as all at once") {
  Prng prng(23);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes;
    for (uint64_t n = prng.Below(12); n > 0; --n) {
      static const unsigned char kLikely[] = {0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0x9f,
                                              0xf0, 0x90, 0xf4, 0x8f, 0xff, 0xe2, 0x96, 0x81};
      bytes += static_cast<char>(kLikely[prng.Below(std::size(kLikely))]);
    }
    Utf8Stream whole, parts;
    std::string at_once = whole.Append(bytes);
    at_once += whole.Flush();
    std::string text;
    for (const char byte : bytes) text += parts.Append(std::string_view(&byte, 1));
    text += parts.Flush();
    CAPTURE(bytes);
    REQUIRE(text == at_once);
    Utf8Stream again;
    REQUIRE(again.Append(text) == text);  // valid: nothing to replace
    REQUIRE_FALSE(again.pending());
  }
}

}  // namespace
}  // namespace cairn
