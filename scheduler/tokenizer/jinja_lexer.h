// Template source to tokens, as Jinja2's lexer does it with trim_blocks and lstrip_blocks on: text
// between tags is one token with its white space already trimmed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cairn::jinja {

struct Place {
  uint32_t line = 1;
  uint32_t column = 1;  // in bytes
};

enum class TokenKind : uint8_t {
  kText,
  kTagBegin,    // {%
  kTagEnd,      // %}
  kPrintBegin,  // {{
  kPrintEnd,    // }}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  // text: the operator
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Place place;
  std::string text;  // of a string: what it means, not how it is spelled
  int64_t integer = 0;
  double real = 0;
};

// InvalidArgument with line and column: not UTF-8, an unclosed tag, a character that starts no
// token, unbalanced brackets, a number out of range. The last token is kEnd.
absl::StatusOr<std::vector<Token>> Tokenize(std::string_view source);

absl::Status ErrorAt(Place place, std::string_view what);

}  // namespace cairn::jinja
