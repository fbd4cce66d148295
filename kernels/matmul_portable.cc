// Matrix multiplication in plain C++: for machines without AVX2, and what the other levels are
// compared with. The order of operations is the contract of kernels/matmul.h, spelled out.
#include <math.h>
#include <string.h>

#include "kernels/matmul_args.h"

namespace cairn::level_portable {
namespace {

constexpr size_t kQuads = kGroup / 4;

struct Layout {
  size_t code_bytes;  // of a group
  size_t block_bytes;
  bool four_bits;
  bool minimum;
  int zero_point;
};

Layout LayoutOf(PackedFormat format) {
  const bool four_bits = format == PackedFormat::kInt4 || format == PackedFormat::kInt4Min;
  const bool minimum = format == PackedFormat::kUint8Min || format == PackedFormat::kInt4Min;
  const size_t code_bytes = four_bits ? 256 : 512;
  const int zero_point = minimum ? 0 : four_bits ? 8 : 128;
  return {code_bytes, 2 * code_bytes + (minimum ? 128u : 64u), four_bits, minimum, zero_point};
}

float FloatOf(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
uint32_t BitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

float HalfAt(const uint8_t* at) {
  const uint32_t bits = at[0] | uint32_t{at[1]} << 8;
  const uint32_t sign = (bits & 0x8000u) << 16;
  const uint32_t exponent = bits >> 10 & 31u;
  const uint32_t fraction = bits & 0x3ffu;
  if (exponent == 0) return FloatOf(sign | BitsOf((float)fraction * 0x1p-24f));
  return FloatOf(sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13);
}

// Codes of a group in the order of k, one row of 32 for each column.
void Unpack(const Layout& layout, const uint8_t* codes, uint8_t (*columns)[kGroup]) {
  for (size_t quad = 0; quad < kQuads; ++quad) {
    const uint8_t* const from = codes + (layout.four_bits ? quad / 2 : quad) * 64;
    const int shift = layout.four_bits && quad % 2 == 1 ? 4 : 0;
    const int mask = layout.four_bits ? 15 : 255;
    for (size_t column = 0; column < kPanelColumns; ++column) {
      for (size_t i = 0; i < 4; ++i) {
        columns[column][quad * 4 + i] = (uint8_t)(from[column * 4 + i] >> shift & mask);
      }
    }
  }
}

int32_t CodeOf(const ActivationGroup& x, size_t i) { return x.codes[i]; }
int32_t CodeOf(const WideActivationGroup& x, size_t i) { return 128 * x.high[i] + x.low[i]; }

template <typename Record>
int32_t Dot(const uint8_t* w, const Record& x) {
  int32_t sum = 0;
  for (size_t i = 0; i < kGroup; ++i) sum += (int32_t)w[i] * CodeOf(x, i);
  return sum;
}

size_t RowsOfTile(const MatMulArgs& args, size_t tile) {
  const size_t left = args.rows - tile * args.tile_rows;
  return left < args.tile_rows ? left : args.tile_rows;
}

size_t ColumnsOfPanel(const MatMulArgs& args, size_t panel) {
  const size_t left = args.n - panel * kPanelColumns;
  return left < kPanelColumns ? left : kPanelColumns;
}

// One group of a panel for the rows of a tile. sums (row, column).
template <typename Record>
void AddGroup(const Layout& layout, const uint8_t* codes, const uint8_t* d, const uint8_t* m,
              const Record* x, size_t rows, float (*sums)[kPanelColumns]) {
  uint8_t columns[kPanelColumns][kGroup];
  Unpack(layout, codes, columns);
  for (size_t column = 0; column < kPanelColumns; ++column) {
    const float scale = HalfAt(d + 2 * column);
    const float minimum = layout.minimum ? HalfAt(m + 2 * column) : 0.0f;
    for (size_t row = 0; row < rows; ++row) {
      int32_t dot = Dot(columns[column], x[row]);
      if (layout.zero_point == 8) dot += x[row].minus_8_sums;
      if (layout.zero_point == 128) dot += x[row].minus_128_sums;
      float& sum = sums[row][column];
      sum = fmaf((float)dot, scale * x[row].scale, sum);
      if (layout.minimum) sum = fmaf(minimum, x[row].scaled_sum, sum);
    }
  }
}

void Store(const MatMulArgs& args, size_t tile, size_t panel, float (*sums)[kPanelColumns]) {
  for (size_t row = 0; row < RowsOfTile(args, tile); ++row) {
    memcpy(args.out + (tile * args.tile_rows + row) * args.out_stride + panel * kPanelColumns,
           sums[row], ColumnsOfPanel(args, panel) * sizeof(float));
  }
}

template <typename Record>
void IntegerOf(const MatMulArgs& args) {
  const Layout layout = LayoutOf(args.format);
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    const auto* const weights = (const uint8_t*)args.weights + panel * args.panel_bytes;
    for (size_t tile = 0; tile * args.tile_rows < args.rows; ++tile) {
      const auto* const x = (const Record*)(args.activations + tile * args.tile_bytes);
      float sums[16][kPanelColumns] = {};
      for (size_t group = 0; group < 2 * args.k_blocks; ++group) {
        const uint8_t* const block = weights + group / 2 * layout.block_bytes;
        const uint8_t* const d = block + 2 * layout.code_bytes + group % 2 * 32;
        AddGroup(layout, block + group % 2 * layout.code_bytes, d, d + 64,
                 x + group * args.tile_rows, RowsOfTile(args, tile), sums);
      }
      Store(args, tile, panel, sums);
    }
  }
}

void Integer(const MatMulArgs& args) {
  if (args.kind == ActivationKind::kInt15) return IntegerOf<WideActivationGroup>(args);
  IntegerOf<ActivationGroup>(args);
}

void Bf16(const MatMulArgs& args) {
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    const auto* const w = (const uint16_t*)(const void*)(args.weights + panel * args.panel_bytes);
    for (size_t tile = 0; tile * args.tile_rows < args.rows; ++tile) {
      const auto* const x = (const float*)(const void*)(args.activations + tile * args.tile_bytes);
      float sums[16][kPanelColumns] = {};
      for (size_t k = 0; k < args.k_blocks * kKBlock; ++k) {
        for (size_t row = 0; row < RowsOfTile(args, tile); ++row) {
          const float factor = x[(k / kGroup * args.tile_rows + row) * kGroup + k % kGroup];
          for (size_t column = 0; column < kPanelColumns; ++column) {
            const uint32_t bits = w[(k / 2 * kPanelColumns + column) * 2 + k % 2];
            sums[row][column] = fmaf(FloatOf(bits << 16), factor, sums[row][column]);
          }
        }
      }
      Store(args, tile, panel, sums);
    }
  }
}

// Scale of a group whose largest magnitude has these bits, and what its values are multiplied with
// to become codes. Integers compare as the magnitudes do, infinities and NaN above all.
void ScalesOf(uint32_t largest, float largest_code, float* scale, float* inverse) {
  *scale = *inverse = 0;
  if (largest >= 0x7f800000u) {
    *scale = FloatOf(0x7fc00000u);
  } else if (FloatOf(largest) > 1e-30f) {
    *scale = FloatOf(largest) / largest_code;
    *inverse = largest_code / FloatOf(largest);
  }
}

constexpr float LargestCode(const ActivationGroup*) { return 127; }
constexpr float LargestCode(const WideActivationGroup*) { return 128 * 127; }
void SetCode(ActivationGroup* x, size_t i, int32_t code) { x->codes[i] = (int8_t)code; }
void SetCode(WideActivationGroup* x, size_t i, int32_t code) {
  const int32_t high = (code + 64) >> 7;
  x->high[i] = (int8_t)high;
  x->low[i] = (int8_t)(code - 128 * high);
}

template <typename Record>
void EncodeInteger(const EncodeRowArgs& args) {
  for (size_t group = 0; group < 2 * args.k_blocks; ++group) {
    auto* const out = (Record*)(args.records + group * args.record_stride);
    float x[kGroup] = {};
    const size_t begin = group * kGroup < args.k ? group * kGroup : args.k;
    const size_t count = args.k - begin < kGroup ? args.k - begin : kGroup;
    memcpy(x, args.x + begin, count * sizeof(float));
    uint32_t largest = 0;
    for (float value : x) {
      const uint32_t magnitude = BitsOf(value) & 0x7fffffffu;
      if (magnitude > largest) largest = magnitude;
    }
    float inverse;
    ScalesOf(largest, LargestCode(out), &out->scale, &inverse);
    int32_t sum = 0;
    for (size_t i = 0; i < kGroup; ++i) {
      const int32_t code = inverse > 0 ? (int32_t)nearbyintf(x[i] * inverse) : 0;
      SetCode(out, i, code);
      sum += code;
    }
    out->scaled_sum = out->scale * (float)sum;
    out->minus_8_sums = -8 * sum;
    out->minus_128_sums = -128 * sum;
  }
}

void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; ++k) {
    uint32_t bits = k < args.k ? BitsOf(args.x[k]) : 0;
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
      bits |= 0x400000u;  // stays NaN
    } else {
      bits += 0x7fffu + (bits >> 16 & 1u);
    }
    bits &= 0xffff0000u;
    memcpy(args.records + k / kGroup * args.record_stride + k % kGroup * sizeof(float), &bits,
           sizeof bits);
  }
}

}  // namespace

extern const MatMulKernels kMatMul;
constinit const MatMulKernels kMatMul = {
    .integer = Integer,
    .bf16 = Bf16,
    .encode_int8 = EncodeInteger<ActivationGroup>,
    .encode_int15 = EncodeInteger<WideActivationGroup>,
    .encode_bf16 = EncodeBf16,
    .bf16_kind = ActivationKind::kRoundedBf16,
};

}  // namespace cairn::level_portable
