// The named values in a model file's head: sizes, the vocabulary, the chat template. Strings and
// arrays point into the mapped file, so that a vocabulary of 262,144 tokens costs nothing until it
// is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cairn {

// GGUF's own numbers.
enum class MetadataType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

const char* NameOf(MetadataType type);
// Bytes of one value; 0 for strings and arrays, whose size is in the file.
uint32_t FixedBytes(MetadataType type);

// An array as it lies in the file, already checked: `bytes` holds exactly `count` elements.
struct MetadataArray {
  MetadataType element = MetadataType::kUint8;  // never kArray
  uint64_t count = 0;
  std::span<const std::byte> bytes;
};

struct MetadataValue {
  MetadataType type = MetadataType::kUint8;
  std::variant<uint64_t, int64_t, double, bool, std::string_view, MetadataArray> value;
};

// The values by name, in the file's order. What Find gives lives as long as the weight file.
//
// The typed getters: nothing if the name is absent; INVALID_ARGUMENT that names it if its type is
// another or its number does not fit.
class Metadata {
 public:
  struct Entry {
    std::string_view name;
    MetadataValue value;
  };

  Metadata() = default;
  // REQUIRES: names differ.
  explicit Metadata(std::vector<Entry> entries);

  const std::vector<Entry>& entries() const { return entries_; }
  const MetadataValue* Find(std::string_view name) const;

  absl::StatusOr<std::optional<uint64_t>> Unsigned(std::string_view name) const;
  absl::StatusOr<std::optional<double>> Number(std::string_view name) const;
  absl::StatusOr<std::optional<bool>> Bool(std::string_view name) const;
  absl::StatusOr<std::optional<std::string_view>> String(std::string_view name) const;
  absl::StatusOr<std::optional<std::vector<std::string_view>>> Strings(std::string_view name) const;
  absl::StatusOr<std::optional<std::vector<float>>> Floats(std::string_view name) const;
  absl::StatusOr<std::optional<std::vector<int64_t>>> Integers(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
  std::vector<uint32_t> by_name_;  // indices of entries_, names ascending
};

// One number as it lies in a file. REQUIRES: FixedBytes(type) > 0 and that many bytes at `at`.
MetadataValue DecodeMetadataNumber(MetadataType type, const std::byte* at);

}  // namespace cairn
