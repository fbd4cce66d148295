// Numbers and formats: int, float, round, and Python's two ways to format a string.
#pragma once

#include "scheduler/tokenizer/jinja_builtins.h"

namespace cairn::jinja {

// Filters.
Value IntFilter(Renderer& renderer, const Value& input, const Arguments& arguments);
Value FloatFilter(Renderer& renderer, const Value& input, const Arguments& arguments);
Value FormatFilter(Renderer& renderer, const Value& input, const Arguments& arguments);  // %

// str.format: {} {0} {name} with !s and !r; format specifications are refused.
Value FormatMethod(Renderer& renderer, const Value& input, const Arguments& arguments);

// Python's round(): correctly rounded in decimal, ties to even.
double RoundDecimal(double value, int64_t precision);

// strftime as in the C locale.
Value StrftimeNow(Renderer& renderer, const Value& input, const Arguments& arguments);

}  // namespace cairn::jinja
