// Reads the fields of one JSON object with their ranges, and remembers which were asked for, so
// that what is left over can be named. The first error stays; readers after it return their
// fallback.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace cairn {

class FieldReader {
 public:
  using Json = nlohmann::ordered_json;

  // `prefix` is put before field names in messages ("stream_options."). REQUIRES:
  // object.is_object().
  explicit FieldReader(const Json& object, std::string_view prefix = "");

  // The field's value; null when it is absent or JSON null. Marks the field as known.
  const Json* Find(std::string_view name);
  bool Bool(std::string_view name, bool fallback);
  std::optional<int64_t> Integer(std::string_view name, int64_t low, int64_t high);
  std::optional<double> Number(std::string_view name, double low, double high);
  std::optional<std::string> Text(std::string_view name, size_t bytes_max);
  // The field may be present only as null or equal to one of these JSON texts.
  void Only(std::string_view name, std::initializer_list<const char*> accepted,
            std::string_view why);
  void Ignore(std::string_view name) { known_.insert(std::string(name)); }

  void Fail(absl::Status status);
  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }
  std::string Path(std::string_view name) const { return prefix_ + std::string(name); }
  // Fields present that nobody asked for, in the order of the document.
  std::vector<std::string> Unknown() const;

 private:
  const Json& object_;
  std::string prefix_;
  std::set<std::string, std::less<>> known_;
  absl::Status status_;
};

}  // namespace cairn
