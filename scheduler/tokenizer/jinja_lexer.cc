#include "scheduler/tokenizer/jinja_lexer.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "scheduler/tokenizer/jinja_text.h"

namespace cairn::jinja {

absl::Status ErrorAt(Place place, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("chat template, line ", place.line, ", column ",
                                                 place.column, ": ", std::string(what)));
}

namespace {

// Two characters first: the longest match wins.
constexpr std::array<std::string_view, 25> kOperators = {
    "**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsAsciiDigit(c); }

// All line ends become \n; one at the very end goes, as with keep_trailing_newline off.
std::string NormalizeLines(std::string_view source) {
  std::string lines = absl::StrReplaceAll(absl::string_view(source.data(), source.size()),
                                          {{"\r\n", "\n"}, {"\r", "\n"}});
  if (!lines.empty() && lines.back() == '\n') lines.pop_back();
  return lines;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (status_.ok() && at_ < source_.size()) LexText();
    if (!status_.ok()) return status_;
    Emit(TokenKind::kEnd, at_);
    return std::move(tokens_);
  }

 private:
  void Fail(size_t at, std::string_view what) {
    if (status_.ok()) status_ = ErrorAt(PlaceOf(at), what);
    at_ = source_.size();
  }

  // Called with positions that never go back by much: counts on from the last one.
  Place PlaceOf(size_t at) {
    if (at < counted_) {
      counted_ = 0;
      line_ = 1;
      line_start_ = 0;
    }
    for (; counted_ < at; ++counted_) {
      if (source_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
      }
    }
    return {line_, static_cast<uint32_t>(at - line_start_ + 1)};
  }

  Token& Emit(TokenKind kind, size_t at) {
    tokens_.push_back({.kind = kind, .place = PlaceOf(at)});
    return tokens_.back();
  }

  bool Has(size_t at, std::string_view what) const {
    return std::string_view(source_).substr(std::min(at, source_.size()), what.size()) == what;
  }

  size_t SkipSpace(size_t at) const {
    while (at < source_.size() && IsSpace(CodePointAt(source_, at)))
      at += CodePointBytes(source_, at);
    return at;
  }

  // The place of the next {%, {{ or {#.
  size_t FindTag() const {
    for (size_t at = at_; (at = source_.find('{', at)) != std::string::npos; ++at) {
      if (at + 1 >= source_.size()) break;
      const char c = source_[at + 1];
      if (c == '%' || c == '{' || c == '#') return at;
    }
    return source_.size();
  }

  // White space control of the text before a tag. `sign`: what follows the tag's two characters.
  void EmitText(size_t begin, size_t end, char sign, bool is_print) {
    std::string_view text = std::string_view(source_).substr(begin, end - begin);
    if (sign == '-') {
      text.remove_suffix(FindMargins(text, nullptr).back);
    } else if (sign != '+' && !is_print) {
      const size_t line = text.rfind('\n') + 1;  // 0 if there is none
      const bool at_line_start = line > 0 || begin == 0 || source_[begin - 1] == '\n';
      if (at_line_start && FindMargins(text.substr(line), nullptr).front == text.size() - line) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) Emit(TokenKind::kText, begin).text = std::string(text);
  }

  void LexText() {
    const size_t begin = at_;
    const size_t tag = FindTag();
    if (tag == source_.size()) {
      EmitText(begin, tag, '+', false);
      at_ = tag;
      return;
    }
    size_t inside = tag + 2;
    char sign = 0;
    if (inside < source_.size() && (source_[inside] == '-' || source_[inside] == '+')) {
      sign = source_[inside++];
    }
    const char type = source_[tag + 1];
    EmitText(begin, tag, sign, type == '{');
    at_ = inside;
    if (type == '#') {
      LexComment(tag);
    } else if (type == '%' && SkipRawBegin(inside)) {
      LexRaw(tag);
    } else {
      Emit(type == '{' ? TokenKind::kPrintBegin : TokenKind::kTagBegin, tag);
      LexTag(tag, type == '{');
    }
  }

  // Past %} or #} at `at`, `sign` before it included; one line end after it goes with it.
  size_t PastEnd(size_t at, char sign) const {
    if (sign == '-') return SkipSpace(at);
    return sign != '+' && at < source_.size() && source_[at] == '\n' ? at + 1 : at;
  }

  void LexComment(size_t tag) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) return Fail(tag, "a comment without its end");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    at_ = PastEnd(end + 2, sign);
  }

  // {% raw %}: moves past it and says so. No line end goes with it.
  bool SkipRawBegin(size_t at) {
    at = SkipSpace(at);
    if (!Has(at, "raw")) return false;
    at = SkipSpace(at + 3);
    if (Has(at, "%}")) {
      at_ = at + 2;
      return true;
    }
    if (!Has(at, "-%}")) return false;
    at_ = SkipSpace(at + 3);
    return true;
  }

  void LexRaw(size_t tag) {
    const size_t begin = at_;
    for (size_t at = begin; (at = source_.find("{%", at)) != std::string::npos; ++at) {
      const char sign = at + 2 < source_.size() ? source_[at + 2] : '\0';
      size_t end = SkipSpace(at + (sign == '-' || sign == '+' ? 3 : 2));
      if (!Has(end, "endraw")) continue;
      end = SkipSpace(end + 6);
      const char end_sign = Has(end, "-%}") || Has(end, "+%}") ? source_[end] : '\0';
      if (end_sign != '\0') ++end;
      if (!Has(end, "%}")) continue;
      EmitText(begin, at, sign, false);
      at_ = PastEnd(end + 2, end_sign);
      return;
    }
    Fail(tag, "a raw block without its end");
  }

  // The tokens of one tag and its end.
  void LexTag(size_t tag, bool is_print) {
    std::string open;  // closing brackets that are due
    while (status_.ok()) {
      if (at_ >= source_.size()) return Fail(tag, "a tag without its end");
      if (open.empty() && LexTagEnd(is_print)) return;
      const size_t space_end = SkipSpace(at_);
      if (space_end > at_) {
        at_ = space_end;
      } else if (IsAsciiDigit(source_[at_])) {
        LexNumber();
      } else if (IsNameStart(source_[at_])) {
        const size_t begin = at_;
        while (at_ < source_.size() && IsNamePart(source_[at_])) ++at_;
        Emit(TokenKind::kName, begin).text = source_.substr(begin, at_ - begin);
      } else if (source_[at_] == '\'' || source_[at_] == '"') {
        LexString();
      } else {
        LexOperator(open);
      }
    }
  }

  bool LexTagEnd(bool is_print) {
    const std::string_view closing = is_print ? "}}" : "%}";
    const bool signed_end = source_[at_] == '-' || (source_[at_] == '+' && !is_print);
    if (!Has(at_ + (signed_end ? 1 : 0), closing)) return false;
    Emit(is_print ? TokenKind::kPrintEnd : TokenKind::kTagEnd, at_);
    const char sign = signed_end ? source_[at_] : '\0';
    const size_t end = at_ + (signed_end ? 3 : 2);
    at_ = is_print && sign != '-' ? end : PastEnd(end, sign);
    return true;
  }

  void LexOperator(std::string& open) {
    for (std::string_view op : kOperators) {
      if (!Has(at_, op)) continue;
      if (op == "(") open.push_back(')');
      if (op == "[") open.push_back(']');
      if (op == "{") open.push_back('}');
      if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0]) {
          return Fail(at_, absl::StrCat("unexpected '", std::string(op), "'"));
        }
        open.pop_back();
      }
      Emit(TokenKind::kOperator, at_).text = std::string(op);
      at_ += op.size();
      return;
    }
    Fail(at_, absl::StrCat("unexpected character '",
                           source_.substr(at_, CodePointBytes(source_, at_)), "'"));
  }

  // Digits with single underscores between them; where they end.
  size_t SkipDigits(size_t at) const {
    while (at < source_.size() &&
           (IsAsciiDigit(source_[at]) ||
            (source_[at] == '_' && at + 1 < source_.size() && IsAsciiDigit(source_[at + 1])))) {
      ++at;
    }
    return at;
  }

  void LexNumber() {
    const size_t begin = at_;
    size_t end = SkipDigits(begin);
    bool is_float = false;
    const bool after_dot = begin > 0 && source_[begin - 1] == '.';
    if (!after_dot && Has(end, ".") && end + 1 < source_.size() && IsAsciiDigit(source_[end + 1])) {
      is_float = true;
      end = SkipDigits(end + 1);
    }
    if (!after_dot && end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t digits = end + 1;
      if (digits < source_.size() && (source_[digits] == '+' || source_[digits] == '-')) ++digits;
      if (digits < source_.size() && IsAsciiDigit(source_[digits])) {
        is_float = true;
        end = SkipDigits(digits);
      }
    }
    std::string digits = absl::StrReplaceAll(source_.substr(begin, end - begin), {{"_", ""}});
    Token& token = Emit(is_float ? TokenKind::kFloat : TokenKind::kInteger, begin);
    at_ = end;
    if (is_float) {
      token.real = std::strtod(digits.c_str(), nullptr);
    } else if ((digits.size() > 1 && digits[0] == '0') ||
               !absl::SimpleAtoi(digits, &token.integer)) {
      Fail(begin, absl::StrCat("'", digits, "' is no number that can be used here"));
    }
  }

  void LexString() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    std::string meaning;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] != '\\') {
        meaning.push_back(source_[at_++]);
      } else if (!LexEscape(meaning)) {
        return Fail(begin, "a string with an escape that means nothing");
      }
    }
    if (at_ >= source_.size()) return Fail(begin, "a string without its end");
    ++at_;
    Emit(TokenKind::kString, begin).text = std::move(meaning);
  }

  // \xHH, \uHHHH, \UHHHHHHHH: `digits` hexadecimal digits at at_.
  bool LexHex(size_t digits, std::string& meaning) {
    uint32_t code = 0;
    if (at_ + digits > source_.size()) return false;
    const char* first = source_.data() + at_;
    const auto [end, error] = std::from_chars(first, first + digits, code, 16);
    if (error != std::errc() || end != first + digits) return false;
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    AppendUtf8(code, meaning);
    at_ += digits;
    return true;
  }

  // Python's unicode-escape.
  bool LexEscape(std::string& meaning) {
    if (++at_ >= source_.size()) return false;
    const char c = source_[at_++];
    constexpr std::string_view kNames = "abfnrtv\\'\"";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
    if (const size_t name = kNames.find(c); name != std::string_view::npos) {
      meaning.push_back(kMeanings[name]);
    } else if (c == 'x') {
      return LexHex(2, meaning);
    } else if (c == 'u') {
      return LexHex(4, meaning);
    } else if (c == 'U') {
      return LexHex(8, meaning);
    } else if (c >= '0' && c <= '7') {
      uint32_t code = static_cast<uint32_t>(c - '0');
      for (int i = 0; i < 2 && at_ < source_.size() && source_[at_] >= '0' && source_[at_] <= '7';
           ++i) {
        code = code * 8 + static_cast<uint32_t>(source_[at_++] - '0');
      }
      AppendUtf8(code, meaning);
    } else if (c == 'N') {
      return false;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      // A quirk of the detour through ASCII that Jinja2 takes: the letter's own escape is left
      // over.
      const char32_t code = CodePointAt(source_, --at_);
      at_ += CodePointBytes(source_, at_);
      const auto hex = static_cast<uint32_t>(code);
      absl::StrAppend(&meaning, "\\",
                      code < 0x100     ? "x"
                      : code < 0x10000 ? "u"
                                       : "U",
                      absl::Hex(hex, code < 0x100     ? absl::kZeroPad2
                                     : code < 0x10000 ? absl::kZeroPad4
                                                      : absl::kZeroPad8));
    } else if (c != '\n') {
      meaning.push_back('\\');
      meaning.push_back(c);
    }
    return true;
  }

  std::string source_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
  absl::Status status_;
  size_t counted_ = 0;  // line_ and line_start_ are those of this position
  uint32_t line_ = 1;
  size_t line_start_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source) {
  if (!IsValidUtf8(source)) return absl::InvalidArgumentError("chat template: not valid UTF-8");
  return Lexer(NormalizeLines(source)).Run();
}

}  // namespace cairn::jinja
