// Reading UTF-8 one character at a time, never trusting it.
#pragma once

#include <cstdint>
#include <string_view>

namespace cairn {

inline constexpr uint32_t kInvalidCodePoint = 0xffffffffu;

struct Utf8Char {
  uint32_t code = kInvalidCodePoint;
  uint32_t length = 1;  // bytes; an invalid byte is a character of its own
};

// The character at `at`. REQUIRES: at < end. Overlong forms, surrogates, code points above U+10FFFF
// and cut sequences are invalid (Unicode 15, table 3-7).
inline Utf8Char DecodeUtf8(const char* at, const char* end) {
  const auto byte = [at](int i) { return static_cast<uint32_t>(static_cast<uint8_t>(at[i])); };
  const uint32_t lead = byte(0);
  const auto follows = [&](int i) { return end - at > i && (byte(i) & 0xc0u) == 0x80u; };
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xc2 && lead < 0xe0) {
    if (follows(1)) return {(lead & 0x1fu) << 6 | (byte(1) & 0x3fu), 2};
  } else if (lead >= 0xe0 && lead < 0xf0) {
    if (follows(1) && follows(2)) {
      const uint32_t code = (lead & 0xfu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
      if (code >= 0x800 && (code < 0xd800 || code >= 0xe000)) return {code, 3};
    }
  } else if (lead >= 0xf0 && lead < 0xf5) {
    if (follows(1) && follows(2) && follows(3)) {
      const uint32_t code = (lead & 0x7u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 |
                            (byte(3) & 0x3fu);
      if (code >= 0x10000 && code < 0x110000) return {code, 4};
    }
  }
  return {kInvalidCodePoint, 1};
}

// The character that ends right before `end`: its code (or invalid) and length.
// REQUIRES: begin < end.
inline Utf8Char DecodeUtf8Before(const char* begin, const char* end) {
  for (int length = 1; length <= 4 && end - begin >= length; ++length) {
    const Utf8Char c = DecodeUtf8(end - length, end);
    if (c.code != kInvalidCodePoint && static_cast<int>(c.length) == length) return c;
  }
  return {};
}

}  // namespace cairn
