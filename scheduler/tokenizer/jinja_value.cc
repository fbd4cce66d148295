#include "scheduler/tokenizer/jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn::jinja {

Value Value::Undefined(std::string_view what) {
  Value value = Literal(what);
  value.kind_ = Kind::kUndefined;
  return value;
}

Value Value::None() {
  Value value;
  value.kind_ = Kind::kNone;
  return value;
}

Value Value::Bool(bool boolean, Origin origin) {
  Value value;
  value.kind_ = Kind::kBool;
  value.origin_ = origin;
  value.number_.integer = boolean ? 1 : 0;
  return value;
}

Value Value::Int(int64_t integer, Origin origin) {
  Value value;
  value.kind_ = Kind::kInt;
  value.origin_ = origin;
  value.number_.integer = integer;
  return value;
}

Value Value::Float(double real, Origin origin) {
  Value value;
  value.kind_ = Kind::kFloat;
  value.origin_ = origin;
  value.number_.real = real;
  return value;
}

Value Value::String(Text text) {
  auto object = std::make_shared<StringObject>();
  object->text = std::move(text);
  return Of(Kind::kString, std::move(object));
}

Value Value::Of(Kind kind, std::shared_ptr<Object> object) {
  Value value;
  value.kind_ = kind;
  value.object_ = std::move(object);
  return value;
}

const Text& Value::text() const {
  CAIRN_CHECK(Is(Kind::kString) || (Is(Kind::kUndefined) && object_ != nullptr));
  return static_cast<const StringObject&>(*object_).text;
}

const Sequence& Value::sequence() const {
  CAIRN_CHECK(Is(Kind::kSequence));
  return static_cast<const Sequence&>(*object_);
}

const Dict& Value::dict() const {
  CAIRN_CHECK(Is(Kind::kDict));
  return static_cast<const Dict&>(*object_);
}

Namespace& Value::name_space() const {
  CAIRN_CHECK(Is(Kind::kNamespace));
  return static_cast<Namespace&>(*object_);
}

Value Literal(std::string_view text) { return Value::String(Text(text, Origin::kTrusted)); }
Value Data(std::string_view text) { return Value::String(Text(text, Origin::kData)); }

const Value* Dict::Find(std::string_view key) const {
  if (!index.empty()) {
    const auto found = index.find(absl::string_view(key.data(), key.size()));
    return found == index.end() ? nullptr : &entries[found->second].second;
  }
  for (const auto& [name, value] : entries) {
    if (name.Is(Kind::kString) && name.str() == key) return &value;
  }
  return nullptr;
}

const Value* Dict::Find(const Value& key) const {
  if (key.Is(Kind::kString)) return Find(std::string_view(key.str()));
  for (const auto& [name, value] : entries) {
    if (Equals(name, key)) return &value;
  }
  return nullptr;
}

void Dict::Set(Value key, Value value) {
  CAIRN_CHECK(index.empty());
  for (auto& [name, old] : entries) {
    if (Equals(name, key)) {
      old = std::move(value);
      return;
    }
  }
  entries.emplace_back(std::move(key), std::move(value));
}

int DepthOf(const Value& value) { return value.object() != nullptr ? value.object()->depth : 0; }

uint64_t WeightOf(const Value& value) {
  if (value.Is(Kind::kSequence)) return value.sequence().weight;
  if (value.Is(Kind::kDict)) return value.dict().weight;
  if (value.Is(Kind::kString)) return 1 + value.text().size() / 32;
  return 1;
}

namespace {

uint64_t SaturatingSum(uint64_t a, uint64_t b) { return a + b < a ? UINT64_MAX : a + b; }

constexpr size_t kIndexedDictMin = 16;  // below, a walk is as fast as a hash

}  // namespace

Value MakeSequence(SequenceKind kind, std::vector<Value> items) {
  auto sequence = std::make_shared<Sequence>();
  sequence->kind = kind;
  sequence->depth = 1;
  for (const Value& item : items) {
    sequence->depth = std::max(sequence->depth, DepthOf(item) + 1);
    sequence->weight = SaturatingSum(sequence->weight, WeightOf(item));
  }
  sequence->items = std::move(items);
  return Value::Of(Kind::kSequence, std::move(sequence));
}

Value MakeDict(std::vector<std::pair<Value, Value>> entries) {
  auto dict = std::make_shared<Dict>();
  dict->depth = 1;
  for (const auto& [key, value] : entries) {
    dict->depth = std::max({dict->depth, DepthOf(key) + 1, DepthOf(value) + 1});
    dict->weight = SaturatingSum(dict->weight, SaturatingSum(WeightOf(key), WeightOf(value)));
  }
  dict->entries = std::move(entries);
  for (size_t i = 0; dict->entries.size() >= kIndexedDictMin && i < dict->entries.size(); ++i) {
    const Value& key = dict->entries[i].first;
    if (key.Is(Kind::kString)) dict->index.emplace(key.str(), i);
  }
  return Value::Of(Kind::kDict, std::move(dict));
}

std::optional<Value> FromJson(const Json& json, int depth) {
  if (depth >= kValueDepthMax) return std::nullopt;
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::Bool(json.get<bool>(), Origin::kData);
    case Json::value_t::number_integer:
      return Value::Int(json.get<int64_t>(), Origin::kData);
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) return Value::Float(json.get<double>(), Origin::kData);
      return Value::Int(json.get<int64_t>(), Origin::kData);
    case Json::value_t::number_float:
      return Value::Float(json.get<double>(), Origin::kData);
    case Json::value_t::string:
      return Data(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) {
        std::optional<Value> value = FromJson(item, depth + 1);
        if (!value) return std::nullopt;
        items.push_back(*std::move(value));
      }
      return MakeSequence(SequenceKind::kList, std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> entries;
      entries.reserve(json.size());
      for (const auto& [key, item] : json.items()) {
        std::optional<Value> value = FromJson(item, depth + 1);
        if (!value) return std::nullopt;
        entries.emplace_back(Data(key), *std::move(value));
      }
      return MakeDict(std::move(entries));
    }
    default:
      return Value::None();
  }
}

bool IsTrue(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.AsInt() != 0;
    case Kind::kFloat:
      return value.AsFloat() != 0;
    case Kind::kString:
      return !value.text().empty();
    case Kind::kSequence:
      return value.sequence().kind == SequenceKind::kIterator || !value.sequence().items.empty();
    case Kind::kDict:
      return !value.dict().entries.empty();
    default:
      return true;
  }
}

namespace {

// Lists equal lists and tuples tuples; ranges equal ranges; the rest is equal to itself alone.
bool SequencesEqual(const Value& a, const Value& b) {
  const Sequence& left = a.sequence();
  const Sequence& right = b.sequence();
  if (a.object() == b.object()) return true;
  if (left.kind != right.kind || left.kind == SequenceKind::kIterator ||
      left.kind == SequenceKind::kView) {
    return false;
  }
  return std::equal(left.items.begin(), left.items.end(), right.items.begin(), right.items.end(),
                    Equals);
}

bool DictsEqual(const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const auto& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && Equals(entry.second, *other);
  });
}

}  // namespace

bool Equals(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    if (a.IsInteger() && b.IsInteger()) return a.AsInt() == b.AsInt();
    return a.AsDouble() == b.AsDouble();
  }
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      return a.str() == b.str();
    case Kind::kSequence:
      return SequencesEqual(a, b);
    case Kind::kDict:
      return DictsEqual(a.dict(), b.dict());
    default:
      return a.object() == b.object();
  }
}

std::optional<bool> Less(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    if (a.IsInteger() && b.IsInteger()) return a.AsInt() < b.AsInt();
    return a.AsDouble() < b.AsDouble();
  }
  if (a.Is(Kind::kString) && b.Is(Kind::kString)) return a.str() < b.str();
  if (!a.Is(Kind::kSequence) || !b.Is(Kind::kSequence)) return std::nullopt;
  const Sequence& left = a.sequence();
  const Sequence& right = b.sequence();
  if (left.kind != right.kind ||
      (left.kind != SequenceKind::kList && left.kind != SequenceKind::kTuple)) {
    return std::nullopt;
  }
  for (size_t i = 0; i < left.items.size() && i < right.items.size(); ++i) {
    if (!Equals(left.items[i], right.items[i])) return Less(left.items[i], right.items[i]);
  }
  return left.items.size() < right.items.size();
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "str";
    case Kind::kSequence:
      switch (value.sequence().kind) {
        case SequenceKind::kList:
          return "list";
        case SequenceKind::kTuple:
          return "tuple";
        case SequenceKind::kRange:
          return "range";
        case SequenceKind::kView:
          return "dict view";
        case SequenceKind::kIterator:
          return "generator";
      }
      return "sequence";
    case Kind::kDict:
      return "dict";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kCallable:
      return "function";
    case Kind::kLoop:
      return "LoopContext";
  }
  return "object";
}

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  // The shortest digits that read back as the same number, in Python's layout.
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer) - 1, value, std::chars_format::scientific);
  *end.ptr = '\0';
  const std::string_view spelled(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = spelled.find('e');
  std::string digits;
  for (char c : spelled.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  const std::string sign = spelled[0] == '-' ? "-" : "";
  const int exponent = std::atoi(spelled.data() + e + 1);
  if (exponent < -4 || exponent >= 16) {
    const std::string fraction = digits.size() > 1 ? absl::StrCat(".", digits.substr(1)) : "";
    const int size = std::abs(exponent);
    return absl::StrCat(sign, digits.substr(0, 1), fraction, exponent < 0 ? "e-" : "e+",
                        size < 10 ? "0" : "", size);
  }
  if (exponent < 0) {
    return absl::StrCat(sign, "0.", std::string(static_cast<size_t>(-exponent - 1), '0'), digits);
  }
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) {
    return absl::StrCat(sign, digits, std::string(whole - digits.size(), '0'), ".0");
  }
  return absl::StrCat(sign, digits.substr(0, whole), ".", digits.substr(whole));
}

namespace {

void AppendStringRepr(const std::string& bytes, std::string& out) {
  const bool single = bytes.find('\'') == std::string::npos || bytes.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  out.push_back(quote);
  for (size_t at = 0; at < bytes.size(); at += CodePointBytes(bytes, at)) {
    const char32_t c = CodePointAt(bytes, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsPrintable(c)) {
      out.append(bytes, at, CodePointBytes(bytes, at));
    } else if (c < 0x100) {
      absl::StrAppend(&out, "\\x", absl::Hex(static_cast<uint32_t>(c), absl::kZeroPad2));
    } else if (c < 0x10000) {
      absl::StrAppend(&out, "\\u", absl::Hex(static_cast<uint32_t>(c), absl::kZeroPad4));
    } else {
      absl::StrAppend(&out, "\\U", absl::Hex(static_cast<uint32_t>(c), absl::kZeroPad8));
    }
  }
  out.push_back(quote);
}

void AppendSequenceRepr(const Sequence& sequence, std::string& out) {
  const bool is_tuple = sequence.kind == SequenceKind::kTuple;
  if (sequence.kind == SequenceKind::kRange) {
    const int64_t first = sequence.items.empty() ? 0 : sequence.items.front().AsInt();
    const int64_t last = sequence.items.empty() ? -1 : sequence.items.back().AsInt();
    absl::StrAppend(&out, "range(", first, ", ", last + 1, ")");
    return;
  }
  if (sequence.kind == SequenceKind::kIterator) {
    out += "<generator object>";
    return;
  }
  if (sequence.kind == SequenceKind::kView) out += "dict_view(";
  out.push_back(is_tuple ? '(' : '[');
  for (size_t i = 0; i < sequence.items.size(); ++i) {
    if (i > 0) out += ", ";
    AppendRepr(sequence.items[i], out);
  }
  if (is_tuple && sequence.items.size() == 1) out.push_back(',');
  out.push_back(is_tuple ? ')' : ']');
  if (sequence.kind == SequenceKind::kView) out.push_back(')');
}

}  // namespace

void AppendRepr(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Kind::kUndefined:
      out += "Undefined";
      return;
    case Kind::kNone:
      out += "None";
      return;
    case Kind::kBool:
      out += value.AsBool() ? "True" : "False";
      return;
    case Kind::kInt:
      absl::StrAppend(&out, value.AsInt());
      return;
    case Kind::kFloat:
      out += FloatRepr(value.AsFloat());
      return;
    case Kind::kString:
      if (value.text().is_markup()) out += "Markup(";
      AppendStringRepr(value.str(), out);
      if (value.text().is_markup()) out += ")";
      return;
    case Kind::kSequence:
      AppendSequenceRepr(value.sequence(), out);
      return;
    case Kind::kDict: {
      out.push_back('{');
      bool first = true;
      for (const auto& [key, item] : value.dict().entries) {
        if (!first) out += ", ";
        first = false;
        AppendRepr(key, out);
        out += ": ";
        AppendRepr(item, out);
      }
      out.push_back('}');
      return;
    }
    case Kind::kNamespace:  // not what is in it: it may hold itself
      out += "<Namespace>";
      return;
    case Kind::kCallable:
      out += "<function>";
      return;
    case Kind::kLoop:
      out += "<LoopContext>";
      return;
  }
}

Text ToText(const Value& value) {
  if (value.Is(Kind::kString)) return value.text();
  if (value.Is(Kind::kUndefined)) return Text();
  std::string repr;
  AppendRepr(value, repr);
  const bool is_scalar = value.IsNumber() || value.Is(Kind::kNone);
  return Text(repr, is_scalar ? value.origin() : Origin::kData);
}

}  // namespace cairn::jinja
