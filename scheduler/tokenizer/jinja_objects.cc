// What the renderer does with objects: making, printing, comparing, walking through and looking
// into them.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_renderer.h"

namespace cairn::jinja {

namespace {

std::string Quote(std::string_view text) { return absl::StrCat("'", std::string(text), "'"); }

std::string MissingMessage(const Value& value) {
  return value.object() != nullptr ? value.str() : "a value is undefined";
}

}  // namespace

Value Renderer::NewString(Text text) {
  made_bytes_ += text.size();
  Charge(1 + text.size() / 32);
  if (text.size() > limits_.string_bytes || made_bytes_ > limits_.made_bytes) {
    if (status_.ok())
      status_ = absl::ResourceExhaustedError("chat template: too much text on the way");
    return Value();
  }
  return ok() ? Value::String(std::move(text)) : Value();
}

Value Renderer::NewSequence(SequenceKind kind, std::vector<Value> items) {
  made_bytes_ += items.size() * sizeof(Value);
  Charge(1 + items.size());
  if (made_bytes_ > limits_.made_bytes && status_.ok()) {
    status_ = absl::ResourceExhaustedError("chat template: lists too long");
  }
  for (const Value& item : items) {
    if (DepthOf(item) >= kValueDepthMax) return Fail("values nested too deep");
  }
  return ok() ? MakeSequence(kind, std::move(items)) : Value();
}

Value Renderer::NewDict(std::vector<std::pair<Value, Value>> entries) {
  made_bytes_ += entries.size() * 2 * sizeof(Value);
  Charge(1 + entries.size());
  for (const auto& [key, value] : entries) {
    if (std::max(DepthOf(key), DepthOf(value)) >= kValueDepthMax)
      return Fail("values nested too deep");
  }
  return ok() ? MakeDict(std::move(entries)) : Value();
}

Value Renderer::NewNamespace(std::vector<std::pair<Value, Value>> attributes) {
  auto name_space = std::make_shared<Namespace>();
  name_space->attributes.entries = std::move(attributes);
  namespaces_.push_back(name_space);
  return Value::Of(Kind::kNamespace, std::move(name_space));
}

Text Renderer::Str(const Value& value) {
  if (!ok()) return Text();
  const bool is_iterator =
      value.Is(Kind::kSequence) && value.sequence().kind == SequenceKind::kIterator;
  if (is_iterator || value.Is(Kind::kNamespace) || value.Is(Kind::kCallable) ||
      value.Is(Kind::kLoop)) {
    Fail(absl::StrCat("a ", std::string(TypeName(value)), " has no text",
                      is_iterator ? "; make it a list first" : ""));
    return Text();
  }
  Charge(WeightOf(value));
  return ok() ? ToText(value) : Text();
}

bool Renderer::SameValue(const Value& a, const Value& b) {
  Charge(std::min(WeightOf(a), WeightOf(b)));
  return ok() && Equals(a, b);
}

bool Renderer::IsLess(const Value& a, const Value& b) {
  Charge(std::min(WeightOf(a), WeightOf(b)));
  if (!ok()) return false;
  for (const Value* side : {&a, &b}) {
    if (side->Is(Kind::kUndefined)) return Fail(MissingMessage(*side)), false;
  }
  const std::optional<bool> less = Less(a, b);
  if (!less) {
    Fail(absl::StrCat("'<' not supported between instances of ", Quote(TypeName(a)), " and ",
                      Quote(TypeName(b))));
  }
  return less.value_or(false);
}

std::vector<Value> Renderer::Iterate(const Value& value) {
  std::vector<Value> items;
  if (!ok()) return items;
  switch (value.kind()) {
    case Kind::kUndefined:
      return items;
    case Kind::kString: {
      const Text& text = value.text();
      for (size_t at = 0; ok() && at < text.size();) {
        const size_t end = at + CodePointBytes(text.bytes(), at);
        items.push_back(NewString(text.Part(at, end)));
        at = end;
      }
      return items;
    }
    case Kind::kSequence: {
      const Sequence& sequence = value.sequence();
      Charge(1 + sequence.items.size());
      if (sequence.kind != SequenceKind::kIterator) return sequence.items;
      items.assign(sequence.items.begin() + static_cast<ptrdiff_t>(sequence.next),
                   sequence.items.end());
      sequence.next = sequence.items.size();
      return items;
    }
    case Kind::kDict:
      Charge(1 + value.dict().entries.size());
      for (const auto& [key, item] : value.dict().entries) items.push_back(key);
      return items;
    default:
      Fail(absl::StrCat(Quote(TypeName(value)), " object is not iterable"));
      return items;
  }
}

bool Renderer::Contains(const Value& container, const Value& item) {
  if (!ok()) return false;
  if (container.Is(Kind::kString)) {
    if (!item.Is(Kind::kString)) {
      Fail(absl::StrCat("'in <string>' requires string as left operand, not ",
                        Quote(TypeName(item))));
      return false;
    }
    Charge(WeightOf(container));
    return container.str().find(item.str()) != std::string::npos;
  }
  if (container.Is(Kind::kDict)) {
    Charge(WeightOf(item));
    return container.dict().Find(item) != nullptr;
  }
  for (const Value& member : Iterate(container)) {
    if (SameValue(member, item)) return true;
  }
  return false;
}

Value Renderer::Attribute(const Value& object, std::string_view name) {
  if (!ok()) return Value();
  if (object.Is(Kind::kUndefined)) return Fail(MissingMessage(object));
  if (object.Is(Kind::kNamespace)) {
    const Value* const value = object.name_space().attributes.Find(name);
    return value != nullptr
               ? *value
               : Value::Undefined(absl::StrCat("the namespace has no attribute ", Quote(name)));
  }
  if (object.Is(Kind::kLoop)) return LoopAttribute(static_cast<Loop&>(*object.object()), name);
  // As in Python, a method hides a key of its name: d.items is the method, d['items'] the key.
  if (const Builtin method = FindMethod(object, name)) return Bind(object, name, method);
  if (object.Is(Kind::kDict) && !IsUnsupportedMethod(object, name)) {
    if (const Value* value = object.dict().Find(name)) return *value;
  }
  return Value::Undefined(
      absl::StrCat(Quote(absl::StrCat(std::string(TypeName(object)), " object")),
                   " has no attribute ", Quote(name)));
}

Value Renderer::Item(const Value& object, const Value& key) {
  if (!ok()) return Value();
  if (object.Is(Kind::kUndefined)) return Fail(MissingMessage(object));
  if (object.Is(Kind::kDict)) {
    Charge(WeightOf(key));
    if (const Value* value = object.dict().Find(key)) return *value;
  } else if (key.IsInteger() && object.Is(Kind::kSequence)) {
    const Sequence& sequence = object.sequence();
    const auto size = static_cast<int64_t>(sequence.items.size());
    const int64_t at = key.AsInt() < 0 ? key.AsInt() + size : key.AsInt();
    const bool indexed =
        sequence.kind != SequenceKind::kView && sequence.kind != SequenceKind::kIterator;
    if (indexed && at >= 0 && at < size) return sequence.items[static_cast<size_t>(at)];
  } else if (key.IsInteger() && object.Is(Kind::kString)) {
    const Text& text = object.text();
    const auto size = static_cast<int64_t>(text.CodePoints());
    const int64_t at = key.AsInt() < 0 ? key.AsInt() + size : key.AsInt();
    Charge(WeightOf(object));
    if (at >= 0 && at < size) {
      const size_t begin = text.ByteOf(static_cast<size_t>(at));
      return NewString(text.Part(begin, begin + CodePointBytes(text.bytes(), begin)));
    }
  }
  if (key.Is(Kind::kString)) {
    if (!object.Is(Kind::kDict)) return Attribute(object, key.str());
    if (const Builtin method = FindMethod(object, key.str()))
      return Bind(object, key.str(), method);
  }
  std::string shown;
  if (WeightOf(key) < 100) AppendRepr(key, shown);
  return Value::Undefined(
      absl::StrCat(std::string(TypeName(object)), " object has no element ", shown));
}

Value Renderer::LoopAttribute(Loop& loop, std::string_view name) {
  const auto number = [](int64_t value) { return Value::Int(value); };
  if (name == "index") return number(loop.index0 + 1);
  if (name == "index0") return number(loop.index0);
  if (name == "first") return Value::Bool(loop.index0 == 0);
  if (name == "depth") return number(1);
  if (name == "depth0") return number(0);
  if (name == "previtem") {
    return loop.index0 == 0 ? Value::Undefined("there is no previous item") : loop.previous;
  }
  if (name == "last" || name == "nextitem") {
    if (!loop.ahead) loop.ahead = Advance(loop);
    if (name == "last") return Value::Bool(!loop.ahead);
    return loop.ahead ? *loop.ahead : Value::Undefined("there is no next item");
  }
  if (name == "length" || name == "revindex" || name == "revindex0") {
    if (!loop.length) {  // filter all that is left, once
      std::vector<Value> rest;
      if (loop.ahead) rest.push_back(*loop.ahead);
      loop.ahead.reset();
      while (std::optional<Value> item = Advance(loop)) rest.push_back(*std::move(item));
      loop.length = loop.index0 + 1 + static_cast<int64_t>(rest.size());
      loop.items = std::move(rest);
      loop.next = 0;
      loop.filter = nullptr;
    }
    if (name == "length") return number(*loop.length);
    return number(*loop.length - loop.index0 - (name == "revindex0" ? 1 : 0));
  }
  return Value::Undefined(absl::StrCat("the loop has no attribute ", Quote(name)));
}

Value Renderer::LoopCycle(const Value& loop_value, const Arguments& arguments) {
  const auto& loop = static_cast<const Loop&>(*loop_value.object());
  const std::vector<Value>& items = arguments.positional;
  if (items.empty()) return Fail("no items for cycling given");
  return items[static_cast<size_t>(std::max<int64_t>(loop.index0, 0)) % items.size()];
}

Value Renderer::LoopChanged(const Value& loop_value, const Arguments& arguments) {
  auto& loop = static_cast<Loop&>(*loop_value.object());
  Value now = NewSequence(SequenceKind::kTuple, arguments.positional);
  if (!ok() || (loop.last_changed && SameValue(*loop.last_changed, now))) return Value::Bool(false);
  loop.last_changed = std::move(now);
  return Value::Bool(true);
}

}  // namespace cairn::jinja
