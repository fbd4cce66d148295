// What a worker is for. Workers differ only in their prompt chunk, by which prompts may slow those
// who decode beside them; the role says what the scheduler gives them for that reason.
#pragma once

#include <cstdint>

namespace cairn {

enum class PhaseRole : uint8_t {
  kMixed,         // prefills and decodes what it is given
  kPrefillHeavy,  // large chunks: prompts first; what is prefilled here goes elsewhere to decode
  kDecodeHeavy,   // small chunks: decodes, and such prompts as can wait for small chunks
};

}  // namespace cairn
