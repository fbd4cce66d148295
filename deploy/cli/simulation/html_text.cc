#include "deploy/cli/simulation/html_text.h"

#include <cstddef>
#include <cstdint>

namespace cairn {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// How many bytes the character at the front of `text` has; 0 if it is not valid UTF-8.
size_t CharacterBytes(std::string_view text) {
  const auto at = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (at(0) < 0x80) return 1;
  const size_t length = at(0) >= 0xF0 ? 4 : at(0) >= 0xE0 ? 3 : 2;
  if (at(0) < 0xC2 || at(0) > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) return 0;
  }
  // Neither too long for what they say, nor a surrogate, nor beyond the last character.
  if (at(0) == 0xE0 && at(1) < 0xA0) return 0;
  if (at(0) == 0xED && at(1) > 0x9F) return 0;
  if (at(0) == 0xF0 && at(1) < 0x90) return 0;
  if (at(0) == 0xF4 && at(1) > 0x8F) return 0;
  return length;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    const char first = text.front();
    const bool control = static_cast<uint8_t>(first) < 0x20 && first != '\n' && first != '\t';
    if (length == 0 || control) {
      out += kReplacement;
    } else if (first == '&') {
      out += "&amp;";
    } else if (first == '<') {
      out += "&lt;";
    } else if (first == '>') {
      out += "&gt;";
    } else if (first == '"') {
      out += "&quot;";
    } else if (first == '\'') {
      out += "&#39;";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace cairn
