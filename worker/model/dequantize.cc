#include "worker/model/dequantize.h"

#include <array>
#include <cstring>

#include "kernels/half_float.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

constexpr size_t kSuperBlock = 256;  // values in a block of the K types
constexpr size_t kSuperGroups = kSuperBlock / kGroupValues;

uint8_t U8(const std::byte* at) { return static_cast<uint8_t>(*at); }
int8_t I8(const std::byte* at) { return static_cast<int8_t>(*at); }
uint16_t U16(const std::byte* at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
uint32_t U32(const std::byte* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
float Half(const std::byte* at) { return FloatFromHalf(U16(at)); }

int8_t Code(int value) { return static_cast<int8_t>(value); }

// 16 bytes of two 4-bit codes: values 0..15 in the low halves, 16..31 in the high ones. `high` has
// a fifth bit for each value.
void FourAndFive(const std::byte* low, uint32_t high, int zero, int8_t* codes) {
  for (uint32_t j = 0; j < 16; ++j) {
    const int byte = U8(low + j);
    codes[j] = Code(((byte & 15) | static_cast<int>((high >> j & 1) << 4)) - zero);
    codes[j + 16] = Code((byte >> 4 | static_cast<int>((high >> (j + 16) & 1) << 4)) - zero);
  }
}

// One block of a type with 32 values. Q4_0's middle is 8: kept as an offset, so that codes stay
// 0..15.
void DecodeBlock(TensorType type, const std::byte* block, int8_t* codes, float& scale,
                 float& offset) {
  scale = Half(block);
  offset = 0;
  switch (type) {
    case TensorType::kQ8_0:
      std::memcpy(codes, block + 2, kGroupValues);
      return;
    case TensorType::kQ4_0:
      offset = -8 * scale;
      return FourAndFive(block + 2, 0, 0, codes);
    case TensorType::kQ4_1:
      offset = Half(block + 2);
      return FourAndFive(block + 4, 0, 0, codes);
    case TensorType::kQ5_0:
      return FourAndFive(block + 6, U32(block + 2), 16, codes);
    case TensorType::kQ5_1:
      offset = Half(block + 2);
      return FourAndFive(block + 8, U32(block + 4), 0, codes);
    default:
      CAIRN_CHECK(false);
  }
}

// The 6-bit scale and minimum of group g, from 12 packed bytes (get_scale_min_k4 of ggml).
struct ScaleMin {
  int scale;
  int min;
};
ScaleMin SixBitPair(const std::byte* packed, size_t g) {
  if (g < 4) return {U8(packed + g) & 63, U8(packed + g + 4) & 63};
  const int both = U8(packed + g + 4);
  return {(both & 15) | (U8(packed + g - 4) >> 6) << 4, both >> 4 | (U8(packed + g) >> 6) << 4};
}

// Q4_K and Q5_K: half d, half dmin, 12 bytes of scales, for Q5_K 32 bytes of fifth bits, 128 bytes
// of low codes: groups 2i and 2i+1 are the low and high halves of bytes 32i..32i+31.
void DecodeSuperBlock(TensorType type, const std::byte* block, int8_t* codes, float* scales,
                      float* offsets) {
  const float d = Half(block);
  const float dmin = Half(block + 2);
  const bool five = type == TensorType::kQ5_K;
  const std::byte* const fifth = block + 16;
  const std::byte* const low = block + (five ? 48 : 16);
  for (size_t g = 0; g < kSuperGroups; ++g) {
    const ScaleMin pair = SixBitPair(block + 4, g);
    scales[g] = d * static_cast<float>(pair.scale);
    offsets[g] = -(dmin * static_cast<float>(pair.min));
    for (size_t j = 0; j < kGroupValues; ++j) {
      const int byte = U8(low + g / 2 * 32 + j);
      int code = g % 2 == 0 ? byte & 15 : byte >> 4;
      if (five) code |= (U8(fifth + j) >> g & 1) << 4;
      codes[g * kGroupValues + j] = Code(code);
    }
  }
}

// Q6_K: 128 bytes of low halves, 64 bytes of upper pairs of bits, 16 signed scales, half d.
void DequantizeQ6K(const std::byte* block, float* out) {
  const float d = Half(block + 208);
  for (size_t half = 0; half < 2; ++half) {
    const std::byte* const low = block + half * 64;
    const std::byte* const high = block + 128 + half * 32;
    const std::byte* const scales = block + 192 + half * 8;
    float* const to = out + half * 128;
    for (size_t j = 0; j < 32; ++j) {
      const int upper = U8(high + j);
      const std::array<int, 4> codes = {
          (U8(low + j) & 15) | (upper & 3) << 4,
          (U8(low + j + 32) & 15) | (upper >> 2 & 3) << 4,
          (U8(low + j) >> 4) | (upper >> 4 & 3) << 4,
          (U8(low + j + 32) >> 4) | (upper >> 6 & 3) << 4,
      };
      for (size_t part = 0; part < 4; ++part) {
        const float scale = d * static_cast<float>(I8(scales + part * 2 + j / 16));
        to[part * 32 + j] = scale * static_cast<float>(codes[part] - 32);
      }
    }
  }
}

}  // namespace

GroupedCodes GroupedCodesOf(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
    case TensorType::kQ4_1:
    case TensorType::kQ4_K:
      return GroupedCodes::kFourBit;
    case TensorType::kQ8_0:
    case TensorType::kQ5_0:
    case TensorType::kQ5_1:
    case TensorType::kQ5_K:
      return GroupedCodes::kEightBit;
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBf16:
    case TensorType::kQ6_K:
      break;
  }
  return GroupedCodes::kNone;
}

void DecodeGroups(TensorType type, std::span<const std::byte> row, GroupedRow out) {
  const TensorTypeInfo& info = InfoOf(type);
  CAIRN_CHECK(GroupedCodesOf(type) != GroupedCodes::kNone);
  CAIRN_CHECK_EQ(out.codes.size() / info.values * info.bytes, row.size());
  for (size_t b = 0; b * info.bytes < row.size(); ++b) {
    const std::byte* const block = row.data() + b * info.bytes;
    int8_t* const codes = out.codes.data() + b * info.values;
    const size_t group = b * info.values / kGroupValues;
    if (info.values == kGroupValues) {
      DecodeBlock(type, block, codes, out.scales[group], out.offsets[group]);
    } else {
      DecodeSuperBlock(type, block, codes, &out.scales[group], &out.offsets[group]);
    }
  }
}

void DequantizeRow(TensorType type, std::span<const std::byte> row, std::span<float> out) {
  const TensorTypeInfo& info = InfoOf(type);
  CAIRN_CHECK_EQ(out.size() / info.values * info.bytes, row.size());
  const std::byte* const from = row.data();
  if (type == TensorType::kF32) {
    std::memcpy(out.data(), from, row.size());
  } else if (type == TensorType::kF16) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = Half(from + 2 * i);
  } else if (type == TensorType::kBf16) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = FloatFromBf16(U16(from + 2 * i));
  } else if (type == TensorType::kQ6_K) {
    for (size_t b = 0; b * kSuperBlock < out.size(); ++b) {
      DequantizeQ6K(from + b * info.bytes, out.data() + b * kSuperBlock);
    }
  } else {
    std::array<int8_t, kSuperBlock> codes;
    std::array<float, kSuperGroups> scales, offsets;
    const size_t groups = info.values / kGroupValues;
    for (size_t b = 0; b * info.values < out.size(); ++b) {
      DecodeGroups(type, row.subspan(b * info.bytes, info.bytes),
                   {std::span(codes).first(info.values), std::span(scales).first(groups),
                    std::span(offsets).first(groups)});
      for (size_t i = 0; i < info.values; ++i) {
        const size_t g = i / kGroupValues;
        out[b * info.values + i] = scales[g] * static_cast<float>(codes[i]) + offsets[g];
      }
    }
  }
}

}  // namespace cairn
