// The tests: what may follow `is`.
#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_arguments.h"

namespace cairn::jinja {
namespace {

template <bool (*kHolds)(const Value&)>
Value Test(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {});
  return Value::Bool(kHolds(input));
}

bool IsIterable(const Value& value) {
  return value.Is(Kind::kUndefined) || value.Is(Kind::kString) || value.Is(Kind::kSequence) ||
         value.Is(Kind::kDict);
}

bool IsSequence(const Value& value) {
  if (value.Is(Kind::kSequence)) {
    return value.sequence().kind != SequenceKind::kIterator &&
           value.sequence().kind != SequenceKind::kView;
  }
  return value.Is(Kind::kString) || value.Is(Kind::kDict) || value.Is(Kind::kUndefined);
}

template <bool kUpper>
Value CaseTest(Renderer& renderer, const Value& input, const Arguments&) {
  const Text text = renderer.Str(input);
  bool has_letter = false;
  for (size_t at = 0; at < text.size(); at += CodePointBytes(text.bytes(), at)) {
    const char32_t c = CodePointAt(text.bytes(), at);
    if (kUpper ? IsLower(c) : IsUpper(c)) return Value::Bool(false);
    has_letter |= kUpper ? IsUpper(c) : IsLower(c);
  }
  return Value::Bool(has_letter);
}

Value ModuloTest(Renderer& renderer, const Value& input, const Value& divisor, int64_t rest) {
  return Value::Bool(renderer.SameValue(renderer.Binary("%", input, divisor), Value::Int(rest)));
}

Value EvenTest(Renderer& renderer, const Value& input, const Arguments&) {
  return ModuloTest(renderer, input, Value::Int(2), 0);
}

Value OddTest(Renderer& renderer, const Value& input, const Arguments&) {
  return ModuloTest(renderer, input, Value::Int(2), 1);
}

// The one argument of a test.
const Value& Operand(Renderer& renderer, const Arguments& arguments) {
  static const Value kNothing;
  if (arguments.positional.size() == 1 && arguments.named.empty()) return arguments.positional[0];
  renderer.Fail("this test takes one argument");
  return kNothing;
}

Value DivisibleTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return ModuloTest(renderer, input, Operand(renderer, arguments), 0);
}

Value EqualTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(renderer.SameValue(input, Operand(renderer, arguments)));
}

Value UnequalTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(!renderer.SameValue(input, Operand(renderer, arguments)));
}

Value LessTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(renderer.IsLess(input, Operand(renderer, arguments)));
}

Value GreaterTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(renderer.IsLess(Operand(renderer, arguments), input));
}

Value LessOrEqualTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(!renderer.IsLess(Operand(renderer, arguments), input));
}

Value GreaterOrEqualTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(!renderer.IsLess(input, Operand(renderer, arguments)));
}

Value InTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  return Value::Bool(renderer.Contains(Operand(renderer, arguments), input));
}

Value SameAsTest(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const Value& other = Operand(renderer, arguments);
  if (input.kind() != other.kind()) return Value::Bool(false);
  if (input.object() != nullptr && !input.Is(Kind::kString)) {
    return Value::Bool(input.object() == other.object());
  }
  return Value::Bool(renderer.SameValue(input, other));
}

Value FilterTest(Renderer&, const Value& input, const Arguments&) {
  return Value::Bool(input.Is(Kind::kString) && FindFilter(input.str()) != nullptr);
}

Value TestTest(Renderer&, const Value& input, const Arguments&) {
  return Value::Bool(input.Is(Kind::kString) && FindTest(input.str()) != nullptr);
}

struct Entry {
  std::string_view name;
  Builtin builtin;
};

constexpr std::array kTests = {
    Entry{"!=", UnequalTest},
    Entry{"<", LessTest},
    Entry{"<=", LessOrEqualTest},
    Entry{"==", EqualTest},
    Entry{">", GreaterTest},
    Entry{">=", GreaterOrEqualTest},
    Entry{"boolean", Test<[](const Value& v) { return v.Is(Kind::kBool); }>},
    Entry{"callable", Test<[](const Value& v) { return v.Is(Kind::kCallable); }>},
    Entry{"defined", Test<[](const Value& v) { return !v.Is(Kind::kUndefined); }>},
    Entry{"divisibleby", DivisibleTest},
    Entry{"eq", EqualTest},
    Entry{"equalto", EqualTest},
    Entry{"escaped",
          Test<[](const Value& v) { return v.Is(Kind::kString) && v.text().is_markup(); }>},
    Entry{"even", EvenTest},
    Entry{"false", Test<[](const Value& v) { return v.Is(Kind::kBool) && !v.AsBool(); }>},
    Entry{"filter", FilterTest},
    Entry{"float", Test<[](const Value& v) { return v.Is(Kind::kFloat); }>},
    Entry{"ge", GreaterOrEqualTest},
    Entry{"greaterthan", GreaterTest},
    Entry{"gt", GreaterTest},
    Entry{"in", InTest},
    Entry{"integer", Test<[](const Value& v) { return v.Is(Kind::kInt); }>},
    Entry{"iterable", Test<IsIterable>},
    Entry{"le", LessOrEqualTest},
    Entry{"lessthan", LessTest},
    Entry{"lower", CaseTest<false>},
    Entry{"lt", LessTest},
    Entry{"mapping", Test<[](const Value& v) { return v.Is(Kind::kDict); }>},
    Entry{"ne", UnequalTest},
    Entry{"none", Test<[](const Value& v) { return v.Is(Kind::kNone); }>},
    Entry{"number", Test<[](const Value& v) { return v.IsNumber(); }>},
    Entry{"odd", OddTest},
    Entry{"sameas", SameAsTest},
    Entry{"sequence", Test<IsSequence>},
    Entry{"string", Test<[](const Value& v) { return v.Is(Kind::kString); }>},
    Entry{"test", TestTest},
    Entry{"true", Test<[](const Value& v) { return v.Is(Kind::kBool) && v.AsBool(); }>},
    Entry{"undefined", Test<[](const Value& v) { return v.Is(Kind::kUndefined); }>},
    Entry{"upper", CaseTest<true>},
};

}  // namespace

Builtin FindTest(std::string_view name) {
  for (const Entry& entry : kTests) {
    if (entry.name == name) return entry.builtin;
  }
  return nullptr;
}

}  // namespace cairn::jinja
