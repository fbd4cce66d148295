#include "scheduler/tokenizer/text_stream.h"

#include <utility>

namespace cairn {

TextStream::TextStream(const Tokenizer& tokenizer, EncodeOptions options)
    : tokenizer_(tokenizer), options_(options) {
  if (options.add_bos && tokenizer.adds_bos()) begin_.push_back(*tokenizer.bos());
}

std::vector<TokenId> TextStream::Append(std::string_view text) {
  std::vector<TokenId> out = std::exchange(begin_, {});
  held_.append(text);
  if (held_.size() < cut_at_) return out;
  const size_t cut = tokenizer_.LastSafeCut(held_);
  if (cut > 0) {
    place_ = tokenizer_.EncodePart(std::string_view(held_).substr(0, cut), place_,
                                   options_.parse_special, out);
    held_.erase(0, cut);
  }
  // Twice what is left: looking for a cut stays linear in the text even if there never is one.
  cut_at_ = std::max(kPartBytes, held_.size() * 2);
  return out;
}

std::vector<TokenId> TextStream::Finish() {
  std::vector<TokenId> out = std::exchange(begin_, {});
  place_ = tokenizer_.EncodePart(held_, place_, options_.parse_special, out);
  held_.clear();
  if (options_.add_bos && tokenizer_.adds_eos()) out.push_back(*tokenizer_.eos());
  return out;
}

}  // namespace cairn
