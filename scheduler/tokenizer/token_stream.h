// Tokens to text as they come: whole characters only.
#pragma once

#include <string>
#include <string_view>

#include "kvstore/base/ids.h"
#include "scheduler/tokenizer/tokenizer.h"

namespace cairn {

// Bytes to valid UTF-8: holds back a character until its last byte is there. A byte that can no
// longer become part of a character turns into U+FFFD at once, one for each maximal broken sequence
// (Unicode 15, section 3.9, as Python and browsers do).
class Utf8Stream {
 public:
  // What has become certain with these bytes.
  std::string Append(std::string_view bytes);
  // What is left, with U+FFFD for a character that was never finished. The stream starts anew.
  std::string Flush();
  bool pending() const { return !held_.empty(); }

 private:
  std::string held_;  // the start of a character, at most 3 bytes
};

// The text of one choice of one request. Not thread-safe. The tokenizer must outlive it.
class TokenStream {
 public:
  struct Options {
    bool show_control = false;  // control tokens by their name, not left out
    // The tokens begin a text, so the space that a SentencePiece tokenizer put before it goes.
    // False where they continue one, as generated tokens do.
    bool text_start = false;
  };
  explicit TokenStream(const Tokenizer& tokenizer) : TokenStream(tokenizer, Options{}) {}
  TokenStream(const Tokenizer& tokenizer, Options options);

  // The whole characters that this token completes; often empty. A token that the vocabulary does
  // not have adds nothing.
  std::string Append(TokenId token);
  // The rest: U+FFFD if a character was cut, else nothing.
  std::string Flush() { return utf8_.Flush(); }

  // The raw bytes of the next token, before they are made whole characters. Append uses it.
  std::string_view NextBytes(TokenId token);

 private:
  const Tokenizer& tokenizer_;
  Options options_;
  bool strip_space_;
  Utf8Stream utf8_;
};

}  // namespace cairn
