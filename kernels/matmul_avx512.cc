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
template <int kRows, int kPanels>
void Bf16Tile(const Rows& rows, const uint8_t* const* panels, const size_t* first_columns,
              const __mmask16* columns) {
  __m512 sums[kPanels][kRows];
  for (auto& panel : sums) {
    for (auto& sum : panel) sum = _mm512_setzero_ps();
  }
  const uint8_t* x = rows.activations;
  for (size_t group = 0; group < 2 * rows.k_blocks; ++group, x += rows.group_bytes) {
    for (int pair = 0; pair < 16; ++pair) {
      UNROLL for (int panel = 0; panel < kPanels; ++panel) {
        const uint8_t* const at = panels[panel] + group * 1024 + (size_t)pair * 64;
        _mm_prefetch((const char*)at + kPrefetchBytes, _MM_HINT_T0);
        const __m512i both = _mm512_load_si512(at);
        const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
        const __m512 odd =
            _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32((int)0xffff0000)));
        UNROLL for (int row = 0; row < kRows; ++row) {
          const float* const factors = (const float*)(x + (size_t)row * 128) + 2 * pair;
          __m512& sum = sums[panel][row];
          sum = _mm512_fmadd_ps(even, _mm512_set1_ps(factors[0]), sum);
          sum = _mm512_fmadd_ps(odd, _mm512_set1_ps(factors[1]), sum);
        }
      }
    }
  }
  for (int panel = 0; panel < kPanels; ++panel) {
    for (int row = 0; row < kRows; ++row) {
      _mm512_mask_storeu_ps(rows.out + (size_t)row * rows.out_stride + first_columns[panel],
                            columns[panel], sums[panel][row]);
    }
  }
}

constexpr TileTable kBf16Table = {
    {Bf16Tile<1, 1>, Bf16Tile<2, 1>, Bf16Tile<3, 1>, Bf16Tile<4, 1>, Bf16Tile<5, 1>, Bf16Tile<6, 1>,
     Bf16Tile<7, 1>, Bf16Tile<8, 1>, Bf16Tile<9, 1>, Bf16Tile<10, 1>, Bf16Tile<11, 1>,
     Bf16Tile<12, 1>, Bf16Tile<13, 1>, Bf16Tile<14, 1>, Bf16Tile<15, 1>, Bf16Tile<16, 1>},
    {Bf16Tile<1, kStreams>, Bf16Tile<2, kStreams>}};

void Bf16(const MatMulArgs& args) { RunTiles(args, kBf16Table, kGroup * sizeof(float)); }

void EncodeBf16(const EncodeRowArgs& args) {
  for (size_t k = 0; k < args.k_blocks * kKBlock; k += 16) {
    std::byte* const out =
        args.records + k / kGroup * args.record_stride + k % kGroup * sizeof(float);
    _mm512_storeu_si512(out, RoundToBf16(FloatsAt(args.x, k, args.k)));
  }
}

}  // namespace

extern const MatMulKernels kMatMul;
constinit const MatMulKernels kMatMul = {Integer, Bf16, EncodeInt8, EncodeBf16,
                                         ActivationKind::kRoundedBf16};

}  // namespace cairn::level_avx512
