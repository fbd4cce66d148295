// Sixteen floats at a time, as one AVX-512 register.
// Included once, inside the namespace of one level, by a unit of that level: functions shared between
// levels would let the linker keep the copy of the wrong one.
#include <stdint.h>

#define CAIRN_LANES_INLINE static inline __attribute__((always_inline))

struct Lanes {
  __m512 v;
};
struct RawLanes {  // 64 bytes of KV
  __m512i v;
};

constexpr int kRowTile = 12;  // rows of queries worked on at once
// How many vectors of scores or of values are worked on beside so many rows: 24 registers of sums.
constexpr int WideFor(int rows) { return rows <= 4 ? 4 : 2; }

CAIRN_LANES_INLINE __mmask16 FirstMask(size_t n) {
  return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << n) - 1);
}
CAIRN_LANES_INLINE Lanes Load(const float* p) { return {_mm512_loadu_ps(p)}; }
CAIRN_LANES_INLINE void Store(float* p, Lanes x) { _mm512_storeu_ps(p, x.v); }
// The first n of 16; the others are `rest` and their memory is not touched.
CAIRN_LANES_INLINE Lanes LoadFirst(const float* p, size_t n, float rest) {
  return {_mm512_mask_loadu_ps(_mm512_set1_ps(rest), FirstMask(n), p)};
}
CAIRN_LANES_INLINE void StoreFirst(float* p, size_t n, Lanes x) {
  _mm512_mask_storeu_ps(p, FirstMask(n), x.v);
}
CAIRN_LANES_INLINE Lanes Set1(float x) { return {_mm512_set1_ps(x)}; }
CAIRN_LANES_INLINE Lanes Add(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
CAIRN_LANES_INLINE Lanes Sub(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
CAIRN_LANES_INLINE Lanes Mul(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
CAIRN_LANES_INLINE Lanes Div(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
CAIRN_LANES_INLINE Lanes Max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }  // NaN: b
CAIRN_LANES_INLINE Lanes Min(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
CAIRN_LANES_INLINE Lanes Fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
CAIRN_LANES_INLINE Lanes Round(Lanes x) {  // to nearest, ties to even
  return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
// 2^n. REQUIRES: n whole, -126 <= n <= 127; garbage, but no trap, elsewhere.
CAIRN_LANES_INLINE Lanes Power2(Lanes n) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
// +0 where x < limit, else value (also where x is NaN).
CAIRN_LANES_INLINE Lanes ZeroBelow(Lanes x, Lanes limit, Lanes value) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_NLT_UQ), value.v)};
}
// x in lanes low <= i < high, `other` elsewhere. Any low and high.
CAIRN_LANES_INLINE Lanes SelectRange(Lanes x, int low, int high, float other) {
  const unsigned to = high >= 16 ? 0xffffu : high <= 0 ? 0u : (1u << high) - 1;
  const unsigned from = low >= 16 ? 0xffffu : low <= 0 ? 0u : (1u << low) - 1;
  return {_mm512_mask_mov_ps(_mm512_set1_ps(other), (__mmask16)(to & ~from), x.v)};
}
// ((0+8)+(4+12)) + ((2+10)+(6+14)) and so on: halves are added to halves.
CAIRN_LANES_INLINE float SumOf(Lanes x) {
  const __m256 high = _mm512_extractf32x8_ps(x.v, 1);
  const __m256 s = _mm256_add_ps(_mm512_castps512_ps256(x.v), high);
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
CAIRN_LANES_INLINE float MaxOf(Lanes x) {
  const __m256 high = _mm512_extractf32x8_ps(x.v, 1);
  const __m256 s = _mm256_max_ps(_mm512_castps512_ps256(x.v), high);
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
CAIRN_LANES_INLINE RawLanes LoadRaw(const void* p) { return {_mm512_loadu_si512(p)}; }
// Of 16 x 2 bf16, the way-th of each pair. REQUIRES: way is 0 or 1.
CAIRN_LANES_INLINE Lanes Bf16Of(RawLanes x, int way) {
  if (way == 0) return {_mm512_castsi512_ps(_mm512_slli_epi32(x.v, 16))};
  return {_mm512_castsi512_ps(_mm512_and_si512(x.v, _mm512_set1_epi32((int)0xffff0000)))};
}
// Of 16 x 4 int8, the way-th of each four. REQUIRES: 0 <= way < 4.
CAIRN_LANES_INLINE Lanes Int8Of(RawLanes x, int way) {
  const __m128i left = _mm_cvtsi32_si128(24 - 8 * way);
  return {_mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_sll_epi32(x.v, left), 24))};
}
