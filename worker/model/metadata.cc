#include "worker/model/metadata.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

template <typename T>
T Read(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));  // GGUF is little-endian, and so is every machine we run on
  return value;
}

absl::Status WrongType(std::string_view name, const MetadataValue& value, const char* wanted) {
  std::string found(NameOf(value.type));
  if (const auto* array = std::get_if<MetadataArray>(&value.value)) {
    absl::StrAppend(&found, " of ", NameOf(array->element));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("metadata '", std::string(name), "' is a ", found, ", expected ", wanted));
}

// The array under `name`: null if absent.
absl::StatusOr<const MetadataArray*> ArrayOf(const Metadata& metadata, std::string_view name,
                                             const char* wanted) {
  const MetadataValue* value = metadata.Find(name);
  if (value == nullptr) return nullptr;
  const auto* array = std::get_if<MetadataArray>(&value->value);
  if (array == nullptr) return WrongType(name, *value, wanted);
  return array;
}

}  // namespace

const char* NameOf(MetadataType type) {
  switch (type) {
    case MetadataType::kUint8:
      return "uint8";
    case MetadataType::kInt8:
      return "int8";
    case MetadataType::kUint16:
      return "uint16";
    case MetadataType::kInt16:
      return "int16";
    case MetadataType::kUint32:
      return "uint32";
    case MetadataType::kInt32:
      return "int32";
    case MetadataType::kFloat32:
      return "float32";
    case MetadataType::kBool:
      return "bool";
    case MetadataType::kString:
      return "string";
    case MetadataType::kArray:
      return "array";
    case MetadataType::kUint64:
      return "uint64";
    case MetadataType::kInt64:
      return "int64";
    case MetadataType::kFloat64:
      return "float64";
  }
  return "unknown";
}

uint32_t FixedBytes(MetadataType type) {
  switch (type) {
    case MetadataType::kUint8:
    case MetadataType::kInt8:
    case MetadataType::kBool:
      return 1;
    case MetadataType::kUint16:
    case MetadataType::kInt16:
      return 2;
    case MetadataType::kUint32:
    case MetadataType::kInt32:
    case MetadataType::kFloat32:
      return 4;
    case MetadataType::kUint64:
    case MetadataType::kInt64:
    case MetadataType::kFloat64:
      return 8;
    case MetadataType::kString:
    case MetadataType::kArray:
      return 0;
  }
  return 0;
}

MetadataValue DecodeMetadataNumber(MetadataType type, const std::byte* at) {
  const auto natural = [&](uint64_t value) { return MetadataValue{type, value}; };
  const auto whole = [&](int64_t value) { return MetadataValue{type, value}; };
  switch (type) {
    case MetadataType::kUint8:
      return natural(Read<uint8_t>(at));
    case MetadataType::kUint16:
      return natural(Read<uint16_t>(at));
    case MetadataType::kUint32:
      return natural(Read<uint32_t>(at));
    case MetadataType::kUint64:
      return natural(Read<uint64_t>(at));
    case MetadataType::kInt8:
      return whole(Read<int8_t>(at));
    case MetadataType::kInt16:
      return whole(Read<int16_t>(at));
    case MetadataType::kInt32:
      return whole(Read<int32_t>(at));
    case MetadataType::kInt64:
      return whole(Read<int64_t>(at));
    case MetadataType::kFloat32:
      return {type, static_cast<double>(Read<float>(at))};
    case MetadataType::kFloat64:
      return {type, Read<double>(at)};
    case MetadataType::kBool:
      return {type, Read<uint8_t>(at) != 0};
    case MetadataType::kString:
    case MetadataType::kArray:
      break;
  }
  CAIRN_CHECK(FixedBytes(type) > 0);
  return {};
}

Metadata::Metadata(std::vector<Entry> entries)
    : entries_(std::move(entries)), by_name_(entries_.size()) {
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::ranges::sort(by_name_, {}, [this](uint32_t i) { return entries_[i].name; });
}

const MetadataValue* Metadata::Find(std::string_view name) const {
  const auto name_of = [this](uint32_t i) { return entries_[i].name; };
  const auto it = std::ranges::lower_bound(by_name_, name, {}, name_of);
  if (it == by_name_.end() || name_of(*it) != name) return nullptr;
  return &entries_[*it].value;
}

absl::StatusOr<std::optional<uint64_t>> Metadata::Unsigned(std::string_view name) const {
  const MetadataValue* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* natural = std::get_if<uint64_t>(&value->value)) return *natural;
  if (const auto* whole = std::get_if<int64_t>(&value->value); whole != nullptr && *whole >= 0) {
    return static_cast<uint64_t>(*whole);
  }
  return WrongType(name, *value, "a number that is not negative");
}

absl::StatusOr<std::optional<double>> Metadata::Number(std::string_view name) const {
  const MetadataValue* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* real = std::get_if<double>(&value->value)) return *real;
  if (const auto* natural = std::get_if<uint64_t>(&value->value)) {
    return static_cast<double>(*natural);
  }
  if (const auto* whole = std::get_if<int64_t>(&value->value)) return static_cast<double>(*whole);
  return WrongType(name, *value, "a number");
}

absl::StatusOr<std::optional<bool>> Metadata::Bool(std::string_view name) const {
  const MetadataValue* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (const bool* flag = std::get_if<bool>(&value->value)) return *flag;
  return WrongType(name, *value, "a bool");
}

absl::StatusOr<std::optional<std::string_view>> Metadata::String(std::string_view name) const {
  const MetadataValue* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = std::get_if<std::string_view>(&value->value)) return *text;
  return WrongType(name, *value, "a string");
}

absl::StatusOr<std::optional<std::vector<std::string_view>>> Metadata::Strings(
    std::string_view name) const {
  constexpr const char* kWanted = "an array of strings";
  absl::StatusOr<const MetadataArray*> array = ArrayOf(*this, name, kWanted);
  if (!array.ok()) return array.status();
  if (*array == nullptr) return std::nullopt;
  if ((*array)->element != MetadataType::kString) return WrongType(name, *Find(name), kWanted);
  std::vector<std::string_view> out;
  out.reserve((*array)->count);
  const std::byte* at = (*array)->bytes.data();
  for (uint64_t i = 0; i < (*array)->count; ++i) {
    const auto size = Read<uint64_t>(at);  // checked when the file was opened
    out.emplace_back(reinterpret_cast<const char*>(at + 8), size);
    at += 8 + size;
  }
  return out;
}

absl::StatusOr<std::optional<std::vector<float>>> Metadata::Floats(std::string_view name) const {
  constexpr const char* kWanted = "an array of floats";
  absl::StatusOr<const MetadataArray*> array = ArrayOf(*this, name, kWanted);
  if (!array.ok()) return array.status();
  if (*array == nullptr) return std::nullopt;
  const MetadataType element = (*array)->element;
  if (element != MetadataType::kFloat32 && element != MetadataType::kFloat64) {
    return WrongType(name, *Find(name), kWanted);
  }
  std::vector<float> out((*array)->count);
  const std::byte* at = (*array)->bytes.data();
  for (float& x : out) {
    x = element == MetadataType::kFloat32 ? Read<float>(at) : static_cast<float>(Read<double>(at));
    at += FixedBytes(element);
  }
  return out;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> Metadata::Integers(
    std::string_view name) const {
  constexpr const char* kWanted = "an array of integers";
  absl::StatusOr<const MetadataArray*> array = ArrayOf(*this, name, kWanted);
  if (!array.ok()) return array.status();
  if (*array == nullptr) return std::nullopt;
  const MetadataType element = (*array)->element;
  if (FixedBytes(element) == 0) return WrongType(name, *Find(name), kWanted);
  std::vector<int64_t> out;
  out.reserve((*array)->count);
  const std::byte* at = (*array)->bytes.data();
  for (uint64_t i = 0; i < (*array)->count; ++i, at += FixedBytes(element)) {
    const MetadataValue value = DecodeMetadataNumber(element, at);
    if (const auto* whole = std::get_if<int64_t>(&value.value)) {
      out.push_back(*whole);
    } else if (const auto* natural = std::get_if<uint64_t>(&value.value);
               natural != nullptr &&
               *natural <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      out.push_back(static_cast<int64_t>(*natural));
    } else if (const bool* flag = std::get_if<bool>(&value.value)) {
      out.push_back(*flag ? 1 : 0);
    } else {
      return WrongType(name, *Find(name), kWanted);
    }
  }
  return out;
}

}  // namespace cairn
