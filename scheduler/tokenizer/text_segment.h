// A piece of a prompt, and whether it may speak in the model's control tokens.
#pragma once

#include <string>

namespace cairn {

// A rendered chat prompt is a list of segments: what the template wrote (special) and what the
// messages said (not special). Tokenizer::EncodeSegments reads control tokens such as <|im_start|>
// in special segments only, so a user's text that spells one stays text. Ordinary merges run across
// the seams, exactly as if the segments were one string.
struct TextSegment {
  std::string text;
  bool special = false;
  friend bool operator==(const TextSegment&, const TextSegment&) = default;
};

}  // namespace cairn
