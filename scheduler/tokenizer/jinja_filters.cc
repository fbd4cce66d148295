// The filters: Jinja2's, as far as they make sense in a chat template, and tojson as transformers
// has it.
#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/tokenizer/jinja_arguments.h"
#include "scheduler/tokenizer/jinja_format.h"
#include "scheduler/tokenizer/jinja_json.h"
#include "scheduler/tokenizer/jinja_text_methods.h"

namespace cairn::jinja {
namespace {

Value Iterator(Renderer& renderer, std::vector<Value> items) {
  return renderer.NewSequence(SequenceKind::kIterator, std::move(items));
}

// environment.getitem along a dotted path: attribute='function.name', attribute=0.
Value Follow(Renderer& renderer, Value item, const Value& path) {
  if (!path.Is(Kind::kString)) return renderer.Item(item, path);
  for (const Text& part : Split(path.text(), ".", -1, false)) {
    int64_t index = 0;
    const bool is_index = !part.empty() &&
                          std::all_of(part.bytes().begin(), part.bytes().end(),
                                      [](char c) { return c >= '0' && c <= '9'; }) &&
                          absl::SimpleAtoi(part.bytes(), &index);
    item = renderer.Item(item, is_index ? Value::Int(index) : Value::String(part));
  }
  return item;
}

// What sorting compares: the attribute, in lower case unless case matters.
Value SortKey(Renderer& renderer, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = attribute != nullptr && !attribute->Is(Kind::kNone)
                  ? Follow(renderer, item, *attribute)
                  : item;
  if (!case_sensitive && key.Is(Kind::kString)) key = renderer.NewString(Lower(key.text()));
  return key;
}

std::vector<Value> Sorted(Renderer& renderer, std::vector<std::pair<Value, Value>> keyed,
                          bool reverse) {
  const auto before = [&](const auto& a, const auto& b) {
    return reverse ? renderer.IsLess(b.first, a.first) : renderer.IsLess(a.first, b.first);
  };
  std::stable_sort(keyed.begin(), keyed.end(), before);
  std::vector<Value> items;
  for (auto& [key, item] : keyed) items.push_back(std::move(item));
  return items;
}

template <Text (*kOperation)(const Text&)>
Value TextFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {});
  return renderer.NewString(kOperation(renderer.Str(input)));
}

Value AbsFilter(Renderer& renderer, const Value& input, const Arguments&) {
  if (input.Is(Kind::kFloat)) return Value::Float(std::abs(input.AsFloat()), input.origin());
  if (!input.IsInteger()) return renderer.Fail("abs: expected a number");
  return input.AsInt() < 0 ? renderer.Binary("-", Value::Int(0), input)
                           : Value::Int(input.AsInt(), input.origin());
}

Value AttrFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"name"});
  const std::string& name = bound.String(0).bytes();
  if (input.Is(Kind::kDict) && FindMethod(input, name) == nullptr) {
    return Value::Undefined(absl::StrCat("'dict object' has no attribute '", name, "'"));
  }
  return renderer.Attribute(input, name);
}

Value BatchFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"linecount", "fill_with"});
  const int64_t size = bound.Integer(0, 0);
  if (size <= 0 || size > 1'000'000) return renderer.Fail("batch: needs a size above zero");
  std::vector<Value> batches;
  std::vector<Value> batch;
  for (Value& item : renderer.Iterate(input)) {
    if (batch.size() == static_cast<size_t>(size)) {
      batches.push_back(renderer.NewSequence(SequenceKind::kList, std::move(batch)));
      batch.clear();
    }
    batch.push_back(std::move(item));
  }
  if (!batch.empty()) {
    while (bound.IsGiven(1) && batch.size() < static_cast<size_t>(size)) batch.push_back(*bound[1]);
    batches.push_back(renderer.NewSequence(SequenceKind::kList, std::move(batch)));
  }
  return Iterator(renderer, std::move(batches));
}

Value CenterFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"width"});
  const int64_t width = bound.Integer(0, 80);
  if (width > 1'000'000) return renderer.Fail("center: too wide");
  return renderer.NewString(Center(renderer.Str(input), width));
}

Value DefaultFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"default_value", "boolean"});
  const bool replaced = input.Is(Kind::kUndefined) || (bound.Flag(1, false) && !IsTrue(input));
  if (!replaced) return input;
  return bound[0] != nullptr ? *bound[0] : Literal("");
}

Value DictsortFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"case_sensitive", "by", "reverse"});
  if (!input.Is(Kind::kDict)) return renderer.Fail("dictsort: expected a dict");
  const std::string by = bound[1] != nullptr ? bound.String(1).bytes() : "key";
  if (by != "key" && by != "value") return renderer.Fail("dictsort: by must be 'key' or 'value'");
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto& [key, value] : input.dict().entries) {
    keyed.emplace_back(SortKey(renderer, by == "key" ? key : value, nullptr, bound.Flag(0, false)),
                       renderer.NewSequence(SequenceKind::kTuple, {key, value}));
  }
  return renderer.NewSequence(SequenceKind::kList,
                              Sorted(renderer, std::move(keyed), bound.Flag(2, false)));
}

Value EscapeFilter(Renderer& renderer, const Value& input, const Arguments&) {
  return renderer.NewString(Escape(renderer.Str(input)));
}

Value ForceEscapeFilter(Renderer& renderer, const Value& input, const Arguments&) {
  Text text = renderer.Str(input);
  text.set_markup(false);
  return renderer.NewString(Escape(text));
}

Value FirstFilter(Renderer& renderer, const Value& input, const Arguments&) {
  if (input.Is(Kind::kSequence) && input.sequence().kind == SequenceKind::kIterator) {
    const Sequence& iterator = input.sequence();
    if (iterator.next < iterator.items.size()) return iterator.items[iterator.next++];
    return Value::Undefined("No first item, sequence was empty.");
  }
  const std::vector<Value> items = renderer.Iterate(input);
  return items.empty() ? Value::Undefined("No first item, sequence was empty.") : items.front();
}

Value LastFilter(Renderer& renderer, const Value& input, const Arguments&) {
  if (input.Is(Kind::kSequence) && input.sequence().kind == SequenceKind::kIterator) {
    return renderer.Fail("last: a generator has no last item; make it a list first");
  }
  const std::vector<Value> items = renderer.Iterate(input);
  return items.empty() ? Value::Undefined("No last item, sequence was empty.") : items.back();
}

Value IndentFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"width", "first", "blank"});
  if (!input.Is(Kind::kString)) return renderer.Fail("indent: expected a string");
  Text indention;
  if (bound[0] != nullptr && bound[0]->Is(Kind::kString)) {
    indention = bound[0]->text();
  } else {
    const int64_t width = std::clamp<int64_t>(bound.Integer(0, 4), 0, 1'000);
    indention = Text(std::string(static_cast<size_t>(width), ' '), Origin::kTrusted);
  }
  const auto lines =
      static_cast<size_t>(std::count(input.str().begin(), input.str().end(), '\n')) + 1;
  renderer.Charge(lines * (1 + indention.size() / 32));
  if (!renderer.ok()) return Value();
  return renderer.NewString(
      Indent(input.text(), indention, bound.Flag(1, false), bound.Flag(2, false)));
}

Value ItemsFilter(Renderer& renderer, const Value& input, const Arguments&) {
  std::vector<Value> items;
  if (!input.Is(Kind::kUndefined)) {
    if (!input.Is(Kind::kDict)) return renderer.Fail("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : input.dict().entries) {
      items.push_back(renderer.NewSequence(SequenceKind::kTuple, {key, value}));
    }
  }
  return Iterator(renderer, std::move(items));
}

Value JoinFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"d", "attribute"});
  const Text separator = bound[0] != nullptr ? renderer.Str(*bound[0]) : Text();
  Text joined;
  bool first = true;
  for (const Value& item : renderer.Iterate(input)) {
    if (!renderer.ok()) return Value();
    if (!first) joined.Append(separator);
    first = false;
    joined.Append(renderer.Str(bound.IsGiven(1) ? Follow(renderer, item, *bound[1]) : item));
    renderer.Charge(1 + separator.size() / 32);
  }
  return renderer.NewString(std::move(joined));
}

Value LengthFilter(Renderer& renderer, const Value& input, const Arguments&) {
  switch (input.kind()) {
    case Kind::kUndefined:
      return Value::Int(0);
    case Kind::kString:
      renderer.Charge(WeightOf(input));
      return Value::Int(static_cast<int64_t>(input.text().CodePoints()));
    case Kind::kDict:
      return Value::Int(static_cast<int64_t>(input.dict().entries.size()));
    case Kind::kSequence:
      if (input.sequence().kind != SequenceKind::kIterator) {
        return Value::Int(static_cast<int64_t>(input.sequence().items.size()));
      }
      break;
    default:
      break;
  }
  return renderer.Fail(
      absl::StrCat("object of type '", std::string(TypeName(input)), "' has no len()"));
}

Value ListFilter(Renderer& renderer, const Value& input, const Arguments&) {
  return renderer.NewSequence(SequenceKind::kList, renderer.Iterate(input));
}

Value MapFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  std::vector<Value> mapped;
  if (!IsTrue(input)) return Iterator(renderer, {});
  if (arguments.positional.empty()) {
    BoundArguments bound(renderer, arguments, {"attribute", "default"});
    if (bound[0] == nullptr) return renderer.Fail("map requires a filter argument");
    for (const Value& item : renderer.Iterate(input)) {
      Value value = Follow(renderer, item, *bound[0]);
      if (value.Is(Kind::kUndefined) && bound.IsGiven(1)) value = *bound[1];
      mapped.push_back(std::move(value));
    }
    return Iterator(renderer, std::move(mapped));
  }
  if (!arguments.positional[0].Is(Kind::kString))
    return renderer.Fail("map: expected a filter's name");
  const std::string& name = arguments.positional[0].str();
  Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
  for (const Value& item : renderer.Iterate(input)) {
    mapped.push_back(renderer.ApplyFilter(name, item, rest));
  }
  return Iterator(renderer, std::move(mapped));
}

template <bool kReject, bool kByAttribute>
Value SelectFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const std::vector<Value>& given = arguments.positional;
  const size_t name_at = kByAttribute ? 1 : 0;
  std::vector<Value> chosen;
  if (!IsTrue(input)) return Iterator(renderer, {});
  if (kByAttribute && given.empty()) return renderer.Fail("Missing parameter for attribute name");
  const bool has_test = given.size() > name_at;
  if (has_test && !given[name_at].Is(Kind::kString)) return renderer.Fail("expected a test's name");
  Arguments rest;
  if (has_test)
    rest.positional.assign(given.begin() + static_cast<ptrdiff_t>(name_at) + 1, given.end());
  rest.named = arguments.named;
  for (const Value& item : renderer.Iterate(input)) {
    const Value subject = kByAttribute ? Follow(renderer, item, given[0]) : item;
    const bool holds =
        has_test ? renderer.ApplyTest(given[name_at].str(), subject, rest) : IsTrue(subject);
    if (holds != kReject) chosen.push_back(item);
  }
  return Iterator(renderer, std::move(chosen));
}

template <bool kMax>
Value ExtremeFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"case_sensitive", "attribute"});
  Value best = Value::Undefined("No aggregated item, sequence was empty.");
  Value best_key;
  bool first = true;
  for (const Value& item : renderer.Iterate(input)) {
    const Value key = SortKey(renderer, item, bound[1], bound.Flag(0, false));
    if (first || (kMax ? renderer.IsLess(best_key, key) : renderer.IsLess(key, best_key))) {
      best = item;
      best_key = key;
    }
    first = false;
  }
  return best;
}

Value ReplaceFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"old", "new", "count"});
  if (bound[0] == nullptr || bound[1] == nullptr)
    return renderer.Fail("replace: needs old and new");
  const int64_t count = bound.IsGiven(2) ? bound.Integer(2, -1) : -1;
  Text text = renderer.Str(input);
  text.set_markup(false);
  const Text old = renderer.Str(*bound[0]);
  const Text replacement = renderer.Str(*bound[1]);
  renderer.Charge((text.size() / std::max<size_t>(old.size(), 1) + 1) *
                  (1 + replacement.size() / 32));
  if (!renderer.ok()) return Value();
  return renderer.NewString(Replace(text, old.bytes(), replacement, count));
}

Value ReverseFilter(Renderer& renderer, const Value& input, const Arguments&) {
  std::vector<Value> items = renderer.Iterate(input);
  std::reverse(items.begin(), items.end());
  if (!input.Is(Kind::kString)) return Iterator(renderer, std::move(items));
  Text reversed;
  for (const Value& letter : items) reversed.Append(renderer.Str(letter));
  return renderer.NewString(std::move(reversed));
}

Value RoundFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"precision", "method"});
  const int64_t precision = std::clamp<int64_t>(bound.Integer(0, 0), -300, 300);
  const std::string method = bound[1] != nullptr ? bound.String(1).bytes() : "common";
  if (!input.IsNumber()) return renderer.Fail("round: expected a number");
  if (method == "common" && input.IsInteger() && precision >= 0)
    return Value::Int(input.AsInt(), input.origin());
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = input.AsDouble() * scale;
  if (method == "ceil") return Value::Float(std::ceil(scaled) / scale, input.origin());
  if (method == "floor") return Value::Float(std::floor(scaled) / scale, input.origin());
  if (method != "common") return renderer.Fail("method must be common, ceil or floor");
  return Value::Float(RoundDecimal(input.AsDouble(), precision), input.origin());
}

Value SafeFilter(Renderer& renderer, const Value& input, const Arguments&) {
  Text text = renderer.Str(input);
  text.set_markup(true);
  return renderer.NewString(std::move(text));
}

Value SortFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"reverse", "case_sensitive", "attribute"});
  std::vector<std::pair<Value, Value>> keyed;
  for (Value& item : renderer.Iterate(input)) {
    Value key = SortKey(renderer, item, bound[2], bound.Flag(1, false));
    keyed.emplace_back(std::move(key), std::move(item));
  }
  return renderer.NewSequence(SequenceKind::kList,
                              Sorted(renderer, std::move(keyed), bound.Flag(0, false)));
}

Value StringFilter(Renderer& renderer, const Value& input, const Arguments&) {
  return input.Is(Kind::kString) ? input : renderer.NewString(renderer.Str(input));
}

Value SumFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"attribute", "start"});
  Value sum = bound[1] != nullptr ? *bound[1] : Value::Int(0);
  for (const Value& item : renderer.Iterate(input)) {
    sum = renderer.Binary("+", sum, bound.IsGiven(0) ? Follow(renderer, item, *bound[0]) : item);
  }
  return sum;
}

Value TojsonFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonLayout layout{.ascii_only = bound.Flag(0, false), .sort_keys = bound.Flag(3, false)};
  if (bound.IsGiven(1)) {
    layout.has_indent = true;
    layout.item_separator = ",";
    if (bound[1]->Is(Kind::kString)) {
      layout.indent = bound[1]->str();
    } else {
      layout.indent =
          std::string(static_cast<size_t>(std::clamp<int64_t>(bound.Integer(1, 0), 0, 65)), ' ');
    }
    if (layout.indent.size() > 64) return renderer.Fail("tojson: the indent is more than 64 bytes");
  }
  if (bound.IsGiven(2)) {
    const std::vector<Value> separators = renderer.Iterate(*bound[2]);
    if (separators.size() != 2 || !separators[0].Is(Kind::kString) ||
        !separators[1].Is(Kind::kString)) {
      return renderer.Fail("tojson: separators are two strings");
    }
    layout.item_separator = separators[0].str();
    layout.key_separator = separators[1].str();
    renderer.Charge(
        WeightOf(input) < 1'000'000
            ? WeightOf(input) *
                  (1 + (layout.item_separator.size() + layout.key_separator.size()) / 32)
            : 0);
  }
  return renderer.NewString(Text(ToJson(renderer, input, layout), Origin::kData));
}

Value TrimFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  BoundArguments bound(renderer, arguments, {"chars"});
  const std::string* const characters = bound.IsGiven(0) ? &bound.String(0).bytes() : nullptr;
  return renderer.NewString(Strip(renderer.Str(input), characters, true, true));
}

Value UniqueFilter(Renderer& renderer, const Value& input, const Arguments& arguments) {
  const BoundArguments bound(renderer, arguments, {"case_sensitive", "attribute"});
  std::vector<Value> kept;
  std::vector<Value> seen;
  for (const Value& item : renderer.Iterate(input)) {
    Value key = SortKey(renderer, item, bound[1], bound.Flag(0, false));
    const bool is_new = std::none_of(seen.begin(), seen.end(), [&](const Value& other) {
      return renderer.SameValue(key, other);
    });
    if (!is_new) continue;
    seen.push_back(std::move(key));
    kept.push_back(item);
  }
  return Iterator(renderer, std::move(kept));
}

Value WordcountFilter(Renderer& renderer, const Value& input, const Arguments&) {
  const Text text = renderer.Str(input);
  int64_t words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size(); at += CodePointBytes(text.bytes(), at)) {
    const char32_t c = CodePointAt(text.bytes(), at);
    const bool is_part = c == '_' || IsLetter(c) || IsDigit(c);
    words += is_part && !in_word ? 1 : 0;
    in_word = is_part;
  }
  return Value::Int(words);
}

struct Entry {
  std::string_view name;
  Builtin builtin;
};

constexpr std::array kFilters = {
    Entry{"abs", AbsFilter},
    Entry{"attr", AttrFilter},
    Entry{"batch", BatchFilter},
    Entry{"capitalize", TextFilter<Capitalize>},
    Entry{"center", CenterFilter},
    Entry{"count", LengthFilter},
    Entry{"d", DefaultFilter},
    Entry{"default", DefaultFilter},
    Entry{"dictsort", DictsortFilter},
    Entry{"e", EscapeFilter},
    Entry{"escape", EscapeFilter},
    Entry{"first", FirstFilter},
    Entry{"float", FloatFilter},
    Entry{"forceescape", ForceEscapeFilter},
    Entry{"format", FormatFilter},
    Entry{"indent", IndentFilter},
    Entry{"int", IntFilter},
    Entry{"items", ItemsFilter},
    Entry{"join", JoinFilter},
    Entry{"last", LastFilter},
    Entry{"length", LengthFilter},
    Entry{"list", ListFilter},
    Entry{"lower", TextFilter<Lower>},
    Entry{"map", MapFilter},
    Entry{"max", ExtremeFilter<true>},
    Entry{"min", ExtremeFilter<false>},
    Entry{"reject", SelectFilter<true, false>},
    Entry{"rejectattr", SelectFilter<true, true>},
    Entry{"replace", ReplaceFilter},
    Entry{"reverse", ReverseFilter},
    Entry{"round", RoundFilter},
    Entry{"safe", SafeFilter},
    Entry{"select", SelectFilter<false, false>},
    Entry{"selectattr", SelectFilter<false, true>},
    Entry{"sort", SortFilter},
    Entry{"string", StringFilter},
    Entry{"sum", SumFilter},
    Entry{"title", TextFilter<TitleFilter>},
    Entry{"tojson", TojsonFilter},
    Entry{"trim", TrimFilter},
    Entry{"unique", UniqueFilter},
    Entry{"upper", TextFilter<Upper>},
    Entry{"wordcount", WordcountFilter},
};

}  // namespace

Builtin FindFilter(std::string_view name) {
  for (const Entry& entry : kFilters) {
    if (entry.name == name) return entry.builtin;
  }
  return nullptr;
}

}  // namespace cairn::jinja
