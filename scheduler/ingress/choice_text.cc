#include "scheduler/ingress/choice_text.h"

#include <algorithm>
#include <utility>

namespace cairn {

ChoiceText::ChoiceText(std::shared_ptr<const TextRules> rules, const ModelText& text)
    : rules_(std::move(rules)),
      stream_(text.NewStream(rules_->skip_special_tokens)),
      scanner_(rules_->stops) {}

bool ChoiceText::Feed(TokenId token, std::string& out) {
  ++tokens_;
  const bool may_end = tokens_ > rules_->min_tokens;
  const std::vector<TokenId>& ends = rules_->stop_tokens;
  const bool shown = rules_->stops != nullptr && rules_->stops->include_in_output();
  // The token that ends a turn counts, but it is no text.
  if (may_end && !shown && std::find(ends.begin(), ends.end(), token) != ends.end()) return false;
  if (!scanner_.active()) {
    stream_->Feed(token, out);
    return false;
  }
  std::string piece;
  stream_->Feed(token, piece);
  return scanner_.Feed(piece, out, may_end);
}

bool ChoiceText::Finish(std::string& out) {
  std::string piece;
  stream_->Finish(piece);
  if (scanner_.Feed(piece, out)) return true;
  scanner_.Finish(out);
  return false;
}

}  // namespace cairn
