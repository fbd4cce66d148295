// The filters, tests, functions and methods that templates may use, by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/tokenizer/jinja_value.h"

namespace cairn::jinja {

class Renderer;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// Each takes its input, then its arguments; errors go to the renderer and stick there.
using Builtin = Value (*)(Renderer&, const Value& input, const Arguments&);

// Null: no such name.
Builtin FindFilter(std::string_view name);
Builtin FindTest(std::string_view name);
Builtin FindFunction(std::string_view name);  // the input is undefined
// A method of the value's type. Null: this type has none of that name.
Builtin FindMethod(const Value& receiver, std::string_view name);
// Whether any type has a method of that name.
bool IsMethodName(std::string_view name);
// A method of Python's str, dict or list that is not here: calling it is refused, and it is found
// before a key of the same name.
bool IsUnsupportedMethod(const Value& receiver, std::string_view name);

}  // namespace cairn::jinja
