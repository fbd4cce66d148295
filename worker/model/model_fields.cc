#include "worker/model/model_fields.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cairn {

double ModelFields::Real(const std::string& field, std::optional<double> otherwise) {
  const absl::StatusOr<std::optional<double>> found = Find(field);
  if (!found.ok()) {
    Refuse(std::string(found.status().message()));
    return 0;
  }
  if (!found->has_value()) {
    if (!otherwise) Refuse(absl::StrCat("field '", field, "' is missing"));
    return otherwise.value_or(0);
  }
  if (!std::isfinite(**found)) Refuse(absl::StrCat("field '", field, "' is not a finite number"));
  return **found;
}

uint32_t ModelFields::Count(const std::string& field, uint32_t low, uint32_t high,
                            std::optional<uint32_t> otherwise) {
  const double value = Real(field, otherwise ? std::optional<double>(*otherwise) : std::nullopt);
  if (!status_.ok()) return low;
  if (!(value >= low && value <= high) || value != std::floor(value)) {
    Refuse(absl::StrCat("field '", field, "' is ", value, ", expected a whole number from ", low,
                        " to ", high));
    return low;
  }
  return static_cast<uint32_t>(value);
}

void ModelFields::RefuseIfSet(const std::string& field, const std::string& what) {
  if (Real(field, 0.0) != 0)
    Refuse(absl::StrCat("field '", field, "': ", what, " is not computed"));
}

absl::StatusOr<std::optional<double>> GgufFields::Find(const std::string& field) const {
  const std::string name = prefix_ + field;
  const MetadataValue* value = metadata_.Find(name);
  if (value != nullptr && value->type == MetadataType::kBool) {
    return std::get<bool>(value->value) ? 1.0 : 0.0;
  }
  return metadata_.Number(name);
}

absl::StatusOr<std::optional<double>> JsonFields::Find(const std::string& field) const {
  const auto it = object_.find(field);
  if (it == object_.end() || it->is_null()) return std::nullopt;
  if (it->is_boolean()) return it->get<bool>() ? 1.0 : 0.0;
  if (it->is_number()) return it->get<double>();
  return absl::InvalidArgumentError(
      absl::StrCat("field '", field, "' is a ", it->type_name(), ", expected a number"));
}

}  // namespace cairn
