#include "scheduler/tokenizer/jinja_text_methods.h"

#include <algorithm>

namespace cairn::jinja {

Text Upper(const Text& text) { return MapCodePoints(text, AppendUpper); }

Text Lower(const Text& text) { return MapCodePoints(text, AppendLower); }

Text Capitalize(const Text& text) {
  bool first = true;
  return MapCodePoints(text, [&](char32_t c, std::string& out) {
    first ? AppendUpper(c, out) : AppendLower(c, out);
    first = false;
  });
}

Text TitleMethod(const Text& text) {
  bool in_word = false;
  return MapCodePoints(text, [&](char32_t c, std::string& out) {
    in_word ? AppendLower(c, out) : AppendUpper(c, out);
    in_word = IsLetter(c);
  });
}

Text TitleFilter(const Text& text) {
  bool in_word = false;
  return MapCodePoints(text, [&](char32_t c, std::string& out) {
    const bool separates = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || IsSpace(c);
    in_word ? AppendLower(c, out) : AppendUpper(c, out);
    in_word = !separates;
  });
}

Text Strip(const Text& text, const std::string* characters, bool front, bool back) {
  const Margins margins = FindMargins(text.bytes(), characters);
  const size_t begin = front ? margins.front : 0;
  const size_t end = back ? text.size() - margins.back : text.size();
  return text.Part(begin, std::max(begin, end));
}

Text Replace(const Text& text, std::string_view old, const Text& replacement, int64_t count) {
  Text result;
  const std::string_view bytes = text.bytes();
  size_t at = 0;
  while (count != 0) {
    const size_t found = bytes.find(old, at);
    if (found == std::string_view::npos) break;
    result.AppendPart(text, at, found);
    result.Append(replacement);
    at = found + old.size();
    --count;
    if (!old.empty()) continue;
    if (at == text.size()) break;  // an empty text is found before every letter and at the end
    const size_t letter = CodePointBytes(bytes, at);
    result.AppendPart(text, at, at + letter);
    at += letter;
  }
  result.AppendPart(text, at, text.size());
  result.set_markup(text.is_markup());
  return result;
}

namespace {

std::vector<Text> SplitAtSpace(const Text& text, int64_t count) {
  std::vector<Text> parts;
  const std::string& bytes = text.bytes();
  size_t at = 0;
  while (true) {
    while (at < bytes.size() && IsSpace(CodePointAt(bytes, at))) at += CodePointBytes(bytes, at);
    if (at >= bytes.size()) return parts;
    if (count-- == 0) {
      parts.push_back(text.Part(at, bytes.size()));
      return parts;
    }
    const size_t begin = at;
    while (at < bytes.size() && !IsSpace(CodePointAt(bytes, at))) at += CodePointBytes(bytes, at);
    parts.push_back(text.Part(begin, at));
  }
}

// The borders of words are found from the front; the last `count` words are split off.
std::vector<Text> SplitAtSpaceFromBack(const Text& text, int64_t count) {
  std::vector<Text> all = SplitAtSpace(text, -1);
  if (count < 0 || static_cast<int64_t>(all.size()) <= count) return all;
  const auto kept = static_cast<size_t>(count);
  // Everything before the last words, spaces inside included.
  size_t end = text.size() - FindMargins(text.bytes(), nullptr).back;
  for (size_t i = 0; i < kept; ++i) {
    end -= all[all.size() - 1 - i].size();
    end -= FindMargins(std::string_view(text.bytes()).substr(0, end), nullptr).back;
  }
  std::vector<Text> parts;
  parts.push_back(text.Part(0, end));
  parts.insert(parts.end(), all.end() - static_cast<ptrdiff_t>(kept), all.end());
  return parts;
}

}  // namespace

std::vector<Text> Split(const Text& text, std::string_view separator, int64_t count,
                        bool from_back) {
  if (separator.empty()) {
    return from_back ? SplitAtSpaceFromBack(text, count) : SplitAtSpace(text, count);
  }
  const std::string_view bytes = text.bytes();
  std::vector<Text> parts;
  if (!from_back) {
    size_t at = 0;
    for (size_t found; count != 0 && (found = bytes.find(separator, at)) != bytes.npos; --count) {
      parts.push_back(text.Part(at, found));
      at = found + separator.size();
    }
    parts.push_back(text.Part(at, text.size()));
    return parts;
  }
  size_t end = text.size();
  while (count != 0 && end >= separator.size()) {
    const size_t found = bytes.substr(0, end).rfind(separator);
    if (found == bytes.npos) break;
    parts.push_back(text.Part(found + separator.size(), end));
    end = found;
    --count;
  }
  parts.push_back(text.Part(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> SplitLines(const Text& text, bool keep_ends) {
  std::vector<Text> lines;
  const std::string& bytes = text.bytes();
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const char32_t c = CodePointAt(bytes, at);
    size_t next = at + CodePointBytes(bytes, at);
    if (IsLineBreak(c)) {
      if (c == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
      lines.push_back(text.Part(begin, keep_ends ? next : at));
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.Part(begin, bytes.size()));
  return lines;
}

Text Escape(const Text& text) {
  if (text.is_markup()) return text;
  Text escaped = MapCodePoints(text, [](char32_t c, std::string& out) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        AppendUtf8(c, out);
    }
  });
  escaped.set_markup(true);
  return escaped;
}

Text Center(const Text& text, int64_t width) {
  const int64_t missing = width - static_cast<int64_t>(text.CodePoints());
  if (missing <= 0) return text;
  // Python puts the odd space to the left if the width is odd too.
  const int64_t left = missing / 2 + (missing & width & 1);
  Text centered(std::string(static_cast<size_t>(left), ' '), Origin::kTrusted);
  centered.Append(text);
  centered.Append(std::string(static_cast<size_t>(missing - left), ' '), Origin::kTrusted);
  centered.set_markup(text.is_markup());
  return centered;
}

Text Indent(const Text& text, const Text& indention, bool first, bool blank) {
  // As if a line end were added, so that a last one is not lost.
  Text extended = text;
  extended.Append("\n", Origin::kTrusted);
  const std::vector<Text> lines = SplitLines(extended, false);
  Text result;
  if (first) result.Append(indention);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      result.Append("\n", Origin::kTrusted);
      if (blank || !lines[i].empty()) result.Append(indention);
    }
    result.Append(lines[i]);
  }
  result.set_markup(text.is_markup());
  return result;
}

}  // namespace cairn::jinja
