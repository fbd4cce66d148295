// The text of one choice as its tokens come: whole characters, up to a stop string, without the
// token that ends a turn. Shared by all front doors. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kvstore/base/generation.h"
#include "scheduler/ingress/served_model.h"
#include "scheduler/ingress/stop_scanner.h"

namespace cairn {

// What all choices of a call have in common.
struct TextRules {
  std::shared_ptr<const StopStrings> stops;  // null: none
  std::vector<TokenId> stop_tokens;          // that end a choice: none when they are ignored
  uint32_t min_tokens = 0;                   // nothing ends before
  bool skip_special_tokens = true;
};

class ChoiceText {
 public:
  ChoiceText(std::shared_ptr<const TextRules> rules, const ModelText& text);

  // Appends what can be shown. True: a stop string has ended the choice; nothing more is to be fed.
  bool Feed(TokenId token, std::string& out);
  // The choice has ended without one: appends the rest. True: the rest had a stop string after all.
  bool Finish(std::string& out);
  uint32_t tokens() const { return tokens_; }

 private:
  std::shared_ptr<const TextRules> rules_;
  std::unique_ptr<TokenTextStream> stream_;
  StopScanner scanner_;
  uint32_t tokens_ = 0;
};

}  // namespace cairn
