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
template <int kRows, int kPanels>
void Bf16Tile(const Rows& rows, const uint8_t* const* panels, const size_t* first_columns,
              const __mmask16* columns) {
  __m512 sums[kPanels][kRows];
  for (auto& panel : sums) {
    for (auto& sum : panel) sum = _mm512_setzero_ps();
  }
  const uint8_t* x = rows.activations;
  for (size_t group = 0; group < 2 * rows.k_blocks; ++group, x += rows.group_bytes) {
    UNROLL for (int pair = 0; pair < 16; ++pair) {
      UNROLL for (int panel = 0; panel < kPanels; ++panel) {
        const uint8_t* const at = panels[panel] + group * 1024 + (size_t)pair * 64;
        _mm_prefetch((const char*)at + kPrefetchBytes, _MM_HINT_T0);
        const auto weights = (__m512bh)_mm512_load_si512(at);
        UNROLL for (int row = 0; row < kRows; ++row) {
          int32_t two;
          __builtin_memcpy(&two, x + (size_t)row * 64 + (size_t)pair * 4, sizeof two);
          __m512& sum = sums[panel][row];
          sum = _mm512_dpbf16_ps(sum, weights, (__m512bh)_mm512_set1_epi32(two));
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

void Bf16(const MatMulArgs& args) { RunTiles(args, kBf16Table, kGroup * sizeof(uint16_t)); }

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
constinit const MatMulKernels kMatMul = {Integer, Bf16, EncodeInt8, EncodeBf16,
                                         ActivationKind::kBf16};

}  // namespace cairn::level_avx512_bf16
