#include "scheduler/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>

namespace cairn {
namespace {

constexpr PreTokenizerFamily kFamilies[] = {
    {.name = "gpt-2", .pattern = WordPattern::kGpt2},
    {.name = "mpt", .pattern = WordPattern::kGpt2},
    {.name = "olmo", .pattern = WordPattern::kGpt2},
    {.name = "phi-2", .pattern = WordPattern::kGpt2},
    {.name = "command-r", .pattern = WordPattern::kSmolLm},
    {.name = "refact", .pattern = WordPattern::kSmolLm},
    {.name = "smollm", .pattern = WordPattern::kSmolLm},
    {.name = "starcoder", .pattern = WordPattern::kSmolLm},
    {.name = "falcon3", .pattern = WordPattern::kLlama3, .ignore_merges = true, .add_bos = true},
    {.name = "llama-bpe", .pattern = WordPattern::kLlama3, .ignore_merges = true, .add_bos = true},
    {.name = "llama-v3", .pattern = WordPattern::kLlama3, .ignore_merges = true, .add_bos = true},
    {.name = "llama3", .pattern = WordPattern::kLlama3, .ignore_merges = true, .add_bos = true},
    {.name = "smaug-bpe", .pattern = WordPattern::kLlama3},
    {.name = "deepseek-r1-qwen",
     .pattern = WordPattern::kQwen2,
     .normal_form = TextNormalForm::kNfc},
    {.name = "qwen2", .pattern = WordPattern::kQwen2, .normal_form = TextNormalForm::kNfc},
    {.name = "qwen35", .pattern = WordPattern::kQwen35, .normal_form = TextNormalForm::kNfc},
};

// What a pattern's parts mean, so that one scanner serves the Llama 3 line.
struct Llama3Line {
  uint8_t word_mask;  // what words are made of
  int digits_max;
};

class Scanner {
 public:
  Scanner(const CharacterClasses& classes, const char* end) : classes_(classes), end_(end) {}

  struct Char {
    uint8_t kind;
    uint32_t length;
    uint32_t code;
  };
  Char At(const char* at) const {
    const uint8_t byte = static_cast<uint8_t>(*at);
    if (byte < 0x80) return {classes_.Of(byte), 1, byte};
    const Utf8Char c = DecodeUtf8(at, end_);
    return {classes_.Of(c.code), c.length, c.code};
  }
  // The end of the run of characters that have (or, for `outside`, have not) a class of the mask.
  const char* RunOf(uint8_t mask, const char* at) const {
    while (at < end_) {
      const Char c = At(at);
      if (!(c.kind & mask)) break;
      at += c.length;
    }
    return at;
  }
  const char* RunOutside(uint8_t mask, const char* at) const {
    while (at < end_) {
      const Char c = At(at);
      if (c.kind & mask) break;
      at += c.length;
    }
    return at;
  }

  // 's 't 're 've 'm 'll 'd. Null: none here. REQUIRES: *at is an apostrophe.
  const char* Contraction(const char* at, bool any_case) const {
    const auto letter = [&](int i) -> char {
      if (end_ - at <= i) return 0;
      const char c = at[i];
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    switch (letter(1)) {
      case 's':
      case 't':
      case 'm':
      case 'd':
        return at + 2;
      case 'r':
      case 'v':
        return letter(2) == 'e' ? at + 3 : nullptr;
      case 'l':
        return letter(2) == 'l' ? at + 3 : nullptr;
      default:
        break;
    }
    // U+017F (long s) is an s to a matcher that ignores case.
    if (any_case && end_ - at >= 3 && at[1] == '\xc5' && at[2] == '\xbf') return at + 3;
    return nullptr;
  }

  // \s+(?!\S)|\s+ : the whole run if the text ends with it, else all but its last character.
  const char* SpaceWord(const char* at) const {
    const char* run_end = RunOf(kSpaceClass, at);
    if (run_end == end_) return run_end;
    return AllButLast(at, run_end);
  }
  const char* AllButLast(const char* at, const char* run_end) const {
    const char* last = run_end - DecodeUtf8Before(at, run_end).length;
    return last == at ? run_end : last;
  }

  const char* end() const { return end_; }

 private:
  const CharacterClasses& classes_;
  const char* end_;
};

constexpr uint8_t kNotOther = kLetterClass | kNumberClass | kSpaceClass;

const char* Gpt2WordEnd(const Scanner& scan, const char* at, bool lone_digits) {
  if (*at == '\'') {
    if (const char* end = scan.Contraction(at, /*any_case=*/false)) return end;
  }
  Scanner::Char c = scan.At(at);
  const char* body = at;
  if (*at == ' ' && at + 1 < scan.end()) {
    const Scanner::Char next = scan.At(at + 1);
    if (!(next.kind & kSpaceClass) && !(lone_digits && (next.kind & kNumberClass))) {
      c = next;
      body = at + 1;
    }
  }
  if (c.kind & kLetterClass) return scan.RunOf(kLetterClass, body + c.length);
  if (c.kind & kNumberClass) {
    return lone_digits ? at + c.length : scan.RunOf(kNumberClass, body + c.length);
  }
  if (!(c.kind & kSpaceClass)) return scan.RunOutside(kNotOther, body + c.length);
  const char* run_end = scan.RunOf(kSpaceClass, at + c.length);
  // A digit ends the piece that the pattern sees, and a run of spaces at its end stays whole.
  if (run_end == scan.end()) return run_end;
  if (lone_digits && (scan.At(run_end).kind & kNumberClass)) return run_end;
  return scan.AllButLast(at, run_end);
}

const char* DigitsEnd(const Scanner& scan, const char* at, int digits_max) {
  for (int digits = 0; digits < digits_max && at < scan.end(); ++digits) {
    const Scanner::Char c = scan.At(at);
    if (!(c.kind & kNumberClass)) break;
    at += c.length;
  }
  return at;
}

const char* NewlinesEnd(const Scanner& scan, const char* at) {
  while (at < scan.end() && (*at == '\r' || *at == '\n')) ++at;
  return at;
}

// \s*[\r\n]+|\s+(?!\S)|\s+ : up to the last newline of the run of spaces, if it has one.
const char* Llama3SpaceEnd(const Scanner& scan, const char* at) {
  const char* run_end = scan.RunOf(kSpaceClass, at);
  for (const char* p = run_end; p > at; --p) {
    if (p[-1] == '\n' || p[-1] == '\r') return p;
  }
  return run_end == scan.end() ? run_end : scan.AllButLast(at, run_end);
}

const char* Llama3WordEnd(const Scanner& scan, const char* at, Llama3Line line) {
  if (*at == '\'') {
    if (const char* end = scan.Contraction(at, /*any_case=*/true)) return end;
  }
  const Scanner::Char c = scan.At(at);
  const char* after = at + c.length;
  if (c.kind & line.word_mask) return scan.RunOf(line.word_mask, after);
  if (c.kind & kNumberClass) return DigitsEnd(scan, at, line.digits_max);
  const uint8_t not_other = static_cast<uint8_t>(line.word_mask | kNumberClass | kSpaceClass);
  if (after < scan.end()) {
    const Scanner::Char next = scan.At(after);
    if (c.code != '\r' && c.code != '\n' && (next.kind & line.word_mask)) {
      return scan.RunOf(line.word_mask, after + next.length);
    }
    if (*at == ' ' && !(next.kind & not_other)) {
      return NewlinesEnd(scan, scan.RunOutside(not_other, after + next.length));
    }
  }
  if (!(c.kind & kSpaceClass)) return NewlinesEnd(scan, scan.RunOutside(not_other, after));
  return Llama3SpaceEnd(scan, at);
}

}  // namespace

const PreTokenizerFamily* FindPreTokenizerFamily(std::string_view name) {
  const auto* it = std::find_if(std::begin(kFamilies), std::end(kFamilies),
                                [&](const PreTokenizerFamily& f) { return f.name == name; });
  return it == std::end(kFamilies) ? nullptr : it;
}

const char* WordEnd(WordPattern pattern, const CharacterClasses& classes, const char* at,
                    const char* end) {
  const Scanner scan(classes, end);
  switch (pattern) {
    case WordPattern::kGpt2:
      return Gpt2WordEnd(scan, at, /*lone_digits=*/false);
    case WordPattern::kSmolLm:
      return Gpt2WordEnd(scan, at, /*lone_digits=*/true);
    case WordPattern::kLlama3:
      return Llama3WordEnd(scan, at, {kLetterClass, 3});
    case WordPattern::kQwen2:
      return Llama3WordEnd(scan, at, {kLetterClass, 1});
    case WordPattern::kQwen35:
      return Llama3WordEnd(scan, at, {kLetterClass | kMarkClass, 1});
  }
  return end;
}

}  // namespace cairn
