// Sixteen floats at a time, as two AVX registers. See lanes_avx512.h for what each function means. The
// results have the same bits as there.
// Included once, inside the namespace of one level, by a unit of that level.
#include <stdint.h>

#define CAIRN_LANES_INLINE static inline __attribute__((always_inline))

struct Lanes {
  __m256 a, b;
};
struct RawLanes {
  __m256i a, b;
};

constexpr int kRowTile = 6;
constexpr int WideFor(int rows) { return rows <= 3 ? 2 : 1; }

CAIRN_LANES_INLINE __m256i FirstMask(size_t n, int from) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int count = n > 16 ? 16 : (int)n;
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count - from), index);
}
CAIRN_LANES_INLINE Lanes Load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
CAIRN_LANES_INLINE void Store(float* p, Lanes x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
CAIRN_LANES_INLINE Lanes LoadFirst(const float* p, size_t n, float rest) {
  const __m256i low = FirstMask(n, 0), high = FirstMask(n, 8);
  const __m256 other = _mm256_set1_ps(rest);
  return {_mm256_blendv_ps(other, _mm256_maskload_ps(p, low), _mm256_castsi256_ps(low)),
          _mm256_blendv_ps(other, _mm256_maskload_ps(p + 8, high), _mm256_castsi256_ps(high))};
}
CAIRN_LANES_INLINE void StoreFirst(float* p, size_t n, Lanes x) {
  _mm256_maskstore_ps(p, FirstMask(n, 0), x.a);
  _mm256_maskstore_ps(p + 8, FirstMask(n, 8), x.b);
}
CAIRN_LANES_INLINE Lanes Set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
CAIRN_LANES_INLINE Lanes Add(Lanes x, Lanes y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Sub(Lanes x, Lanes y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Mul(Lanes x, Lanes y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Div(Lanes x, Lanes y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Max(Lanes x, Lanes y) {
  return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Min(Lanes x, Lanes y) {
  return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
CAIRN_LANES_INLINE Lanes Fma(Lanes x, Lanes y, Lanes z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
CAIRN_LANES_INLINE Lanes Round(Lanes x) {
  return {_mm256_round_ps(x.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
          _mm256_round_ps(x.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
CAIRN_LANES_INLINE __m256 Power2Half(__m256 n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
CAIRN_LANES_INLINE Lanes Power2(Lanes n) { return {Power2Half(n.a), Power2Half(n.b)}; }
CAIRN_LANES_INLINE Lanes ZeroBelow(Lanes x, Lanes limit, Lanes value) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.a, limit.a, _CMP_NLT_UQ), value.a),
          _mm256_and_ps(_mm256_cmp_ps(x.b, limit.b, _CMP_NLT_UQ), value.b)};
}
CAIRN_LANES_INLINE Lanes SelectRange(Lanes x, int low, int high, float other) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i index8 = _mm256_add_epi32(index, _mm256_set1_epi32(8));
  const __m256i from = _mm256_set1_epi32(low - 1), to = _mm256_set1_epi32(high);
  const __m256i a = _mm256_and_si256(_mm256_cmpgt_epi32(index, from), _mm256_cmpgt_epi32(to, index));
  const __m256i b =
      _mm256_and_si256(_mm256_cmpgt_epi32(index8, from), _mm256_cmpgt_epi32(to, index8));
  const __m256 rest = _mm256_set1_ps(other);
  return {_mm256_blendv_ps(rest, x.a, _mm256_castsi256_ps(a)),
          _mm256_blendv_ps(rest, x.b, _mm256_castsi256_ps(b))};
}
CAIRN_LANES_INLINE float SumOf(Lanes x) {
  const __m256 s = _mm256_add_ps(x.a, x.b);
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
CAIRN_LANES_INLINE float MaxOf(Lanes x) {
  const __m256 s = _mm256_max_ps(x.a, x.b);
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
CAIRN_LANES_INLINE RawLanes LoadRaw(const void* p) {
  const __m256i* q = (const __m256i*)p;
  return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
}
CAIRN_LANES_INLINE Lanes Bf16Of(RawLanes x, int way) {
  if (way == 0) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(x.a, 16)),
            _mm256_castsi256_ps(_mm256_slli_epi32(x.b, 16))};
  }
  const __m256i mask = _mm256_set1_epi32((int)0xffff0000);
  return {_mm256_castsi256_ps(_mm256_and_si256(x.a, mask)),
          _mm256_castsi256_ps(_mm256_and_si256(x.b, mask))};
}
CAIRN_LANES_INLINE __m256 Int8OfHalf(__m256i x, int way) {
  const __m128i left = _mm_cvtsi32_si128(24 - 8 * way);
  return _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_sll_epi32(x, left), 24));
}
CAIRN_LANES_INLINE Lanes Int8Of(RawLanes x, int way) {
  return {Int8OfHalf(x.a, way), Int8OfHalf(x.b, way)};
}
