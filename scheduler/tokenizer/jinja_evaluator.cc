// The expression half of the renderer.
#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"
#include "scheduler/tokenizer/jinja_renderer.h"
#include "scheduler/tokenizer/jinja_scope.h"

namespace cairn::jinja {

namespace {

std::string Quote(std::string_view text) { return absl::StrCat("'", std::string(text), "'"); }

Origin JoinedOrigin(const Value& a, const Value& b) {
  return a.origin() == Origin::kTrusted && b.origin() == Origin::kTrusted ? Origin::kTrusted
                                                                          : Origin::kData;
}

}  // namespace

Value Renderer::Evaluate(const Node& node) {
  Descent descent(*this, node.place);
  if (!ok()) return Value();
  return EvaluateNode(node);
}

Value Renderer::EvaluateNode(const Node& node) {
  switch (node.kind) {
    case NodeKind::kConstant:
      return node.constant;
    case NodeKind::kName:
      return EvaluateName(node);
    case NodeKind::kList:
    case NodeKind::kTuple: {
      std::vector<Value> items;
      for (const NodePtr& child : node.children) items.push_back(Evaluate(*child));
      return NewSequence(node.kind == NodeKind::kList ? SequenceKind::kList : SequenceKind::kTuple,
                         std::move(items));
    }
    case NodeKind::kDict:
      return EvaluateDict(node);
    case NodeKind::kAttribute: {
      const Value object = Evaluate(*node.children[0]);
      place_ = node.place;
      return Attribute(object, node.name);
    }
    case NodeKind::kItem: {
      const Value object = Evaluate(*node.children[0]);
      const Value key = Evaluate(*node.children[1]);
      place_ = node.place;
      return Item(object, key);
    }
    case NodeKind::kSlice:
      return EvaluateSlice(node);
    case NodeKind::kCall:
      return EvaluateCall(node, nullptr);
    case NodeKind::kFilter:
      return EvaluateFilter(node, Evaluate(*node.children[0]));
    case NodeKind::kTest: {
      const Value input = Evaluate(*node.children[0]);
      const Arguments arguments = EvaluateArguments(node);
      place_ = node.place;
      return Value::Bool(ApplyTest(node.name, input, arguments));
    }
    case NodeKind::kNot:
      return Value::Bool(!IsTrue(Evaluate(*node.children[0])));
    case NodeKind::kNegative:
    case NodeKind::kPositive:
      return EvaluateSign(node);
    case NodeKind::kBinary: {
      const Value left = Evaluate(*node.children[0]);
      const Value right = Evaluate(*node.children[1]);
      place_ = node.place;
      return Binary(node.name, left, right);
    }
    case NodeKind::kAnd:
    case NodeKind::kOr: {
      Value left = Evaluate(*node.children[0]);
      return IsTrue(left) == (node.kind == NodeKind::kOr) ? left : Evaluate(*node.children[1]);
    }
    case NodeKind::kCompare:
      return EvaluateCompare(node);
    case NodeKind::kConcat:
      return EvaluateConcat(node);
    case NodeKind::kConditional:
      if (IsTrue(Evaluate(*node.children[0]))) return Evaluate(*node.children[1]);
      if (node.children[2] != nullptr) return Evaluate(*node.children[2]);
      return Value::Undefined("the inline if-expression evaluated to false and has no else");
    default:
      CAIRN_CHECK(false);  // statements have no value
  }
}

Value Renderer::EvaluateName(const Node& node) {
  if (const Value* value = scope_->Find(node.name)) return *value;
  if (const Builtin function = FindFunction(node.name)) {
    return Bind(Value(), node.name, function);
  }
  return Value::Undefined(absl::StrCat(Quote(node.name), " is undefined"));
}

Value Renderer::Bind(const Value& receiver, std::string_view name, Builtin builtin) {
  auto callable = std::make_shared<Callable>();
  callable->name = name;
  callable->builtin = builtin;
  callable->receiver = receiver;
  callable->depth = DepthOf(receiver) + 1;
  if (callable->depth > kValueDepthMax) return Fail("values nested too deep");
  return Value::Of(Kind::kCallable, std::move(callable));
}

Value Renderer::EvaluateDict(const Node& node) {
  Dict dict;
  for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
    Value key = Evaluate(*node.children[i]);
    if (key.Is(Kind::kDict) ||
        (key.Is(Kind::kSequence) && key.sequence().kind == SequenceKind::kList)) {
      return Fail(absl::StrCat("unhashable type: ", Quote(TypeName(key))));
    }
    dict.Set(std::move(key), Evaluate(*node.children[i + 1]));
  }
  return NewDict(std::move(dict.entries));
}

Value Renderer::EvaluateSign(const Node& node) {
  const Value value = Evaluate(*node.children[0]);
  place_ = node.place;
  const bool negative = node.kind == NodeKind::kNegative;
  if (value.Is(Kind::kFloat)) {
    return Value::Float(negative ? -value.AsFloat() : value.AsFloat(), value.origin());
  }
  if (value.IsInteger()) {
    return IntegerArithmetic(negative ? "-" : "+", 0, value.AsInt(), value.origin());
  }
  if (value.Is(Kind::kUndefined)) return Binary("-", value, value);
  return Fail(absl::StrCat("bad operand type for unary ", negative ? "-" : "+", ": ",
                           Quote(TypeName(value))));
}

Value Renderer::EvaluateConcat(const Node& node) {
  Text text;
  for (const NodePtr& child : node.children) {
    const Text part = Str(Evaluate(*child));
    if (text.size() + part.size() > limits_.string_bytes) return Fail("string too long");
    text.Append(part);
  }
  text.set_markup(false);
  return NewString(std::move(text));
}

Value Renderer::EvaluateCompare(const Node& node) {
  Value left = Evaluate(*node.children[0]);
  for (size_t i = 0; i < node.names.size(); ++i) {
    Value right = Evaluate(*node.children[i + 1]);
    place_ = node.place;
    if (!Compare(node.names[i], left, right)) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

bool Renderer::Compare(std::string_view op, const Value& left, const Value& right) {
  if (!ok()) return false;
  if (op == "==") return SameValue(left, right);
  if (op == "!=") return !SameValue(left, right);
  if (op == "in") return Contains(right, left);
  if (op == "not in") return !Contains(right, left);
  if (op == "<") return IsLess(left, right);
  if (op == ">") return IsLess(right, left);
  const bool has_nan = (left.Is(Kind::kFloat) && std::isnan(left.AsFloat())) ||
                       (right.Is(Kind::kFloat) && std::isnan(right.AsFloat()));
  if (has_nan) return false;
  return op == "<=" ? !IsLess(right, left) : !IsLess(left, right);
}

Value Renderer::EvaluateSlice(const Node& node) {
  const Value object = Evaluate(*node.children[0]);
  std::optional<int64_t> parts[3];
  for (size_t i = 0; i < 3; ++i) {
    if (node.children[i + 1] == nullptr) continue;
    const Value part = Evaluate(*node.children[i + 1]);
    if (part.Is(Kind::kNone)) continue;
    if (!part.IsInteger()) return Fail("slice indices must be integers or None");
    parts[i] = part.AsInt();
  }
  place_ = node.place;
  const bool is_string = object.Is(Kind::kString);
  if (object.Is(Kind::kUndefined) && object.object() != nullptr) return Fail(object.str());
  if (!is_string && (!object.Is(Kind::kSequence) || object.sequence().kind == SequenceKind::kView ||
                     object.sequence().kind == SequenceKind::kIterator)) {
    return Fail(absl::StrCat(Quote(TypeName(object)), " object is not subscriptable"));
  }
  const auto size =
      static_cast<int64_t>(is_string ? object.text().CodePoints() : object.sequence().items.size());
  const int64_t step = std::max(parts[2].value_or(1), -std::numeric_limits<int64_t>::max());
  if (step == 0) return Fail("slice step cannot be zero");
  // As PySlice_AdjustIndices: negative counts from the end, then clamped.
  const int64_t low = step > 0 ? 0 : -1;
  const int64_t high = step > 0 ? size : size - 1;
  const auto clamp = [&](int64_t at) {
    return std::clamp(at < 0 ? std::max(at, -size - 1) + size : at, low, high);
  };
  const int64_t begin = parts[0] ? clamp(*parts[0]) : step > 0 ? low : high;
  const int64_t end = parts[1] ? clamp(*parts[1]) : step > 0 ? high : low;
  if (is_string && step == 1) {
    const Text& text = object.text();
    if (begin >= end) return NewString(Text());
    return NewString(
        text.Part(text.ByteOf(static_cast<size_t>(begin)), text.ByteOf(static_cast<size_t>(end))));
  }
  const std::vector<Value> items = Iterate(object);
  std::vector<Value> chosen;
  for (int64_t at = begin; step > 0 ? at < end : at > end;) {
    chosen.push_back(items[static_cast<size_t>(at)]);
    if (step > 0 ? at > end - step : at < end - step) break;
    at += step;
  }
  if (!is_string) {
    const SequenceKind kind = object.sequence().kind;
    return NewSequence(kind == SequenceKind::kRange ? SequenceKind::kList : kind,
                       std::move(chosen));
  }
  Text joined;
  for (const Value& letter : chosen) joined.Append(letter.text());
  return NewString(std::move(joined));
}

Arguments Renderer::EvaluateArguments(const Node& node) {
  Arguments arguments;
  for (const NodePtr& argument : node.arguments)
    arguments.positional.push_back(Evaluate(*argument));
  for (const auto& [name, argument] : node.named_arguments) {
    arguments.named.emplace_back(name, Evaluate(*argument));
  }
  return arguments;
}

Value Renderer::EvaluateFilter(const Node& node, Value input) {
  const Arguments arguments = EvaluateArguments(node);
  place_ = node.place;
  return ApplyFilter(node.name, input, arguments);
}

// {% filter a|b %} and {% set x|a|b %}: the innermost filter takes what the block made.
Value Renderer::ApplyFilterChain(const Node& node, Value input) {
  if (node.children[0] != nullptr) input = ApplyFilterChain(*node.children[0], std::move(input));
  return EvaluateFilter(node, std::move(input));
}

Value Renderer::EvaluateCall(const Node& node, const Value* caller) {
  const Node& callee = *node.children[0];
  if (callee.kind == NodeKind::kAttribute) {
    const Value object = Evaluate(*callee.children[0]);
    place_ = callee.place;
    if (!ok()) return Value();
    if (const Builtin method = FindMethod(object, callee.name)) {
      const Arguments arguments = EvaluateArguments(node);
      place_ = callee.place;
      return ok() ? method(*this, object, arguments) : Value();
    }
    if (IsUnsupportedMethod(object, callee.name)) {
      return Fail(absl::StrCat("method ", Quote(callee.name), " of ", Quote(TypeName(object)),
                               " is not supported"));
    }
    const Value function = Attribute(object, callee.name);
    return Call(function, EvaluateArguments(node), caller);
  }
  const Value function = Evaluate(callee);
  Arguments arguments = EvaluateArguments(node);
  place_ = node.place;
  return Call(function, std::move(arguments), caller);
}

Value Renderer::Call(const Value& callee, Arguments arguments, const Value* caller) {
  if (!ok()) return Value();
  if (callee.Is(Kind::kUndefined)) {
    return Fail(callee.object() != nullptr ? callee.str() : "a value is undefined");
  }
  if (!callee.Is(Kind::kCallable)) {
    return Fail(absl::StrCat(Quote(TypeName(callee)), " object is not callable"));
  }
  const auto& callable = static_cast<const Callable&>(*callee.object());
  if (callable.macro != nullptr) return CallMacro(callable, arguments, caller);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  return callable.builtin(*this, callable.receiver, arguments);
}

Value Renderer::CallMacro(const Callable& macro, Arguments& arguments, const Value* caller) {
  Descent descent(*this, place_);
  if (!ok()) return Value();
  Text text;
  Text* const outer = output_;
  output_ = &text;
  {
    Entered scope(*this, macro.around);
    BindParameters(macro, arguments, caller);
    if (ok()) Execute(*macro.macro->children.back());
  }
  output_ = outer;
  return NewString(std::move(text));
}

void Renderer::BindParameters(const Callable& macro, Arguments& arguments, const Value* caller) {
  const Node& node = *macro.macro;
  const auto take = [&](std::string_view name) -> std::optional<Value> {
    for (auto at = arguments.named.begin(); at != arguments.named.end(); ++at) {
      if (at->first != name) continue;
      Value value = std::move(at->second);
      arguments.named.erase(at);
      return value;
    }
    return std::nullopt;
  };
  for (size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& parameter = node.parameters[i];
    if (i < arguments.positional.size()) {
      scope_->Set(parameter.name, arguments.positional[i]);
    } else if (std::optional<Value> given = take(parameter.name)) {
      scope_->Set(parameter.name, *std::move(given));
    } else if (parameter.fallback != nullptr) {
      scope_->Set(parameter.name, Evaluate(*parameter.fallback));
    } else {
      scope_->Set(parameter.name, Value::Undefined(absl::StrCat("parameter ", Quote(parameter.name),
                                                                " was not provided")));
    }
  }
  if (node.extras.uses_caller && caller != nullptr) {
    scope_->Set("caller", *caller);
  } else if (node.extras.uses_caller) {
    std::optional<Value> given = take("caller");
    if (given || node.kind == NodeKind::kMacro) {
      scope_->Set("caller", given ? *given : Value::Undefined("No caller defined"));
    }
  } else if (caller != nullptr) {
    Fail(absl::StrCat("macro ", Quote(macro.name), " takes no caller"));
  }
  if (node.extras.uses_kwargs) {
    Dict rest;
    for (auto& [name, value] : arguments.named) rest.Set(Literal(name), std::move(value));
    scope_->Set("kwargs", NewDict(std::move(rest.entries)));
  } else if (!arguments.named.empty()) {
    Fail(absl::StrCat("macro ", Quote(macro.name), " takes no keyword argument ",
                      Quote(arguments.named[0].first)));
  }
  const size_t taken = std::min(arguments.positional.size(), node.parameters.size());
  if (node.extras.uses_varargs) {
    scope_->Set("varargs", NewSequence(SequenceKind::kTuple, {arguments.positional.begin() +
                                                                  static_cast<ptrdiff_t>(taken),
                                                              arguments.positional.end()}));
  } else if (arguments.positional.size() > taken) {
    Fail(absl::StrCat("macro ", Quote(macro.name), " takes not more than ", node.parameters.size(),
                      " argument(s)"));
  }
}

Value Renderer::ApplyFilter(std::string_view name, const Value& input, const Arguments& arguments) {
  const Builtin filter = FindFilter(name);
  if (filter == nullptr) return Fail(absl::StrCat("unknown filter ", Quote(name)));
  return ok() ? filter(*this, input, arguments) : Value();
}

bool Renderer::ApplyTest(std::string_view name, const Value& input, const Arguments& arguments) {
  const Builtin test = FindTest(name);
  if (test == nullptr) {
    Fail(absl::StrCat("unknown test ", Quote(name)));
    return false;
  }
  return ok() && IsTrue(test(*this, input, arguments));
}

Value Renderer::Binary(std::string_view op, const Value& left, const Value& right) {
  if (!ok()) return Value();
  for (const Value* side : {&left, &right}) {
    if (side->Is(Kind::kUndefined)) {
      return Fail(side->object() != nullptr ? side->str() : "a value is undefined");
    }
  }
  if (left.IsNumber() && right.IsNumber()) return Arithmetic(op, left, right);
  if (op == "+" && left.Is(Kind::kString) && right.Is(Kind::kString)) {
    if (left.text().is_markup() != right.text().is_markup()) {
      const bool left_is_plain = right.text().is_markup();
      const Value escaped = ApplyFilter("escape", left_is_plain ? left : right, {});
      return left_is_plain ? Binary(op, escaped, right) : Binary(op, left, escaped);
    }
    if (left.text().size() + right.text().size() > limits_.string_bytes)
      return Fail("string too long");
    Text joined = left.text();
    joined.Append(right.text());
    return NewString(std::move(joined));
  }
  if (op == "+" && left.Is(Kind::kSequence) && right.Is(Kind::kSequence) &&
      left.sequence().kind == right.sequence().kind &&
      (left.sequence().kind == SequenceKind::kList ||
       left.sequence().kind == SequenceKind::kTuple)) {
    std::vector<Value> items = left.sequence().items;
    const std::vector<Value>& more = right.sequence().items;
    items.insert(items.end(), more.begin(), more.end());
    return NewSequence(left.sequence().kind, std::move(items));
  }
  if (op == "*" && left.IsInteger()) return Repeat(right, left.AsInt());
  if (op == "*" && right.IsInteger()) return Repeat(left, right.AsInt());
  if (op == "%" && left.Is(Kind::kString)) {
    const bool is_tuple =
        right.Is(Kind::kSequence) && right.sequence().kind == SequenceKind::kTuple;
    return ApplyFilter(
        "format", left,
        {.positional = is_tuple ? right.sequence().items : std::vector<Value>{right}, .named = {}});
  }
  return Fail(absl::StrCat("unsupported operand types for ", std::string(op), ": ",
                           Quote(TypeName(left)), " and ", Quote(TypeName(right))));
}

Value Renderer::Repeat(const Value& value, int64_t times) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  if (value.Is(Kind::kString)) {
    const Text& text = value.text();
    if (count > 0 && text.size() > limits_.string_bytes / count) return Fail("string too long");
    Text repeated;
    for (uint64_t i = 0; i < count && !text.empty(); ++i) repeated.Append(text);
    return NewString(std::move(repeated));
  }
  if (value.Is(Kind::kSequence) && (value.sequence().kind == SequenceKind::kList ||
                                    value.sequence().kind == SequenceKind::kTuple)) {
    const std::vector<Value>& items = value.sequence().items;
    if (count > 0 && items.size() > 1'000'000 / count) return Fail("list too long");
    std::vector<Value> repeated;
    for (uint64_t i = 0; i < count && !items.empty(); ++i) {
      repeated.insert(repeated.end(), items.begin(), items.end());
    }
    return NewSequence(value.sequence().kind, std::move(repeated));
  }
  return Fail(absl::StrCat("can't multiply ", Quote(TypeName(value)), " by an integer"));
}

Value Renderer::Arithmetic(std::string_view op, const Value& left, const Value& right) {
  const Origin origin = JoinedOrigin(left, right);
  if (left.IsInteger() && right.IsInteger() && op != "/") {
    return IntegerArithmetic(op, left.AsInt(), right.AsInt(), origin);
  }
  const double a = left.AsDouble();
  const double b = right.AsDouble();
  if (op == "+") return Value::Float(a + b, origin);
  if (op == "-") return Value::Float(a - b, origin);
  if (op == "*") return Value::Float(a * b, origin);
  if (op == "**") return Value::Float(std::pow(a, b), origin);
  if (b == 0) return Fail("division by zero");
  if (op == "/") return Value::Float(a / b, origin);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (op == "%") return Value::Float(rest == 0 ? std::copysign(0.0, b) : rest, origin);
  // Python's floor division: the quotient that goes with the rest.
  const double quotient = (a - rest) / b;
  const double floored = std::floor(quotient);
  return Value::Float(quotient - floored > 0.5 ? floored + 1 : floored, origin);
}

Value Renderer::IntegerArithmetic(std::string_view op, int64_t a, int64_t b, Origin origin) {
  int64_t result = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &result);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &result);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &result);
  } else if (op == "**") {
    if (b < 0) {
      if (a == 0) return Fail("0 cannot be raised to a negative power");
      return Value::Float(std::pow(static_cast<double>(a), static_cast<double>(b)), origin);
    }
    result = 1;
    const bool trivial = a == 0 || a == 1 || a == -1;
    for (int64_t i = 0; i < (trivial ? std::min<int64_t>(b, 2 + b % 2) : b) && !overflow; ++i) {
      overflow = __builtin_mul_overflow(result, a, &result);
    }
  } else {
    if (b == 0) return Fail("integer division or modulo by zero");
    if (b == -1) return op == "%" ? Value::Int(0, origin) : IntegerArithmetic("-", 0, a, origin);
    int64_t quotient = a / b;
    int64_t rest = a % b;
    if (rest != 0 && (rest < 0) != (b < 0)) {
      rest += b;
      --quotient;
    }
    result = op == "%" ? rest : quotient;
  }
  if (overflow) return Fail("an integer beyond 64 bits");
  return Value::Int(result, origin);
}

}  // namespace cairn::jinja
