// Attention for AMX over bf16 KV. int8 KV has the functions of AVX-512 (all processors with AMX
// have VNNI and BF16): of a scale for every token nothing would be left to a tile.
#include <immintrin.h>

#include "kernels/attention_tile.h"

namespace cairn::level_avx512bf16 {
extern const AttentionKernels kAttention;
}

namespace cairn::level_amx {

#include "kernels/lanes_avx512.inc"

namespace {

#include "kernels/amx_tiles.inc"

// x less the next whole number below it; +0 of an infinity.
CAIRN_LANES_INLINE Lanes Fraction(Lanes x) {
  return {_mm512_reduce_ps(x.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)};
}
// y * 2^n, n the next whole number below x.
CAIRN_LANES_INLINE Lanes Scale(Lanes y, Lanes x) { return {_mm512_scalef_ps(y.v, x.v)}; }
// 32 numbers in bf16, to nearest even; those below bf16's normal numbers become zero.
CAIRN_LANES_INLINE RawLanes Bf16Of2(Lanes low, Lanes high) {
  return {(__m512i)_mm512_cvtne2ps_pbh(high.v, low.v)};
}
// sum + the two of each pair of 32 bf16.
CAIRN_LANES_INLINE Lanes AddPairs(Lanes sum, RawLanes pairs) {
  return {_mm512_dpbf16_ps(sum.v, (__m512bh)pairs.v, (__m512bh)_mm512_set1_epi32(0x3f803f80))};
}
CAIRN_LANES_INLINE void StoreRaw(std::byte* to, RawLanes x) { _mm512_storeu_si512(to, x.v); }

#include "kernels/attention_amx_body.inc"

void Begin(KvElement element, uint32_t rows, uint32_t head_dim) {
  if (element == KvElement::kBf16) ShapeTiles(rows, head_dim);
}
void End(KvElement element) {
  if (element == KvElement::kBf16) TileRelease();
}

void Attend(const PartitionTile& tile) {
  if (tile.element == KvElement::kBf16) return AttendTiles(tile);
  level_avx512bf16::kAttention.attend(tile);
}

void PackQuery(KvElement element, const float* const* row_pointers, uint32_t rows,
               uint32_t head_dim, float scale, float* packed) {
  if (element == KvElement::kBf16) {
    return PackTileQuery(row_pointers, rows, head_dim, scale, packed);
  }
  level_avx512bf16::kAttention.pack_query(element, row_pointers, rows, head_dim, scale, packed);
}

size_t ScratchFloats(uint32_t head_dim) {
  const size_t ours = TileScratchFloats(head_dim);
  const size_t theirs = level_avx512bf16::kAttention.scratch_floats(head_dim);
  return ours > theirs ? ours : theirs;
}

}  // namespace

extern const AttentionKernels kAttention = {
    .scratch_floats = ScratchFloats,
    .pack_query = PackQuery,
    .clear = Clear,
    .begin = Begin,
    .end = End,
    .attend = Attend,
    .merge = Merge,
    .finish = Finish,
};

}  // namespace cairn::level_amx
