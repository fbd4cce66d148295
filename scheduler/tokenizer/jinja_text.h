// A string of the template language that remembers where each of its bytes comes from.
//
//   "<|im_start|>" + message.role + "\n"      bytes   <|im_start|>user\n
//   trusted          data          trusted    runs    [12 trusted][4 data][1 trusted]
//
// Trusted bytes were written by the author of the template; all others are data. Cutting and
// joining keep the origin of every byte; what is computed anew is data. Bytes are always valid
// UTF-8, and indices in the names of Python's operations count code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/tokenizer/text_segment.h"

namespace cairn::jinja {

enum class Origin : uint8_t { kData, kTrusted };

class Text {
 public:
  Text() = default;
  Text(std::string_view bytes, Origin origin) { Append(bytes, origin); }

  const std::string& bytes() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // Python's Markup: what is joined to it with + is escaped for HTML first.
  bool is_markup() const { return is_markup_; }
  void set_markup(bool markup) { is_markup_ = markup; }

  void Append(std::string_view bytes, Origin origin);
  void Append(const Text& other) { AppendPart(other, 0, other.size()); }
  // Bytes [begin, end) of other. REQUIRES: begin <= end <= other.size().
  void AppendPart(const Text& other, size_t begin, size_t end);

  // Bytes [begin, end), which must be borders of code points.
  Text Part(size_t begin, size_t end) const;
  Origin OriginAt(size_t byte) const;

  size_t CodePoints() const;
  // The byte at which code point `index` starts; size() from the last one on.
  size_t ByteOf(size_t index) const;

  // Neighbours of one origin are joined, empty ones left out.
  std::vector<TextSegment> Segments() const;

 private:
  struct Run {
    size_t end;
    Origin origin;
  };
  size_t RunAt(size_t byte) const;

  std::string bytes_;
  std::vector<Run> runs_;  // ends ascend, origins alternate; the last end is bytes_.size()
  bool is_markup_ = false;
};

// The same text letter by letter, each replaced by what `map` makes of it, with its origin.
// map: (code point, std::string& out) -> void.
template <typename Map>
Text MapCodePoints(const Text& text, Map map);

// Bytes of the code point that starts at `at`. REQUIRES: valid UTF-8, at < bytes.size().
size_t CodePointBytes(std::string_view bytes, size_t at);
char32_t CodePointAt(std::string_view bytes, size_t at);
void AppendUtf8(char32_t code_point, std::string& out);
bool IsValidUtf8(std::string_view bytes);

// Python's str.isspace() for one code point; also what \s matches.
bool IsSpace(char32_t c);
// Python's str.splitlines() breaks after these; \r\n counts as one.
bool IsLineBreak(char32_t c);
// repr() shows these as they are.
bool IsPrintable(char32_t c);
bool IsDigit(char32_t c);
bool IsLetter(char32_t c);
bool IsUpper(char32_t c);
bool IsLower(char32_t c);
void AppendUpper(char32_t c, std::string& out);
void AppendLower(char32_t c, std::string& out);

// Bytes at the front and the back that consist of the given code points, or of white space.
struct Margins {
  size_t front = 0;
  size_t back = 0;
};
Margins FindMargins(std::string_view bytes, const std::string* characters);

template <typename Map>
Text MapCodePoints(const Text& text, Map map) {
  Text result;
  std::string piece;
  for (size_t at = 0; at < text.size();) {
    piece.clear();
    map(CodePointAt(text.bytes(), at), piece);
    result.Append(piece, text.OriginAt(at));
    at += CodePointBytes(text.bytes(), at);
  }
  result.set_markup(text.is_markup());
  return result;
}

}  // namespace cairn::jinja
