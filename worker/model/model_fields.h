// Fields of a model's description, by name, whichever kind of file they come from; the first thing
// that is wrong is kept, so that a reader of thirty fields need not stop at each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "worker/model/metadata.h"

namespace cairn {

class ModelFields {
 public:
  virtual ~ModelFields() = default;

  // What is absent or null is nothing; a wrong type is an error that names the field.
  virtual absl::StatusOr<std::optional<double>> Find(const std::string& field) const = 0;

  const absl::Status& status() const { return status_; }
  void Refuse(const std::string& why) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(why);
  }

  // A number that must be there, or `otherwise`.
  double Real(const std::string& field, std::optional<double> otherwise = std::nullopt);
  // A whole number in [low, high].
  uint32_t Count(const std::string& field, uint32_t low, uint32_t high,
                 std::optional<uint32_t> otherwise = std::nullopt);
  // Refuses a feature that is on: a field that is there and not zero.
  void RefuseIfSet(const std::string& field, const std::string& what);

 private:
  absl::Status status_;
};

// Fields of GGUF metadata: `prefix` ("llama.") is put before each name.
class GgufFields : public ModelFields {
 public:
  GgufFields(const Metadata& metadata, std::string prefix)
      : metadata_(metadata), prefix_(std::move(prefix)) {}
  absl::StatusOr<std::optional<double>> Find(const std::string& field) const override;

 private:
  const Metadata& metadata_;
  std::string prefix_;
};

// Members of a JSON object; bools are 0 and 1.
class JsonFields : public ModelFields {
 public:
  explicit JsonFields(const nlohmann::json& object) : object_(object) {}
  absl::StatusOr<std::optional<double>> Find(const std::string& field) const override;

 private:
  const nlohmann::json& object_;
};

}  // namespace cairn
