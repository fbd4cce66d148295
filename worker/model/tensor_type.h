// The number formats of tensors in weight files: their names, block sizes and bytes.
// Block layouts are those of ggml (ggml/src/ggml-common.h of llama.cpp); dequantize.h decodes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cairn {

enum class TensorType : uint8_t {
  kF32,
  kF16,
  kBf16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ4_K,
  kQ5_K,
  kQ6_K,
};

inline constexpr int kTensorTypes = 11;

// A tensor's rows are whole blocks: `values` consecutive numbers in `bytes` bytes.
struct TensorTypeInfo {
  const char* name;
  uint32_t values;
  uint32_t bytes;
  int bits;        // of one code of a grouped integer format; 0 for float types
  uint32_t group;  // values that share one scale; 0 for float types
};

const TensorTypeInfo& InfoOf(TensorType type);

// The type a GGUF file means by a number; nothing if Cairn does not read it.
std::optional<TensorType> TensorTypeFromGguf(uint32_t number);
// What GGUF files mean by a number, for messages: "Q2_K", "IQ4_XS" or "number 77".
std::string GgufTypeName(uint32_t number);
// The type a safetensors header means by "F32", "F16" or "BF16"; nothing for any other.
std::optional<TensorType> TensorTypeFromSafetensors(std::string_view name);

}  // namespace cairn
