#include "scheduler/tokenizer/character_class.h"

#include <utf8proc.h>

namespace cairn {
namespace {

// Planes 0 to 3. Above them only plane 14 has characters (tags and variation selectors).
constexpr uint32_t kTableEnd = 0x40000;

bool IsWhiteSpace(uint32_t code) {
  return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
         code == 0x202f || code == 0x205f || code == 0x3000;
}

// True unless the character stands unchanged under NFC whatever is before it.
bool MayCompose(uint32_t code, const utf8proc_property_t& property) {
  if (property.combining_class != 0) return true;
  // Second halves of compositions; Hangul vowels and final consonants compose by arithmetic.
  if (property.comb_index != UINT16_MAX && property.comb_index >= 0x8000) return true;
  if ((code >= 0x1161 && code <= 0x1175) || (code >= 0x11a8 && code <= 0x11c2)) return true;
  // A canonical decomposition that does not compose back (singletons, exclusions).
  if (property.decomp_seqindex == UINT16_MAX || property.decomp_type != 0) return false;
  utf8proc_int32_t parts[8];
  int boundary = 0;
  const utf8proc_ssize_t n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code), parts, 8,
                                                     UTF8PROC_DECOMPOSE, &boundary);
  if (n < 1 || n > 8) return true;
  const utf8proc_ssize_t composed = utf8proc_normalize_utf32(
      parts, n, static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  return composed != 1 || static_cast<uint32_t>(parts[0]) != code;
}

uint8_t Classify(uint32_t code) {
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(code));
  uint8_t result = kOtherClass;
  switch (property.category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      result = kLetterClass;
      break;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      result = kNumberClass;
      break;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      result = kMarkClass;
      break;
    default:
      if (IsWhiteSpace(code)) result = kSpaceClass;
  }
  if (MayCompose(code, property)) result |= kComposes;
  return result;
}

}  // namespace

CharacterClasses::CharacterClasses() : table_(kTableEnd) {
  for (uint32_t code = 0; code < kTableEnd; ++code) table_[code] = Classify(code);
}

uint8_t CharacterClasses::OfRare(uint32_t code) {
  return code >= 0xe0100 && code <= 0xe01ef ? kMarkClass : kOtherClass;
}

const CharacterClasses& CharacterClasses::Get() {
  static const CharacterClasses classes;
  return classes;
}

}  // namespace cairn
