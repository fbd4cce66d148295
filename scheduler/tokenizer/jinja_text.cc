#include "scheduler/tokenizer/jinja_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn::jinja {

void Text::Append(std::string_view bytes, Origin origin) {
  if (bytes.empty()) return;
  bytes_.append(bytes);
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), origin});
  }
}

size_t Text::RunAt(size_t byte) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), byte,
                                    [](size_t at, const Run& r) { return at < r.end; });
  return static_cast<size_t>(run - runs_.begin());
}

Origin Text::OriginAt(size_t byte) const {
  CAIRN_CHECK(byte < size());
  return runs_[RunAt(byte)].origin;
}

void Text::AppendPart(const Text& other, size_t begin, size_t end) {
  CAIRN_CHECK(begin <= end && end <= other.size());
  CAIRN_CHECK(this != &other);
  for (size_t run = other.RunAt(begin); begin < end; ++run) {
    const size_t stop = std::min(end, other.runs_[run].end);
    Append(std::string_view(other.bytes_).substr(begin, stop - begin), other.runs_[run].origin);
    begin = stop;
  }
}

Text Text::Part(size_t begin, size_t end) const {
  Text part;
  part.AppendPart(*this, begin, end);
  part.is_markup_ = is_markup_;
  return part;
}

size_t Text::CodePoints() const {
  return static_cast<size_t>(std::count_if(bytes_.begin(), bytes_.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

size_t Text::ByteOf(size_t index) const {
  size_t at = 0;
  for (; index > 0 && at < size(); --index) at += CodePointBytes(bytes_, at);
  return at;
}

std::vector<TextSegment> Text::Segments() const {
  std::vector<TextSegment> segments;
  size_t begin = 0;
  for (const Run& run : runs_) {
    segments.push_back({bytes_.substr(begin, run.end - begin), run.origin == Origin::kTrusted});
    begin = run.end;
  }
  return segments;
}

size_t CodePointBytes(std::string_view bytes, size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, bytes.size() - at);
}

char32_t CodePointAt(std::string_view bytes, size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  if (first < 0x80) return first;
  const size_t length = CodePointBytes(bytes, at);
  char32_t c = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i)
    c = c << 6 | (static_cast<unsigned char>(bytes[at + i]) & 0x3F);
  return c;
}

void AppendUtf8(char32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

bool IsValidUtf8(std::string_view bytes) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(bytes.data());
  auto left = static_cast<utf8proc_ssize_t>(bytes.size());
  while (left > 0) {
    utf8proc_int32_t c = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(at, left, &c);
    if (used <= 0) return false;
    at += used;
    left -= used;
  }
  return true;
}

namespace {

utf8proc_category_t CategoryOf(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

}  // namespace

bool IsSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool IsLineBreak(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool IsPrintable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (CategoryOf(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool IsDigit(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 0x80 && CategoryOf(c) == UTF8PROC_CATEGORY_ND);
}

bool IsLetter(char32_t c) {
  switch (CategoryOf(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool IsUpper(char32_t c) { return CategoryOf(c) == UTF8PROC_CATEGORY_LU; }
bool IsLower(char32_t c) { return CategoryOf(c) == UTF8PROC_CATEGORY_LL; }

void AppendUpper(char32_t c, std::string& out) {
  if (c == 0xDF) {  // the one letter in wide use whose capital is two letters
    out += "SS";
    return;
  }
  AppendUtf8(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))), out);
}

void AppendLower(char32_t c, std::string& out) {
  if (c == 0x130) {
    out += "i\xCC\x87";
    return;
  }
  AppendUtf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
}

Margins FindMargins(std::string_view bytes, const std::string* characters) {
  const auto belongs = [&](size_t at) {
    if (characters == nullptr) return IsSpace(CodePointAt(bytes, at));
    const std::string_view letter = bytes.substr(at, CodePointBytes(bytes, at));
    // Valid UTF-8 is found in valid UTF-8 only at borders of code points.
    return characters->find(letter) != std::string::npos;
  };
  Margins margins;
  while (margins.front < bytes.size() && belongs(margins.front)) {
    margins.front += CodePointBytes(bytes, margins.front);
  }
  size_t end = bytes.size();
  while (end > 0) {
    size_t at = end - 1;
    while (at > 0 && (static_cast<unsigned char>(bytes[at]) & 0xC0) == 0x80) --at;
    if (!belongs(at)) break;
    end = at;
  }
  margins.back = bytes.size() - end;
  return margins;
}

}  // namespace cairn::jinja
