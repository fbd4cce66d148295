// Sixteen floats at a time, in plain C++ (compiler vectors of four). See lanes_avx512.h for what each
// function means; every level has the same ones, so that the bodies (*_body.inc) are written once.
// Included once, inside the namespace of one level, by a unit of that level.
#include <stdint.h>
#include <string.h>

#define CAIRN_LANES_INLINE static inline __attribute__((always_inline))

typedef float Quarter __attribute__((vector_size(16)));
typedef int32_t QuarterBits __attribute__((vector_size(16)));
struct Lanes {
  Quarter v[4];
};
struct RawLanes {
  QuarterBits v[4];
};

constexpr int kRowTile = 2;
constexpr int WideFor(int) { return 1; }

CAIRN_LANES_INLINE Lanes Load(const float* p) {
  Lanes r;
  memcpy(&r, p, sizeof(r));
  return r;
}
CAIRN_LANES_INLINE void Store(float* p, Lanes x) { memcpy(p, &x, sizeof(x)); }
CAIRN_LANES_INLINE Lanes LoadFirst(const float* p, size_t n, float rest) {
  float all[16];
  for (size_t i = 0; i < 16; ++i) all[i] = i < n ? p[i] : rest;
  return Load(all);
}
CAIRN_LANES_INLINE void StoreFirst(float* p, size_t n, Lanes x) {
  float all[16];
  Store(all, x);
  for (size_t i = 0; i < 16 && i < n; ++i) p[i] = all[i];
}
CAIRN_LANES_INLINE Lanes Set1(float x) {
  Lanes r;
  for (int i = 0; i < 4; ++i) r.v[i] = Quarter{x, x, x, x};
  return r;
}
#define CAIRN_LANES_BINARY(Name, expression)         \
  CAIRN_LANES_INLINE Lanes Name(Lanes a, Lanes b) {  \
    Lanes r;                                         \
    for (int i = 0; i < 4; ++i) r.v[i] = expression; \
    return r;                                        \
  }
CAIRN_LANES_BINARY(Add, a.v[i] + b.v[i])
CAIRN_LANES_BINARY(Sub, a.v[i] - b.v[i])
CAIRN_LANES_BINARY(Mul, a.v[i] * b.v[i])
CAIRN_LANES_BINARY(Div, a.v[i] / b.v[i])
CAIRN_LANES_BINARY(Max, a.v[i] > b.v[i] ? a.v[i] : b.v[i])
CAIRN_LANES_BINARY(Min, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
#undef CAIRN_LANES_BINARY
CAIRN_LANES_INLINE Lanes Fma(Lanes a, Lanes b, Lanes c) {
  Lanes r;
  for (int i = 0; i < 4; ++i) r.v[i] = a.v[i] * b.v[i] + c.v[i];
  return r;
}
CAIRN_LANES_INLINE Lanes Round(Lanes x) {  // |x| < 2^22
  const Quarter magic = {12582912.f, 12582912.f, 12582912.f, 12582912.f};
  Lanes r;
  for (int i = 0; i < 4; ++i) r.v[i] = (x.v[i] + magic) - magic;
  return r;
}
CAIRN_LANES_INLINE Lanes Power2(Lanes n) {
  Lanes r;
  for (int i = 0; i < 4; ++i) {
    const QuarterBits bits = (__builtin_convertvector(n.v[i], QuarterBits) + 127) << 23;
    memcpy(&r.v[i], &bits, sizeof(bits));
  }
  return r;
}
CAIRN_LANES_INLINE Lanes ZeroBelow(Lanes x, Lanes limit, Lanes value) {
  Lanes r;
  for (int i = 0; i < 4; ++i) {
    const QuarterBits keep = ~(QuarterBits)(x.v[i] < limit.v[i]);
    QuarterBits bits;
    memcpy(&bits, &value.v[i], sizeof(bits));
    bits &= keep;
    memcpy(&r.v[i], &bits, sizeof(bits));
  }
  return r;
}
CAIRN_LANES_INLINE Lanes SelectRange(Lanes x, int low, int high, float other) {
  float all[16];
  Store(all, x);
  for (int i = 0; i < 16; ++i) all[i] = i >= low && i < high ? all[i] : other;
  return Load(all);
}
CAIRN_LANES_INLINE float SumOf(Lanes x) {
  const Quarter s = (x.v[0] + x.v[2]) + (x.v[1] + x.v[3]);
  return (s[0] + s[2]) + (s[1] + s[3]);
}
CAIRN_LANES_INLINE float MaxOf(Lanes x) {
  float all[16];
  Store(all, x);
  float max = all[0];
  for (int i = 1; i < 16; ++i) max = all[i] > max ? all[i] : max;
  return max;
}
CAIRN_LANES_INLINE RawLanes LoadRaw(const void* p) {
  RawLanes r;
  memcpy(&r, p, sizeof(r));
  return r;
}
CAIRN_LANES_INLINE Lanes Bf16Of(RawLanes x, int way) {
  Lanes r;
  for (int i = 0; i < 4; ++i) {
    const QuarterBits bits = way == 0 ? x.v[i] << 16 : x.v[i] & (int32_t)0xffff0000;
    memcpy(&r.v[i], &bits, sizeof(bits));
  }
  return r;
}
CAIRN_LANES_INLINE Lanes Int8Of(RawLanes x, int way) {
  Lanes r;
  for (int i = 0; i < 4; ++i) {
    r.v[i] = __builtin_convertvector((x.v[i] << (24 - 8 * way)) >> 24, Quarter);
  }
  return r;
}
