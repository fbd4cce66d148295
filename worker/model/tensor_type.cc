#include "worker/model/tensor_type.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace cairn {
namespace {

constexpr std::array<TensorTypeInfo, kTensorTypes> kInfo = {{
    {"F32", 1, 4, 0, 0},
    {"F16", 1, 2, 0, 0},
    {"BF16", 1, 2, 0, 0},
    {"Q8_0", 32, 34, 8, 32},
    {"Q4_0", 32, 18, 4, 32},
    {"Q4_1", 32, 20, 4, 32},
    {"Q5_0", 32, 22, 5, 32},
    {"Q5_1", 32, 24, 5, 32},
    {"Q4_K", 256, 144, 4, 32},
    {"Q5_K", 256, 176, 5, 32},
    {"Q6_K", 256, 210, 6, 16},
}};

// enum ggml_type of ggml.h. Empty: removed or never used.
constexpr std::array<const char*, 40> kGgufNames = {
    "F32",     "F16",    "Q4_0",    "Q4_1",  "Q4_2",   "Q4_3",  "Q5_0",  "Q5_1",
    "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
    "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
    "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16",  "",
    "",        "",       "TQ1_0",   "TQ2_0", "",       "",      "",      "MXFP4"};

}  // namespace

const TensorTypeInfo& InfoOf(TensorType type) { return kInfo[static_cast<size_t>(type)]; }

std::optional<TensorType> TensorTypeFromGguf(uint32_t number) {
  switch (number) {
    case 0:
      return TensorType::kF32;
    case 1:
      return TensorType::kF16;
    case 2:
      return TensorType::kQ4_0;
    case 3:
      return TensorType::kQ4_1;
    case 6:
      return TensorType::kQ5_0;
    case 7:
      return TensorType::kQ5_1;
    case 8:
      return TensorType::kQ8_0;
    case 12:
      return TensorType::kQ4_K;
    case 13:
      return TensorType::kQ5_K;
    case 14:
      return TensorType::kQ6_K;
    case 30:
      return TensorType::kBf16;
    default:
      return std::nullopt;
  }
}

std::string GgufTypeName(uint32_t number) {
  if (number < kGgufNames.size() && *kGgufNames[number] != 0) {
    return kGgufNames[number];
  }
  return absl::StrCat("number ", number);
}

std::optional<TensorType> TensorTypeFromSafetensors(std::string_view name) {
  if (name == "F32") return TensorType::kF32;
  if (name == "F16") return TensorType::kF16;
  if (name == "BF16") return TensorType::kBf16;
  return std::nullopt;
}

}  // namespace cairn
