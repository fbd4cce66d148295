// What kind of character a code point is, as the regular expressions of pre-tokenizers ask.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scheduler/tokenizer/utf8.h"

namespace cairn {

enum CharacterClass : uint8_t {
  kOtherClass = 0,
  kLetterClass = 1,  // \p{L}
  kNumberClass = 2,  // \p{N}
  kSpaceClass = 4,   // \s: Unicode's White_Space
  kMarkClass = 8,    // \p{M}
  kComposes = 16,    // may change under NFC, alone or with what stands before it
};

// A table of all code points that are assigned, made once (Unicode data: utf8proc).
class CharacterClasses {
 public:
  static const CharacterClasses& Get();
  // Invalid code points and unassigned ones are of no class.
  uint8_t Of(uint32_t code) const { return code < table_.size() ? table_[code] : OfRare(code); }

 private:
  CharacterClasses();
  static uint8_t OfRare(uint32_t code);
  std::vector<uint8_t> table_;
};

}  // namespace cairn
