// Methods of strings, lists, dicts and loops, and the functions that stand by themselves.
#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_arguments.h"
#include "scheduler/tokenizer/jinja_format.h"
#include "scheduler/tokenizer/jinja_text_methods.h"

namespace cairn::jinja {
namespace {

template <Text (*kOperation)(const Text&)>
Value TextMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {});
  return renderer.NewString(kOperation(self.text()));
}

template <bool kFront, bool kBack>
Value StripMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"chars"});
  const std::string* const characters = bound.IsGiven(0) ? &bound.String(0).bytes() : nullptr;
  return renderer.NewString(Strip(self.text(), characters, kFront, kBack));
}

template <bool kFromBack>
Value SplitMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"sep", "maxsplit"});
  const std::string separator = bound.IsGiven(0) ? bound.String(0).bytes() : "";
  if (bound.IsGiven(0) && separator.empty()) return renderer.Fail("empty separator");
  const int64_t count = bound.Integer(1, -1);
  std::vector<Value> parts;
  renderer.Charge(WeightOf(self));
  if (!renderer.ok()) return Value();
  for (Text& part : Split(self.text(), separator, count, kFromBack)) {
    parts.push_back(renderer.NewString(std::move(part)));
  }
  return renderer.NewSequence(SequenceKind::kList, std::move(parts));
}

template <bool kAtEnd>
Value AffixMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"affix"});
  if (bound[0] == nullptr) return renderer.Fail("needs a string to look for");
  std::vector<Value> affixes = {*bound[0]};
  if (bound[0]->Is(Kind::kSequence) && bound[0]->sequence().kind == SequenceKind::kTuple) {
    affixes = bound[0]->sequence().items;
  }
  bool found = false;
  for (const Value& affix : affixes) {
    if (!affix.Is(Kind::kString)) {
      return renderer.Fail(absl::StrCat("expected a string or a tuple of them, got '",
                                        std::string(TypeName(affix)), "'"));
    }
    found |= kAtEnd ? self.str().ends_with(affix.str()) : self.str().starts_with(affix.str());
  }
  return Value::Bool(found);
}

Value ReplaceMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"old", "new", "count"});
  if (bound[0] == nullptr || bound[1] == nullptr)
    return renderer.Fail("replace: needs old and new");
  const Text old = bound.String(0);
  const Text replacement = self.text().is_markup() ? Escape(bound.String(1)) : bound.String(1);
  const int64_t count = bound.Integer(2, -1);
  renderer.Charge((self.text().size() / std::max<size_t>(old.size(), 1) + 1) *
                  (1 + replacement.size() / 32));
  if (!renderer.ok()) return Value();
  return renderer.NewString(Replace(self.text(), old.bytes(), replacement, count));
}

Value JoinMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"iterable"});
  if (bound[0] == nullptr) return renderer.Fail("join: needs a list");
  Text joined;
  bool first = true;
  for (const Value& item : renderer.Iterate(*bound[0])) {
    if (!item.Is(Kind::kString)) return renderer.Fail("join: expected strings");
    if (!first) joined.Append(self.text());
    first = false;
    joined.Append(item.text());
    renderer.Charge(1 + (item.text().size() + self.text().size()) / 32);
    if (!renderer.ok()) return Value();
  }
  joined.set_markup(self.text().is_markup());
  return renderer.NewString(std::move(joined));
}

template <bool kFromBack>
Value FindMethodOfText(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"sub"});
  const std::string& sought = bound.String(0).bytes();
  renderer.Charge(WeightOf(self));
  const size_t at = kFromBack ? self.str().rfind(sought) : self.str().find(sought);
  if (at == std::string::npos) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(self.text().Part(0, at).CodePoints()));
}

Value IndexMethodOfText(Renderer& renderer, const Value& self, const Arguments& arguments) {
  Value at = FindMethodOfText<false>(renderer, self, arguments);
  return at.Is(Kind::kInt) && at.AsInt() < 0 ? renderer.Fail("substring not found") : at;
}

Value CountMethodOfText(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"sub"});
  const std::string& sought = bound.String(0).bytes();
  renderer.Charge(WeightOf(self));
  if (sought.empty()) return Value::Int(static_cast<int64_t>(self.text().CodePoints()) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = self.str().find(sought, at)) != std::string::npos; at += sought.size())
    ++count;
  return Value::Int(count);
}

template <bool kFromBack>
Value PartitionMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"sep"});
  const std::string& separator = bound.String(0).bytes();
  if (separator.empty()) return renderer.Fail("empty separator");
  const Text& text = self.text();
  const size_t at = kFromBack ? text.bytes().rfind(separator) : text.bytes().find(separator);
  Text parts[3];
  if (at == std::string::npos) {
    parts[kFromBack ? 2 : 0] = text;
  } else {
    parts[0] = text.Part(0, at);
    parts[1] = text.Part(at, at + separator.size());
    parts[2] = text.Part(at + separator.size(), text.size());
  }
  std::vector<Value> values;
  for (Text& part : parts) values.push_back(renderer.NewString(std::move(part)));
  return renderer.NewSequence(SequenceKind::kTuple, std::move(values));
}

Value SplitLinesMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"keepends"});
  std::vector<Value> lines;
  for (Text& line : SplitLines(self.text(), bound.Flag(0, false))) {
    lines.push_back(renderer.NewString(std::move(line)));
  }
  return renderer.NewSequence(SequenceKind::kList, std::move(lines));
}

template <bool kAtEnd>
Value RemoveAffixMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"affix"});
  const std::string& affix = bound.String(0).bytes();
  const Text& text = self.text();
  if (kAtEnd ? !text.bytes().ends_with(affix) : !text.bytes().starts_with(affix)) return self;
  return renderer.NewString(kAtEnd ? text.Part(0, text.size() - affix.size())
                                   : text.Part(affix.size(), text.size()));
}

// str.isdigit() and its like: true for every letter, and there is one.
template <bool (*kHolds)(char32_t)>
Value ClassMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {});
  const std::string& bytes = self.str();
  renderer.Charge(WeightOf(self));
  for (size_t at = 0; at < bytes.size(); at += CodePointBytes(bytes, at)) {
    if (!kHolds(CodePointAt(bytes, at))) return Value::Bool(false);
  }
  return Value::Bool(!bytes.empty());
}

bool IsLetterOrDigit(char32_t c) { return IsLetter(c) || IsDigit(c); }

template <bool kUpper>
Value IsCaseMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  return FindTest(kUpper ? "upper" : "lower")(renderer, self, arguments);
}

Value GetMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"key", "default"});
  if (bound[0] == nullptr) return renderer.Fail("get: needs a key");
  renderer.Charge(WeightOf(*bound[0]));
  if (const Value* value = self.dict().Find(*bound[0])) return *value;
  return bound[1] != nullptr ? *bound[1] : Value::None();
}

template <bool kKeys, bool kValues>
Value ViewMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {});
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict().entries) {
    items.push_back(kKeys && kValues ? renderer.NewSequence(SequenceKind::kTuple, {key, value})
                    : kKeys          ? key
                                     : value);
  }
  return renderer.NewSequence(SequenceKind::kView, std::move(items));
}

Value CopyMethod(Renderer&, const Value& self, const Arguments&) { return self; }

Value IndexMethodOfList(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"value"});
  const std::vector<Value> items = renderer.Iterate(self);
  for (size_t i = 0; bound[0] != nullptr && i < items.size(); ++i) {
    if (renderer.SameValue(items[i], *bound[0])) return Value::Int(static_cast<int64_t>(i));
  }
  return renderer.Fail("the value is not in the list");
}

Value CountMethodOfList(Renderer& renderer, const Value& self, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"value"});
  int64_t count = 0;
  for (const Value& item : renderer.Iterate(self)) {
    count += bound[0] != nullptr && renderer.SameValue(item, *bound[0]) ? 1 : 0;
  }
  return Value::Int(count);
}

Value CycleMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  return renderer.LoopCycle(self, arguments);
}

Value ChangedMethod(Renderer& renderer, const Value& self, const Arguments& arguments) {
  return renderer.LoopChanged(self, arguments);
}

Value RangeFunction(Renderer& renderer, const Value&, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"start", "stop", "step"});
  const bool only_stop = bound[1] == nullptr;
  const int64_t start = only_stop ? 0 : bound.Integer(0, 0);
  const int64_t stop = bound.Integer(only_stop ? 0 : 1, 0);
  const int64_t step = bound.Integer(2, 1);
  if (bound[0] == nullptr) return renderer.Fail("range: needs a number");
  if (step == 0) return renderer.Fail("range() arg 3 must not be zero");
  constexpr size_t kRangeMax = 100'000;  // as Jinja2's sandbox
  std::vector<Value> items;
  for (int64_t at = start; renderer.ok() && (step > 0 ? at < stop : at > stop);) {
    if (items.size() == kRangeMax) return renderer.Fail("Range too big: more than 100000 numbers");
    items.push_back(Value::Int(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return renderer.NewSequence(SequenceKind::kRange, std::move(items));
}

// What dict() and namespace() begin with: another one, then named values.
std::vector<std::pair<Value, Value>> BaseDict(Renderer& renderer, const Arguments& arguments) {
  Dict dict;
  if (arguments.positional.size() > 1) renderer.Fail("takes at most one positional argument");
  if (arguments.positional.size() == 1 && arguments.positional[0].Is(Kind::kDict)) {
    dict.entries = arguments.positional[0].dict().entries;
  } else if (arguments.positional.size() == 1) {
    for (const Value& pair : renderer.Iterate(arguments.positional[0])) {
      const std::vector<Value> parts = renderer.Iterate(pair);
      if (parts.size() != 2) {
        renderer.Fail("expected pairs");
        return {};
      }
      renderer.Charge(dict.entries.size());
      if (renderer.ok()) dict.Set(parts[0], parts[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) dict.Set(Literal(name), value);
  return std::move(dict.entries);
}

Value DictFunction(Renderer& renderer, const Value&, const Arguments& arguments) {
  return renderer.NewDict(BaseDict(renderer, arguments));
}

Value NamespaceFunction(Renderer& renderer, const Value&, const Arguments& arguments) {
  return renderer.NewNamespace(BaseDict(renderer, arguments));
}

Value RaiseFunction(Renderer& renderer, const Value&, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"message"});
  return renderer.Fail(bound[0] != nullptr ? renderer.Str(*bound[0]).bytes() : "raise_exception");
}

struct Entry {
  std::string_view name;
  Builtin builtin;
};

constexpr std::array kTextMethods = {
    Entry{"capitalize", TextMethod<Capitalize>},
    Entry{"count", CountMethodOfText},
    Entry{"endswith", AffixMethod<true>},
    Entry{"find", FindMethodOfText<false>},
    Entry{"format", FormatMethod},
    Entry{"index", IndexMethodOfText},
    Entry{"isalnum", ClassMethod<IsLetterOrDigit>},
    Entry{"isalpha", ClassMethod<IsLetter>},
    Entry{"isdigit", ClassMethod<IsDigit>},
    Entry{"islower", IsCaseMethod<false>},
    Entry{"isspace", ClassMethod<IsSpace>},
    Entry{"isupper", IsCaseMethod<true>},
    Entry{"join", JoinMethod},
    Entry{"lower", TextMethod<Lower>},
    Entry{"lstrip", StripMethod<true, false>},
    Entry{"partition", PartitionMethod<false>},
    Entry{"removeprefix", RemoveAffixMethod<false>},
    Entry{"removesuffix", RemoveAffixMethod<true>},
    Entry{"replace", ReplaceMethod},
    Entry{"rfind", FindMethodOfText<true>},
    Entry{"rpartition", PartitionMethod<true>},
    Entry{"rsplit", SplitMethod<true>},
    Entry{"rstrip", StripMethod<false, true>},
    Entry{"split", SplitMethod<false>},
    Entry{"splitlines", SplitLinesMethod},
    Entry{"startswith", AffixMethod<false>},
    Entry{"strip", StripMethod<true, true>},
    Entry{"title", TextMethod<TitleMethod>},
    Entry{"upper", TextMethod<Upper>},
};

constexpr std::array kDictMethods = {
    Entry{"copy", CopyMethod},
    Entry{"get", GetMethod},
    Entry{"items", ViewMethod<true, true>},
    Entry{"keys", ViewMethod<true, false>},
    Entry{"values", ViewMethod<false, true>},
};

constexpr std::array kListMethods = {
    Entry{"copy", CopyMethod},
    Entry{"count", CountMethodOfList},
    Entry{"index", IndexMethodOfList},
};

constexpr std::array kLoopMethods = {
    Entry{"changed", ChangedMethod},
    Entry{"cycle", CycleMethod},
};

constexpr std::array kFunctions = {
    Entry{"dict", DictFunction},
    Entry{"namespace", NamespaceFunction},
    Entry{"raise_exception", RaiseFunction},
    Entry{"range", RangeFunction},
    Entry{"strftime_now", StrftimeNow},
};

constexpr std::array<std::string_view, 18> kOtherTextMethods = {
    "casefold",  "center",       "encode",    "expandtabs",  "format_map", "isascii",
    "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle",    "ljust",
    "maketrans", "rindex",       "rjust",     "swapcase",    "translate",  "zfill"};

// Those that change a dict or a list are forbidden by the sandbox of the original, too.
constexpr std::array<std::string_view, 6> kOtherDictMethods = {"clear",   "fromkeys",   "pop",
                                                               "popitem", "setdefault", "update"};
constexpr std::array<std::string_view, 8> kOtherListMethods = {
    "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};

template <typename Entries>
Builtin FindIn(const Entries& entries, std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry.builtin;
  }
  return nullptr;
}

template <typename Names>
bool Has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Builtin FindMethod(const Value& receiver, std::string_view name) {
  switch (receiver.kind()) {
    case Kind::kString:
      return FindIn(kTextMethods, name);
    case Kind::kDict:
      return FindIn(kDictMethods, name);
    case Kind::kLoop:
      return FindIn(kLoopMethods, name);
    case Kind::kSequence:
      switch (receiver.sequence().kind) {
        case SequenceKind::kList:
          return FindIn(kListMethods, name);
        case SequenceKind::kTuple:
        case SequenceKind::kRange:
          return name == "copy" ? nullptr : FindIn(kListMethods, name);
        default:
          return nullptr;
      }
    default:
      return nullptr;
  }
}

bool IsUnsupportedMethod(const Value& receiver, std::string_view name) {
  if (receiver.Is(Kind::kString)) return Has(kOtherTextMethods, name);
  if (receiver.Is(Kind::kDict)) return Has(kOtherDictMethods, name);
  if (!receiver.Is(Kind::kSequence)) return false;
  return receiver.sequence().kind == SequenceKind::kList && Has(kOtherListMethods, name);
}

bool IsMethodName(std::string_view name) {
  return FindIn(kTextMethods, name) != nullptr || FindIn(kDictMethods, name) != nullptr ||
         FindIn(kListMethods, name) != nullptr || FindIn(kLoopMethods, name) != nullptr ||
         Has(kOtherDictMethods, name) || Has(kOtherListMethods, name);
}

Builtin FindFunction(std::string_view name) { return FindIn(kFunctions, name); }

}  // namespace cairn::jinja
