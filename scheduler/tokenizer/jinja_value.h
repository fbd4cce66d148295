// The values of the template language: Python's, as far as chat templates use them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_map.h"
#include "scheduler/tokenizer/jinja_text.h"

namespace cairn::jinja {

enum class Kind : uint8_t {
  kUndefined,  // object: a Text that says what was not there
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kSequence,
  kDict,
  kNamespace,
  kCallable,
  kLoop,
};

// What lives behind a value. Everything but a namespace and an iterator's position is constant once
// made, so values share.
struct Object {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  int depth = 0;  // of the lists, dicts and bound methods nested in it
};

struct StringObject;
struct Sequence;
struct Dict;
struct Namespace;

class Value {
 public:
  Value() = default;
  static Value Undefined(std::string_view what);
  static Value None();
  static Value Bool(bool value, Origin origin = Origin::kTrusted);
  static Value Int(int64_t value, Origin origin = Origin::kTrusted);
  static Value Float(double value, Origin origin = Origin::kTrusted);
  static Value String(Text text);
  static Value Of(Kind kind, std::shared_ptr<Object> object);

  Kind kind() const { return kind_; }
  bool Is(Kind kind) const { return kind_ == kind; }
  bool IsNumber() const { return Is(Kind::kBool) || Is(Kind::kInt) || Is(Kind::kFloat); }
  // True and False count as 1 and 0, as in Python.
  bool IsInteger() const { return Is(Kind::kBool) || Is(Kind::kInt); }
  Origin origin() const { return origin_; }

  // REQUIRES: of that kind.
  bool AsBool() const { return number_.integer != 0; }
  int64_t AsInt() const { return number_.integer; }
  double AsFloat() const { return number_.real; }
  double AsDouble() const {
    return Is(Kind::kFloat) ? number_.real : static_cast<double>(number_.integer);
  }
  const Text& text() const;
  const std::string& str() const { return text().bytes(); }
  const Sequence& sequence() const;
  const Dict& dict() const;
  Namespace& name_space() const;
  const std::shared_ptr<Object>& object() const { return object_; }

 private:
  Kind kind_ = Kind::kUndefined;
  Origin origin_ = Origin::kTrusted;  // of a scalar: is its spelling data?
  union {
    int64_t integer;
    double real;
  } number_ = {0};
  std::shared_ptr<Object> object_;
};

struct StringObject final : Object {
  Text text;
};

enum class SequenceKind : uint8_t {
  kList,
  kTuple,
  kRange,
  kView,      // dict.items(), .keys(), .values(): has a length, no index
  kIterator,  // map, select, items, ...: no length, always true, used up by iterating
};

struct Sequence final : Object {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  mutable size_t next = 0;  // of an iterator
  uint64_t weight = 1;
};

struct Dict final : Object {
  std::vector<std::pair<Value, Value>> entries;  // in order of insertion
  uint64_t weight = 1;
  absl::flat_hash_map<std::string, size_t> index;  // of string keys, in large ones
  const Value* Find(std::string_view key) const;
  const Value* Find(const Value& key) const;
  void Set(Value key, Value value);  // keeps the place of a key that is there
};

struct Namespace final : Object {
  Dict attributes;
};

Value MakeSequence(SequenceKind kind, std::vector<Value> items);
Value MakeDict(std::vector<std::pair<Value, Value>> entries);
// How deep lists and dicts are nested in a value; 0 for scalars.
int DepthOf(const Value& value);
// The work of walking through a value once: about one for each scalar and each 32 bytes of text.
// What a list holds twice counts twice, for that is how often it is visited.
uint64_t WeightOf(const Value& value);
// Deepest nesting a value may reach: keeps recursion over values within the stack.
inline constexpr int kValueDepthMax = 128;

using Json = nlohmann::ordered_json;
// All strings and numbers of `json` are data. Integers above 2^63 - 1 become floats. Nothing if it
// is nested deeper than kValueDepthMax.
std::optional<Value> FromJson(const Json& json, int depth = 0);

// Python's bool(), ==, type names.
bool IsTrue(const Value& value);
bool Equals(const Value& a, const Value& b);
std::string_view TypeName(const Value& value);
// a < b for numbers, strings and sequences; nothing where Python refuses to compare.
std::optional<bool> Less(const Value& a, const Value& b);

// Python's str() and repr().
Text ToText(const Value& value);
void AppendRepr(const Value& value, std::string& out);
std::string FloatRepr(double value);
Value Literal(std::string_view text);  // a trusted string
Value Data(std::string_view text);     // a string of computed bytes

}  // namespace cairn::jinja
