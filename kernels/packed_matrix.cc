#include "kernels/packed_matrix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "kernels/half_float.h"
#include "kernels/kernel_check.h"

namespace cairn {
namespace {

constexpr size_t kGroupsOfBlock = kKBlock / kGroup;
constexpr size_t kScalesBytes = kGroupsOfBlock * kPanelColumns * sizeof(uint16_t);

bool IsInt4(PackedFormat format) {
  return format == PackedFormat::kInt4 || format == PackedFormat::kInt4Min;
}
bool HasMin(PackedFormat format) {
  return format == PackedFormat::kUint8Min || format == PackedFormat::kInt4Min;
}
// Bytes of a group's codes for the columns of a panel.
size_t CodeBytes(PackedFormat format) { return kPanelColumns * kGroup / (IsInt4(format) ? 2 : 1); }
size_t BlockBytes(PackedFormat format) {
  if (format == PackedFormat::kBf16) return kKBlock * kPanelColumns * sizeof(uint16_t);
  return kGroupsOfBlock * CodeBytes(format) + kScalesBytes * (HasMin(format) ? 2 : 1);
}
size_t ZeroPoint(PackedFormat format) {
  if (format == PackedFormat::kInt8) return 128;
  return format == PackedFormat::kInt4 ? 8 : 0;
}

// Where code i of a group is among the codes of its panel.
size_t CodeByte(PackedFormat format, size_t column, size_t i) {
  const size_t quad = IsInt4(format) ? i / 8 : i / 4;
  return quad * kPanelColumns * 4 + column * 4 + i % 4;
}
bool IsHighHalf(PackedFormat format, size_t i) { return IsInt4(format) && i % 8 >= 4; }

size_t ScaleByte(PackedFormat format, size_t column, size_t group) {
  return kGroupsOfBlock * CodeBytes(format) +
         (group % kGroupsOfBlock * kPanelColumns + column) * sizeof(uint16_t);
}

uint16_t Load16(const std::byte* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
void Store16(std::byte* at, uint16_t value) { std::memcpy(at, &value, sizeof value); }

// fp16 has no room above 65504; a scale there would make every weight of the group infinite.
float ToHalfRange(float value) {
  return value > -65504.0f ? (value < 65504.0f ? value : 65504.0f) : -65504.0f;
}

}  // namespace

std::string_view PackedFormatName(PackedFormat format) {
  switch (format) {
    case PackedFormat::kBf16:
      return "bf16";
    case PackedFormat::kInt8:
      return "int8";
    case PackedFormat::kUint8Min:
      return "uint8-min";
    case PackedFormat::kInt4:
      return "int4";
    case PackedFormat::kInt4Min:
      return "int4-min";
  }
  return "unknown";
}

size_t PackedBytes(PackedFormat format, size_t n, size_t k) {
  return (n + kPanelColumns - 1) / kPanelColumns * ((k + kKBlock - 1) / kKBlock) *
         BlockBytes(format);
}

void PackedMatrix::Row(size_t n, float* out) const {
  CAIRN_KERNEL_CHECK(n < n_);
  const size_t column = n % kPanelColumns;
  const std::byte* const panel = data() + n / kPanelColumns * panel_bytes_;
  const size_t block_bytes = BlockBytes(format_);
  if (format_ == PackedFormat::kBf16) {
    for (size_t i = 0; i < k_; ++i) {
      out[i] = FloatFromBf16(Load16(panel + (i / 2 * kPanelColumns + column) * 4 + i % 2 * 2));
    }
    return;
  }
  const int zero_point = static_cast<int>(ZeroPoint(format_));
  for (size_t group = 0; group * kGroup < k_; ++group) {
    const std::byte* const block = panel + group / kGroupsOfBlock * block_bytes;
    const std::byte* const codes = block + group % kGroupsOfBlock * CodeBytes(format_);
    const size_t at = ScaleByte(format_, column, group);
    const float d = FloatFromHalf(Load16(block + at));
    const float m = HasMin(format_) ? FloatFromHalf(Load16(block + at + kScalesBytes)) : 0.0f;
    for (size_t i = 0; i < kGroup && group * kGroup + i < k_; ++i) {
      int code = static_cast<int>(codes[CodeByte(format_, column, i)]);
      if (IsInt4(format_)) code = IsHighHalf(format_, i) ? code >> 4 : code & 15;
      out[group * kGroup + i] = std::fma(d, static_cast<float>(code - zero_point), m);
    }
  }
}

MatrixPacker::MatrixPacker(PackedFormat format, size_t n, size_t k, WeightMemory& memory) {
  CAIRN_KERNEL_CHECK(n > 0 && k > 0);
  matrix_.format_ = format;
  matrix_.n_ = n;
  matrix_.k_ = k;
  matrix_.k_blocks_ = (k + kKBlock - 1) / kKBlock;
  matrix_.panels_ = (n + kPanelColumns - 1) / kPanelColumns;
  matrix_.panel_bytes_ = matrix_.k_blocks_ * BlockBytes(format);
  matrix_.data_ = memory.Take(matrix_.bytes());
}

std::byte* MatrixPacker::Block(size_t n, size_t block) const {
  return matrix_.data_.get() + n / kPanelColumns * matrix_.panel_bytes_ +
         block * BlockBytes(matrix_.format_);
}

// codes: biased by the zero point, so that all are 0 or more.
void MatrixPacker::StoreGroup(size_t n, size_t group, const uint8_t* codes, size_t count, float d,
                              float m) {
  const PackedFormat format = matrix_.format_;
  const size_t column = n % kPanelColumns;
  std::byte* const block = Block(n, group / kGroupsOfBlock);
  std::byte* const packed = block + group % kGroupsOfBlock * CodeBytes(format);
  for (size_t i = 0; i < count; ++i) {
    std::byte& at = packed[CodeByte(format, column, i)];
    if (!IsInt4(format)) {
      at = std::byte{codes[i]};
    } else if (IsHighHalf(format, i)) {
      at = (at & std::byte{0x0f}) | std::byte(codes[i] << 4);
    } else {
      at = (at & std::byte{0xf0}) | std::byte(codes[i] & 15);
    }
  }
  const size_t scale = ScaleByte(format, column, group);
  Store16(block + scale, HalfFromFloat(ToHalfRange(d)));
  if (HasMin(format)) Store16(block + scale + kScalesBytes, HalfFromFloat(ToHalfRange(m)));
}

void MatrixPacker::CheckRow(bool right_format, size_t n, size_t codes, size_t scales) const {
  CAIRN_KERNEL_CHECK(right_format);
  CAIRN_KERNEL_CHECK(n < matrix_.n_);
  CAIRN_KERNEL_CHECK(codes == matrix_.k_);
  CAIRN_KERNEL_CHECK(scales == groups());
}

void MatrixPacker::Row(size_t n, std::span<const int8_t> codes, std::span<const float> d) {
  CheckRow(matrix_.format_ == PackedFormat::kInt8, n, codes.size(), d.size());
  for (size_t group = 0; group < d.size(); ++group) {
    uint8_t biased[kGroup];
    const size_t count = std::min(kGroup, codes.size() - group * kGroup);
    for (size_t i = 0; i < count; ++i) {
      biased[i] = static_cast<uint8_t>(codes[group * kGroup + i] + 128);
    }
    StoreGroup(n, group, biased, count, d[group], 0);
  }
}

void MatrixPacker::Row(size_t n, std::span<const uint8_t> codes, std::span<const float> d) {
  CheckRow(matrix_.format_ == PackedFormat::kInt4, n, codes.size(), d.size());
  for (size_t group = 0; group < d.size(); ++group) {
    const size_t count = std::min(kGroup, codes.size() - group * kGroup);
    StoreGroup(n, group, codes.data() + group * kGroup, count, d[group], 0);
  }
}

void MatrixPacker::Row(size_t n, std::span<const uint8_t> codes, std::span<const float> d,
                       std::span<const float> m) {
  CheckRow(HasMin(matrix_.format_) && m.size() == d.size(), n, codes.size(), d.size());
  for (size_t group = 0; group < d.size(); ++group) {
    const size_t count = std::min(kGroup, codes.size() - group * kGroup);
    StoreGroup(n, group, codes.data() + group * kGroup, count, d[group], m[group]);
  }
}

void MatrixPacker::Row(size_t n, std::span<const float> weights) {
  const bool to_bf16 = matrix_.format_ == PackedFormat::kBf16;
  CheckRow(to_bf16 || matrix_.format_ == PackedFormat::kInt8, n, weights.size(), groups());
  if (to_bf16) {
    for (size_t i = 0; i < weights.size(); ++i) {
      Store16(Block(n, 0) + (i / 2 * kPanelColumns + n % kPanelColumns) * 4 + i % 2 * 2,
              Bf16FromFloat(weights[i]));
    }
    return;
  }
  for (size_t group = 0; group < groups(); ++group) {
    const size_t count = std::min(kGroup, weights.size() - group * kGroup);
    const float* const w = weights.data() + group * kGroup;
    float largest = 0;
    for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(w[i]));
    const float d = FloatFromHalf(HalfFromFloat(ToHalfRange(largest / 127.0f)));
    uint8_t biased[kGroup];
    for (size_t i = 0; i < count; ++i) {
      const float code = d > 0 ? std::nearbyint(w[i] / d) : 0.0f;
      const float held = code > -127.0f ? (code < 127.0f ? code : 127.0f) : -127.0f;
      biased[i] = static_cast<uint8_t>(static_cast<int>(held) + 128);
    }
    StoreGroup(n, group, biased, count, d, 0);
  }
}

void MatrixPacker::RowBf16(size_t n, std::span<const uint16_t> weights) {
  CheckRow(matrix_.format_ == PackedFormat::kBf16, n, weights.size(), groups());
  for (size_t i = 0; i < weights.size(); ++i) {
    Store16(Block(n, 0) + (i / 2 * kPanelColumns + n % kPanelColumns) * 4 + i % 2 * 2, weights[i]);
  }
}

PackedMatrix MatrixPacker::Finish() && { return std::move(matrix_); }

}  // namespace cairn
