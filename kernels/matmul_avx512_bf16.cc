// Matrix multiplication for AVX-512 with VNNI and BF16: bf16 weights by vdpbf16ps, two of K at a
// time.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul_args.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

namespace cairn::level_avx512_bf16 {
namespace {

#include "kernels/matmul_avx512_body.inc"

// Records are 32 bf16. The order of a row: pairs of K ascending, one sum a column.
template <int kRows>
void Bf16Tile(const Rows& rows) {
  __m512 sums[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) sums[row] = _mm512_setzero_ps();
  const uint8_t* x = rows.activations;
  const uint8_t* weights = rows.weights;
  for (size_t group = 0; group < 2 * rows.k_blocks; ++group) {
    UNROLL for (size_t pair = 0; pair < 16; ++pair) {
      _mm_prefetch((const char*)weights + pair * 64 + kPrefetchBytes, _MM_HINT_T0);
      const auto both = (__m512bh)_mm512_load_si512(weights + pair * 64);
      UNROLL for (int row = 0; row < kRows; ++row) {
        int32_t two;
        __builtin_memcpy(&two, x + (size_t)row * 64 + pair * 4, sizeof two);
        sums[row] = _mm512_dpbf16_ps(sums[row], both, (__m512bh)_mm512_set1_epi32(two));
      }
    }
    x += rows.group_bytes;
    weights += 1024;
  }
  StoreRows(sums, kRows, rows);
}

constexpr TileTable kBf16Table = {
    {Bf16Tile<1>, Bf16Tile<2>, Bf16Tile<3>, Bf16Tile<4>, Bf16Tile<5>, Bf16Tile<6>, Bf16Tile<7>,
     Bf16Tile<8>, Bf16Tile<9>, Bf16Tile<10>, Bf16Tile<11>, Bf16Tile<12>, Bf16Tile<13>, Bf16Tile<14>,
     Bf16Tile<15>, Bf16Tile<16>},
    kGroup * sizeof(uint16_t)};

void Bf16(const MatMulArgs& args) { RunTiles(args, kBf16Table); }

void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; k += 16) {
    std::byte* const out =
        args.records + k / kGroup * args.record_stride + k % kGroup * sizeof(uint16_t);
    const __m512i upper = RoundToBf16(FloatsAt(args.x, k, args.k));
    _mm256_storeu_si256((__m256i*)out, _mm512_cvtepi32_epi16(_mm512_srli_epi32(upper, 16)));
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
    .bf16_kind = ActivationKind::kBf16,
};

}  // namespace cairn::level_avx512_bf16
