#include "scheduler/tokenizer/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "scheduler/tokenizer/character_class.h"
#include "scheduler/tokenizer/utf8.h"

namespace cairn {
namespace {

utf8proc_propval_t CombiningClass(utf8proc_int32_t code) {
  return utf8proc_get_property(code)->combining_class;
}

void AppendUtf8(utf8proc_int32_t code, std::string& out) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t n = utf8proc_encode_char(code, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
}

// Composes one run: a settled character and the unsettled ones behind it. Nothing outside can
// change it, nor it anything outside. utf8proc_map would sort the marks in quadratic time.
void AppendComposed(std::string_view run, std::vector<utf8proc_int32_t>& codes, std::string& out) {
  codes.clear();
  const char* end = run.data() + run.size();
  for (const char* at = run.data(); at < end;) {
    const Utf8Char c = DecodeUtf8(at, end);
    utf8proc_int32_t parts[8];
    int boundary = 0;
    const utf8proc_ssize_t n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c.code), parts,
                                                       8, UTF8PROC_DECOMPOSE, &boundary);
    codes.insert(codes.end(), parts, parts + std::clamp<utf8proc_ssize_t>(n, 0, 8));
    at += c.length;
  }
  for (auto it = codes.begin(); it != codes.end();) {
    if (CombiningClass(*it) == 0) {
      ++it;
      continue;
    }
    const auto marks_end =
        std::find_if(it, codes.end(), [](auto code) { return CombiningClass(code) == 0; });
    std::stable_sort(it, marks_end,
                     [](auto a, auto b) { return CombiningClass(a) < CombiningClass(b); });
    it = marks_end;
  }
  const utf8proc_ssize_t n =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  for (utf8proc_ssize_t i = 0; i < n; ++i) AppendUtf8(codes[static_cast<size_t>(i)], out);
}

}  // namespace

size_t FirstUnsettledCharacter(std::string_view text) {
  const CharacterClasses& classes = CharacterClasses::Get();
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    if (static_cast<uint8_t>(*at) < 0xcc) {  // below U+0300 everything is settled
      ++at;
      continue;
    }
    const Utf8Char c = DecodeUtf8(at, end);
    if (classes.Of(c.code) & kComposes) return static_cast<size_t>(at - text.data());
    at += c.length;
  }
  return std::string_view::npos;
}

std::string ComposeNfc(std::string_view text) {
  const CharacterClasses& classes = CharacterClasses::Get();
  std::string out;
  out.reserve(text.size());
  std::vector<utf8proc_int32_t> codes;
  const char* end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Utf8Char first = DecodeUtf8(at, end);
    const char* run_end = at + first.length;
    while (first.code != kInvalidCodePoint && run_end < end) {
      if (static_cast<uint8_t>(*run_end) < 0xcc) break;
      const Utf8Char next = DecodeUtf8(run_end, end);
      if (!(classes.Of(next.code) & kComposes)) break;
      run_end += next.length;
    }
    const std::string_view run(at, static_cast<size_t>(run_end - at));
    const bool settled = run.size() == first.length && !(classes.Of(first.code) & kComposes);
    if (settled || first.code == kInvalidCodePoint) {
      out.append(run);
    } else {
      AppendComposed(run, codes, out);
    }
    at = run_end;
  }
  return out;
}

}  // namespace cairn
