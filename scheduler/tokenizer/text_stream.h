// Text to tokens as it comes: of any size, in little memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kvstore/base/ids.h"
#include "scheduler/tokenizer/tokenizer.h"

namespace cairn {

// Gives the tokens that Tokenizer::Encode gives for the whole text, whatever parts it comes in.
// Holds back what the rest of the text could still change: a few bytes of ordinary text, all of a
// text that can nowhere be cut (one endless word). Not thread-safe. The tokenizer must outlive it.
class TextStream {
 public:
  TextStream(const Tokenizer& tokenizer, EncodeOptions options);

  // The tokens that are certain by now, those given out before excepted.
  std::vector<TokenId> Append(std::string_view text);
  // The rest. Nothing may follow.
  std::vector<TokenId> Finish();

 private:
  static constexpr size_t kPartBytes = size_t{1} << 18;

  const Tokenizer& tokenizer_;
  EncodeOptions options_;
  TextPlace place_ = TextPlace::kStart;
  std::string held_;
  size_t cut_at_ = kPartBytes;  // look for a cut when this much is held
  std::vector<TokenId> begin_;  // given out with the first tokens
};

}  // namespace cairn
