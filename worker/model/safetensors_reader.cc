#include "worker/model/safetensors_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kHeadBytesMax = 16 << 20;  // of the largest models: below 1 MiB a file
constexpr size_t kDimensionsMax = 8;
constexpr uint64_t kHeadAt = 8;

absl::Status Refusal(uint64_t offset, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("offset ", offset, ": ", why));
}

std::optional<uint64_t> NaturalOf(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

std::optional<std::vector<uint64_t>> NaturalsOf(const Json& object, const char* key, size_t max) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_array() || it->size() > max) return std::nullopt;
  std::vector<uint64_t> out;
  for (const Json& item : *it) {
    const std::optional<uint64_t> value = NaturalOf(item);
    if (!value) return std::nullopt;
    out.push_back(*value);
  }
  return out;
}

// The bytes a shape asks for; nothing if it has a zero or is larger than any file.
std::optional<uint64_t> BytesOf(const std::vector<uint64_t>& shape, TensorType type) {
  uint64_t values = 1;
  for (const uint64_t size : shape) {
    if (size == 0 || size > (uint64_t{1} << 50) / values) return std::nullopt;
    values *= size;
  }
  return values * InfoOf(type).bytes;
}

absl::StatusOr<Tensor> ReadTensor(const std::string& name, const Json& entry,
                                  std::span<const std::byte> data) {
  const std::string quoted = absl::StrCat("tensor '", absl::CHexEscape(name.substr(0, 80)), "'");
  if (!entry.is_object()) return Refusal(kHeadAt, absl::StrCat(quoted, " is not an object"));
  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) {
    return Refusal(kHeadAt, absl::StrCat(quoted, " has no dtype"));
  }
  const auto type = TensorTypeFromSafetensors(dtype->get_ref<const std::string&>());
  if (!type) {
    return Refusal(kHeadAt, absl::StrCat(quoted, " has dtype '",
                                         absl::CHexEscape(dtype->get_ref<const std::string&>()),
                                         "'; F32, F16 and BF16 are read"));
  }
  auto shape = NaturalsOf(entry, "shape", kDimensionsMax);
  const auto place = NaturalsOf(entry, "data_offsets", 2);
  if (!shape || !place || place->size() != 2) {
    return Refusal(kHeadAt, absl::StrCat(quoted, " has no sound shape and data_offsets"));
  }
  if (shape->empty()) shape->push_back(1);  // a scalar
  const std::optional<uint64_t> wanted = BytesOf(*shape, *type);
  const auto [begin, end] = std::pair((*place)[0], (*place)[1]);
  if (begin > end || end > data.size()) {
    return Refusal(kHeadAt, absl::StrCat(quoted, " lies at ", begin, " to ", end,
                                         " of the data, which ends at ", data.size(),
                                         ": the file is cut short or its head is wrong"));
  }
  if (!wanted || *wanted != end - begin) {
    return Refusal(kHeadAt, absl::StrCat(quoted, " has ", end - begin,
                                         " bytes, which is not what its shape asks for"));
  }
  return Tensor{name, *type, *std::move(shape), data.subspan(begin, end - begin)};
}

absl::StatusOr<Json> ParseHead(std::span<const std::byte> file) {
  if (file.size() < kHeadAt) return Refusal(0, "the file ends before the length of its head");
  uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof(size));
  if (size > kHeadBytesMax || size > file.size() - kHeadAt) {
    return Refusal(0,
                   absl::StrCat("the head says it has ", size, " bytes, the file has ",
                                file.size() - kHeadAt, ": cut short, or not a safetensors file"));
  }
  const auto* text = reinterpret_cast<const char*>(file.data() + kHeadAt);
  Json head = Json::parse(text, text + size, nullptr, /*allow_exceptions=*/false);
  if (!head.is_object()) return Refusal(kHeadAt, "the head is not a JSON object");
  return head;
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> ReadSafetensors(std::span<const std::byte> file) {
  absl::StatusOr<Json> head = ParseHead(file);
  if (!head.ok()) return head.status();
  uint64_t head_bytes = 0;
  std::memcpy(&head_bytes, file.data(), sizeof(head_bytes));
  const auto data = file.subspan(kHeadAt + head_bytes);
  std::vector<Tensor> tensors;
  for (const auto& [name, entry] : head->items()) {
    if (name == "__metadata__") continue;
    absl::StatusOr<Tensor> tensor = ReadTensor(name, entry, data);
    if (!tensor.ok()) return tensor.status();
    tensors.push_back(*std::move(tensor));
  }
  std::ranges::sort(tensors, {}, [](const Tensor& t) { return t.bytes.data(); });
  const std::byte* free_from = data.data();
  for (const Tensor& tensor : tensors) {  // the format asks that no byte is shared or left over
    if (tensor.bytes.data() != free_from) {
      return Refusal(kHeadAt,
                     absl::StrCat("tensor '", absl::CHexEscape(tensor.name),
                                  "' shares bytes with the one before it, or leaves a hole"));
    }
    free_from += tensor.bytes.size();
  }
  if (free_from != data.data() + data.size()) {
    return Refusal(static_cast<uint64_t>(free_from - file.data()),
                   "bytes follow the last tensor that no tensor owns");
  }
  return tensors;
}

}  // namespace cairn
