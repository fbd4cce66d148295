// Blocks of a weight file's tensor types to numbers. Block layouts and arithmetic are ggml's
// (ggml-quants.c, dequantize_row_*), so that every reader of a file means the same weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "worker/model/tensor_type.h"

namespace cairn {

// One row of any type to float32.
//   row  whole blocks that hold out.size() values
void DequantizeRow(TensorType type, std::span<const std::byte> row, std::span<float> out);

// Weights in groups of 32 that share a scale and an offset: weight = scale * code + offset.
inline constexpr uint32_t kGroupValues = 32;

struct GroupedRow {
  std::span<int8_t> codes;   // one a value
  std::span<float> scales;   // one a group
  std::span<float> offsets;  // one a group
};

enum class GroupedCodes : uint8_t {
  kNone,     // a float type, or Q6_K whose groups have 16 values: take them as floats
  kFourBit,  // the file's codes 0..15
  kEightBit  // the file's codes, signed where its zero is in the middle
};
GroupedCodes GroupedCodesOf(TensorType type);

// One row of a grouped type exactly as the file has it. Codes of kFourBit types are 0..15, of the
// others -128..127. REQUIRES: GroupedCodesOf(type) != kNone; `row` holds out.codes.size() values.
void DecodeGroups(TensorType type, std::span<const std::byte> row, GroupedRow out);

}  // namespace cairn
