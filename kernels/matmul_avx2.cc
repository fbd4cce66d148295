// Matrix multiplication for AVX2 and FMA: half a panel (eight columns) at a time, for up to four
// rows.
//
// vpmaddubsw multiplies unsigned with signed bytes and saturates sums of two at 16 bits. So 8-bit
// codes become signed, w = code - 128, and |w| is multiplied with x that has the sign of w: 2 * 128
// * 127 fits. What this leaves out, 128 * sum(x), is in the sum's first value. 4-bit codes are
// unsigned and so small that the eight quads of a group are summed in 16 bits: 8 * 2 * 15 * 127
// fits.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul_args.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

namespace cairn::level_avx2 {
namespace {

constexpr int kRowsMax = 4;
constexpr size_t kHalfColumns = 8;

// A few rows of a tile and half a panel.
struct Rows {
  const uint8_t* activations;
  size_t group_bytes;
  size_t k_blocks;
  const uint8_t* weights;  // the panel's, plus 32 for its upper half
  size_t scales_at;        // d of the first group's columns from there
  float* out;
  size_t out_stride;
  size_t columns;  // that exist, of eight
};

template <PackedFormat kFormat>
struct Format {
  static constexpr bool kFourBits =
      kFormat == PackedFormat::kInt4 || kFormat == PackedFormat::kInt4Min;
  static constexpr bool kMinimum =
      kFormat == PackedFormat::kUint8Min || kFormat == PackedFormat::kInt4Min;
  static constexpr size_t kCodeBytes = kFourBits ? 256 : 512;
  static constexpr size_t kBlockBytes = 2 * kCodeBytes + (kMinimum ? 128 : 64);
};

INLINE __m256 HalvesAt(const uint8_t* at) {
  return _mm256_cvtph_ps(_mm_load_si128((const __m128i*)at));
}

INLINE __m256i FourOf(const int8_t* codes, size_t quad) {
  int32_t four;
  __builtin_memcpy(&four, codes + 4 * quad, sizeof four);
  return _mm256_set1_epi32(four);
}

// Adds a quad's products to a row's sum: 16-bit sums for 4-bit codes, 32-bit ones for 8-bit codes.
template <bool kFourBits>
INLINE __m256i AddQuad(__m256i dot, __m256i codes, __m256i magnitudes, __m256i four) {
  if (kFourBits) return _mm256_add_epi16(dot, _mm256_maddubs_epi16(codes, four));
  const __m256i pairs = _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(four, codes));
  return _mm256_add_epi32(dot, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

template <PackedFormat kFormat, typename Record>
INLINE __m256i FirstValue(const Record* x) {
  if (kFormat == PackedFormat::kInt4) return _mm256_set1_epi32(x->minus_8_sums);
  if (kFormat == PackedFormat::kUint8Min) return _mm256_set1_epi32(-x->minus_128_sums);
  return _mm256_setzero_si256();
}

// The rows' products with a group, exact. codes (row): 32 of each.
template <PackedFormat kFormat, int kRows>
INLINE void Dots(const uint8_t* weights, const int8_t* const* codes, __m256i* dots) {
  using F = Format<kFormat>;
  UNROLL for (int row = 0; row < kRows; ++row) dots[row] = _mm256_setzero_si256();
  UNROLL for (size_t i = 0; i < F::kCodeBytes / 64; ++i) {
    const __m256i loaded = _mm256_load_si256((const __m256i*)(weights + i * 64));
    if constexpr (F::kFourBits) {
      const __m256i low = _mm256_and_si256(loaded, _mm256_set1_epi8(15));
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(loaded, 4), _mm256_set1_epi8(15));
      UNROLL for (int row = 0; row < kRows; ++row) {
        dots[row] = AddQuad<true>(dots[row], low, low, FourOf(codes[row], 2 * i));
        dots[row] = AddQuad<true>(dots[row], high, high, FourOf(codes[row], 2 * i + 1));
      }
    } else {
      const __m256i w = _mm256_xor_si256(loaded, _mm256_set1_epi8((char)0x80));
      const __m256i magnitudes = _mm256_abs_epi8(w);
      UNROLL for (int row = 0; row < kRows; ++row) {
        dots[row] = AddQuad<false>(dots[row], w, magnitudes, FourOf(codes[row], i));
      }
    }
  }
  if constexpr (F::kFourBits) {
    UNROLL for (int row = 0; row < kRows; ++row) {
      dots[row] = _mm256_madd_epi16(dots[row], _mm256_set1_epi16(1));
    }
  }
}
template <PackedFormat kFormat, int kRows>
INLINE void Dots(const uint8_t* weights, const ActivationGroup* x, __m256i* dots) {
  const int8_t* codes[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) codes[row] = x[row].codes;
  Dots<kFormat, kRows>(weights, codes, dots);
}
template <PackedFormat kFormat, int kRows>
INLINE void Dots(const uint8_t* weights, const WideActivationGroup* x, __m256i* dots) {
  const int8_t* codes[kRows];
  __m256i high[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) codes[row] = x[row].high;
  Dots<kFormat, kRows>(weights, codes, high);
  UNROLL for (int row = 0; row < kRows; ++row) codes[row] = x[row].low;
  Dots<kFormat, kRows>(weights, codes, dots);
  UNROLL for (int row = 0; row < kRows; ++row) {
    dots[row] = _mm256_add_epi32(dots[row], _mm256_slli_epi32(high[row], 7));
  }
}

template <PackedFormat kFormat, int kRows, typename Record>
INLINE void AddGroup(const uint8_t* codes, const uint8_t* d, const Record* x, __m256* sums) {
  __m256i dots[kRows];
  Dots<kFormat, kRows>(codes, x, dots);
  const __m256 scale = HalvesAt(d);
  UNROLL for (int row = 0; row < kRows; ++row) {
    const __m256i dot = _mm256_add_epi32(dots[row], FirstValue<kFormat>(x + row));
    const __m256 both = _mm256_mul_ps(scale, _mm256_set1_ps(x[row].scale));
    sums[row] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), both, sums[row]);
    if (Format<kFormat>::kMinimum) {
      sums[row] = _mm256_fmadd_ps(HalvesAt(d + 64), _mm256_set1_ps(x[row].scaled_sum), sums[row]);
    }
  }
}

INLINE void StoreRows(const __m256* sums, int count, const Rows& rows) {
  for (int row = 0; row < count; ++row) {
    float* const out = rows.out + (size_t)row * rows.out_stride;
    if (rows.columns == kHalfColumns) {
      _mm256_storeu_ps(out, sums[row]);
      continue;
    }
    alignas(32) float all[kHalfColumns];
    _mm256_store_ps(all, sums[row]);
    __builtin_memcpy(out, all, rows.columns * sizeof(float));
  }
}

template <PackedFormat kFormat, typename Record, int kRows>
void IntegerTile(const Rows& rows) {
  using F = Format<kFormat>;
  __m256 sums[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) sums[row] = _mm256_setzero_ps();
  const uint8_t* x = rows.activations;
  const uint8_t* weights = rows.weights;
  for (size_t block = 0; block < rows.k_blocks; ++block, weights += F::kBlockBytes) {
    for (size_t half = 0; half < 2; ++half, x += rows.group_bytes) {
      AddGroup<kFormat, kRows>(weights + half * F::kCodeBytes, weights + rows.scales_at + half * 32,
                               (const Record*)x, sums);
    }
  }
  StoreRows(sums, kRows, rows);
}

// Records are 32 floats, each a bf16; one at a time in ascending order of k.
template <int kRows>
void Bf16Tile(const Rows& rows) {
  __m256 sums[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) sums[row] = _mm256_setzero_ps();
  const uint8_t* x = rows.activations;
  const uint8_t* weights = rows.weights;
  for (size_t group = 0; group < 2 * rows.k_blocks; ++group, x += rows.group_bytes) {
    for (size_t pair = 0; pair < 16; ++pair, weights += 64) {
      const __m256i both = _mm256_load_si256((const __m256i*)weights);
      const __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(both, 16));
      const __m256 odd =
          _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32((int)0xffff0000)));
      UNROLL for (int row = 0; row < kRows; ++row) {
        const float* const factors = (const float*)(x + (size_t)row * 128) + 2 * pair;
        sums[row] = _mm256_fmadd_ps(even, _mm256_set1_ps(factors[0]), sums[row]);
        sums[row] = _mm256_fmadd_ps(odd, _mm256_set1_ps(factors[1]), sums[row]);
      }
    }
  }
  StoreRows(sums, kRows, rows);
}

using TileFunction = void (*)(const Rows&);

struct TileTable {
  TileFunction rows[kRowsMax];
  size_t record_bytes;
  size_t code_bytes;  // of a group; 0: bf16
};

void RunPanel(const MatMulArgs& args, const TileTable& table, size_t tile, size_t panel) {
  const size_t first = tile * args.tile_rows;
  const size_t left = args.rows - first;
  const size_t count = left < args.tile_rows ? left : args.tile_rows;
  for (size_t upper = 0; upper < 2; ++upper) {
    const size_t column = panel * kPanelColumns + upper * kHalfColumns;
    if (column >= args.n) return;
    for (size_t row = 0; row < count; row += kRowsMax) {
      const size_t some = count - row < (size_t)kRowsMax ? count - row : (size_t)kRowsMax;
      const size_t columns = args.n - column;
      table.rows[some - 1]({
          (const uint8_t*)args.activations + tile * args.tile_bytes + row * table.record_bytes,
          args.tile_rows * table.record_bytes,
          args.k_blocks,
          (const uint8_t*)args.weights + panel * args.panel_bytes + upper * 32,
          2 * table.code_bytes - upper * 16,  // scales of eight columns are 16 bytes
          args.out + (first + row) * args.out_stride + column,
          args.out_stride,
          columns < kHalfColumns ? columns : kHalfColumns,
      });
    }
  }
}

void RunTiles(const MatMulArgs& args, const TileTable& table) {
  const size_t tiles = (args.rows + args.tile_rows - 1) / args.tile_rows;
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (size_t tile = 0; tile < tiles; ++tile) RunPanel(args, table, tile, panel);
  }
}

template <PackedFormat kFormat, typename Record>
constexpr TileTable kIntegerTable = {
    {IntegerTile<kFormat, Record, 1>, IntegerTile<kFormat, Record, 2>,
     IntegerTile<kFormat, Record, 3>, IntegerTile<kFormat, Record, 4>},
    sizeof(Record),
    Format<kFormat>::kCodeBytes};

template <typename Record>
void RunInteger(const MatMulArgs& args) {
  switch (args.format) {
    case PackedFormat::kInt8:
      return RunTiles(args, kIntegerTable<PackedFormat::kInt8, Record>);
    case PackedFormat::kUint8Min:
      return RunTiles(args, kIntegerTable<PackedFormat::kUint8Min, Record>);
    case PackedFormat::kInt4:
      return RunTiles(args, kIntegerTable<PackedFormat::kInt4, Record>);
    case PackedFormat::kInt4Min:
      return RunTiles(args, kIntegerTable<PackedFormat::kInt4Min, Record>);
    case PackedFormat::kBf16:
      return;  // the other function's
  }
}

void Integer(const MatMulArgs& args) {
  if (args.kind == ActivationKind::kInt15) return RunInteger<WideActivationGroup>(args);
  RunInteger<ActivationGroup>(args);
}

constexpr TileTable kBf16Table = {
    {Bf16Tile<1>, Bf16Tile<2>, Bf16Tile<3>, Bf16Tile<4>}, kGroup * sizeof(float), 0};

void Bf16(const MatMulArgs& args) { RunTiles(args, kBf16Table); }

// Eight floats from k = begin on, zero from k = end on.
INLINE __m256 FloatsAt(const float* x, size_t begin, size_t end) {
  if (begin + 8 <= end) return _mm256_loadu_ps(x + begin);
  alignas(32) float some[8] = {};
  if (begin < end) __builtin_memcpy(some, x + begin, (end - begin) * sizeof(float));
  return _mm256_load_ps(some);
}

INLINE int32_t LargestOf(__m256i x) {
  __m128i v = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  v = _mm_max_epi32(v, _mm_shuffle_epi32(v, 0x4e));
  v = _mm_max_epi32(v, _mm_shuffle_epi32(v, 0xb1));
  return _mm_cvtsi128_si32(v);
}

constexpr float LargestCode(const ActivationGroup*) { return 127; }
constexpr float LargestCode(const WideActivationGroup*) { return 128 * 127; }
INLINE void SetCode(ActivationGroup* out, size_t i, int32_t code) { out->codes[i] = (int8_t)code; }
INLINE void SetCode(WideActivationGroup* out, size_t i, int32_t code) {
  const int32_t high = (code + 64) >> 7;
  out->high[i] = (int8_t)high;
  out->low[i] = (int8_t)(code - 128 * high);
}

template <typename Record>
void EncodeInteger(const EncodeRowArgs& args) {
  for (size_t group = 0; group < 2 * args.k_blocks; ++group) {
    auto* const out = (Record*)(args.records + group * args.record_stride);
    __m256 x[4];
    __m256i larger = _mm256_setzero_si256();
    UNROLL for (size_t i = 0; i < 4; ++i) {
      x[i] = FloatsAt(args.x, group * kGroup + i * 8, args.k);
      larger = _mm256_max_epi32(
          larger, _mm256_and_si256(_mm256_castps_si256(x[i]), _mm256_set1_epi32(0x7fffffff)));
    }
    const int32_t largest = LargestOf(larger);  // as floats compare; NaN above all
    float value;
    __builtin_memcpy(&value, &largest, sizeof value);
    float inverse = 0;
    out->scale = 0;
    if (largest >= 0x7f800000) {
      out->scale = __builtin_nanf("");
    } else if (value > 1e-30f) {
      out->scale = value / LargestCode(out);
      inverse = LargestCode(out) / value;
    }
    int32_t sum = 0;
    for (size_t i = 0; i < 4; ++i) {
      alignas(32) int32_t codes[8] = {};
      if (inverse > 0) {  // else an infinity times zero
        _mm256_store_si256((__m256i*)codes,
                           _mm256_cvtps_epi32(_mm256_mul_ps(x[i], _mm256_set1_ps(inverse))));
      }
      for (size_t j = 0; j < 8; ++j) {
        SetCode(out, i * 8 + j, codes[j]);
        sum += codes[j];
      }
    }
    out->scaled_sum = out->scale * (float)sum;
    out->minus_8_sums = -8 * sum;
    out->minus_128_sums = -128 * sum;
  }
}

void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; k += 8) {
    const __m256 x = FloatsAt(args.x, k, args.k);
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i upper = _mm256_and_si256(_mm256_blendv_epi8(rounded, quiet, nan),
                                           _mm256_set1_epi32((int)0xffff0000));
    std::byte* const out =
        args.records + k / kGroup * args.record_stride + k % kGroup * sizeof(float);
    _mm256_storeu_si256((__m256i*)out, upper);
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

}  // namespace cairn::level_avx2
