#include "scheduler/ingress/field_reader.h"

#include <cmath>

#include "kvstore/base/check.h"
#include "scheduler/ingress/status_map.h"
#include "scheduler/operator/text_cat.h"

namespace cairn {

FieldReader::FieldReader(const Json& object, std::string_view prefix)
    : object_(object), prefix_(prefix) {
  CAIRN_CHECK(object.is_object());
}

const FieldReader::Json* FieldReader::Find(std::string_view name) {
  known_.emplace(name);
  // A member named twice: the parser has kept the last.
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool FieldReader::Bool(std::string_view name, bool fallback) {
  const Json* value = Find(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    Fail(InvalidField(Path(name), "must be true or false"));
    return fallback;
  }
  return value->get<bool>();
}

std::optional<int64_t> FieldReader::Integer(std::string_view name, int64_t low, int64_t high) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> number;
  if (value->is_number_unsigned()) {
    const auto large = value->get<uint64_t>();
    if (large <= static_cast<uint64_t>(INT64_MAX)) number = static_cast<int64_t>(large);
  } else if (value->is_number_integer()) {
    number = value->get<int64_t>();
  } else if (value->is_number_float()) {
    // Some clients write 16.0.
    const double real = value->get<double>();
    if (std::floor(real) == real && std::abs(real) < 9.0e15) number = static_cast<int64_t>(real);
  }
  if (!number || *number < low || *number > high) {
    Fail(InvalidField(Path(name), TextCat("must be an integer from ", low, " to ", high)));
    return std::nullopt;
  }
  return number;
}

std::optional<double> FieldReader::Number(std::string_view name, double low, double high) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
    Fail(InvalidField(Path(name), TextCat("must be a number from ", low, " to ", high)));
    return std::nullopt;
  }
  return value->get<double>();
}

std::optional<std::string> FieldReader::Text(std::string_view name, size_t bytes_max) {
  const Json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Fail(InvalidField(Path(name), "must be a string"));
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > bytes_max) {
    Fail(InvalidField(Path(name), TextCat("must be at most ", bytes_max, " bytes long")));
    return std::nullopt;
  }
  return text;
}

void FieldReader::Only(std::string_view name, std::initializer_list<const char*> accepted,
                       std::string_view why) {
  const Json* value = Find(name);
  if (value == nullptr) return;
  for (const char* text : accepted) {
    if (*value == Json::parse(text)) return;
  }
  Fail(UnsupportedField(Path(name), why));
}

void FieldReader::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

std::vector<std::string> FieldReader::Unknown() const {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : object_.items()) {
    if (!known_.contains(name)) unknown.push_back(Path(name));
  }
  return unknown;
}

}  // namespace cairn
