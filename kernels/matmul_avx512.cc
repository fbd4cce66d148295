// Matrix multiplication for AVX-512 F, BW, VL, DQ and VNNI. bf16 weights are widened to float and
// multiplied one by one, in the order of the portable level and with its bits.
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/matmul_args.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

namespace cairn::level_avx512 {
namespace {

#include "kernels/matmul_avx512_body.inc"

// Records are 32 floats, each a bf16.
template <int kRows>
void Bf16Tile(const Rows& rows) {
  __m512 sums[kRows];
  UNROLL for (int row = 0; row < kRows; ++row) sums[row] = _mm512_setzero_ps();
  const uint8_t* x = rows.activations;
  const uint8_t* weights = rows.weights;
  for (size_t group = 0; group < 2 * rows.k_blocks; ++group) {
    for (size_t pair = 0; pair < 16; ++pair) {
      _mm_prefetch((const char*)weights + pair * 64 + kPrefetchBytes, _MM_HINT_T0);
      const __m512i both = _mm512_load_si512(weights + pair * 64);
      const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
      const __m512 odd =
          _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)));
      UNROLL for (int row = 0; row < kRows; ++row) {
        const float* const factors = (const float*)(x + (size_t)row * 128) + 2 * pair;
        sums[row] = _mm512_fmadd_ps(even, _mm512_set1_ps(factors[0]), sums[row]);
        sums[row] = _mm512_fmadd_ps(odd, _mm512_set1_ps(factors[1]), sums[row]);
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
    kGroup * sizeof(float)};

void Bf16(const MatMulArgs& args) { RunTiles(args, kBf16Table); }

void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; k += 16) {
    std::byte* const out =
        args.records + k / kGroup * args.record_stride + k % kGroup * sizeof(float);
    _mm512_storeu_si512(out, RoundToBf16(FloatsAt(args.x, k, args.k)));
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

}  // namespace cairn::level_avx512
