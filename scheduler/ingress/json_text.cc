#include "scheduler/ingress/json_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace cairn {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`; 0 if there is none. Table 3-7 of
// the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4 || !tail(1)) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) {
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return tail(2) ? 3 : 0;
  }
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return tail(2) && tail(3) ? 4 : 0;
}

void AppendEscape(uint8_t byte, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
  }
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void AppendJsonEscaped(std::string_view text, std::string& out) {
  size_t plain = 0;  // start of what can be copied as it is
  size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    if (byte >= 0x80) {
      const size_t length = Utf8Length(text.substr(i));
      if (length > 0) {
        i += length;
        continue;
      }
    }
    out.append(text, plain, i - plain);
    if (byte >= 0x80) {
      out += "\xEF\xBF\xBD";
    } else {
      AppendEscape(byte, out);
    }
    plain = ++i;
  }
  out.append(text, plain, i - plain);
}

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  AppendJsonEscaped(text, out);
  out += '"';
}

std::string JsonString(std::string_view text) {
  std::string out;
  AppendJsonString(text, out);
  return out;
}

void AppendJsonBytes(std::string_view bytes, std::string& out) {
  out += '[';
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += ',';
    std::array<char, 4> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(),
                                   static_cast<unsigned>(static_cast<uint8_t>(bytes[i])));
    out.append(digits.begin(), end.ptr);
  }
  out += ']';
}

void AppendJsonFloat(float value, std::string& out) {
  // -9999 is OpenAI's own stand-in for a token that cannot be.
  if (std::isnan(value) || value < -9999.0f) value = -9999.0f;
  if (value > 9999.0f) value = 9999.0f;
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value);
  out.append(digits.begin(), end.ptr);
}

}  // namespace cairn
