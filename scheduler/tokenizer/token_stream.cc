#include "scheduler/tokenizer/token_stream.h"

#include <cstdint>

#include "scheduler/tokenizer/utf8.h"

namespace cairn {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

struct Prefix {
  size_t length = 0;        // bytes that could begin a character
  bool may_finish = false;  // and nothing but the end of the bytes stops them
};

// How far the bytes at `at` follow the grammar of one character that they do not finish.
Prefix BrokenPrefix(const char* at, const char* end) {
  const uint8_t lead = static_cast<uint8_t>(*at);
  uint8_t low = 0x80;
  uint8_t high = 0xbf;  // of the second byte
  size_t length = 0;    // of the whole character
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0) return {1, false};
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  size_t i = 1;
  for (; i < length && at + i < end; ++i) {
    const uint8_t byte = static_cast<uint8_t>(at[i]);
    if (byte < low || byte > high) return {i, false};
    low = 0x80;
    high = 0xbf;
  }
  return {i, true};
}

}  // namespace

std::string Utf8Stream::Append(std::string_view bytes) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_;
    joined += bytes;
    held_.clear();
    bytes = joined;
  }
  std::string out;
  out.reserve(bytes.size());
  const char* end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at < end;) {
    const Utf8Char c = DecodeUtf8(at, end);
    if (c.code != kInvalidCodePoint) {
      out.append(at, c.length);
      at += c.length;
      continue;
    }
    const Prefix prefix = BrokenPrefix(at, end);
    if (prefix.may_finish) {
      held_.assign(at, end);
      break;
    }
    out.append(kReplacement);
    at += prefix.length;
  }
  return out;
}

std::string Utf8Stream::Flush() {
  const bool cut = !held_.empty();
  held_.clear();
  return cut ? std::string(kReplacement) : std::string();
}

TokenStream::TokenStream(const Tokenizer& tokenizer, Options options)
    : tokenizer_(tokenizer),
      options_(options),
      strip_space_(options.text_start && tokenizer.space_prefix() != SpacePrefix::kNever) {}

std::string_view TokenStream::NextBytes(TokenId token) {
  if (!tokenizer_.Contains(token)) return {};
  std::string_view piece = tokenizer_.PieceOf(token);
  const bool control = tokenizer_.IsControl(token);
  if (control || tokenizer_.IsUserDefined(token)) {
    // The space that the tokenizer puts behind an added token goes again.
    if (tokenizer_.space_prefix() == SpacePrefix::kEveryFragment) strip_space_ = true;
    return control && !options_.show_control ? std::string_view() : piece;
  }
  if (strip_space_ && !piece.empty() && piece[0] == ' ') piece.remove_prefix(1);
  strip_space_ = false;
  return piece;
}

std::string TokenStream::Append(TokenId token) { return utf8_.Append(NextBytes(token)); }

}  // namespace cairn
