// Attention with tiles over emulated ones, between the portable level's lanes: runs everywhere.
// Where the processor has AMX the real one is among the levels of attention_test.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/attention_tile.h"
#include "kernels/half_float.h"
#include "tests/kernels/attention_case.h"

namespace cairn {
namespace {

#include "kernels/lanes_portable.inc"

#include "tests/kernels/amx_emulation.inc"

// The functions of kernels/attention_amx.cc, number by number.
template <typename Body>
Lanes EachLane(Lanes x, Body body) {
  float all[16];
  Store(all, x);
  for (float& one : all) one = body(one);
  return Load(all);
}
Lanes Fraction(Lanes x) {
  return EachLane(x, [](float one) { return std::isinf(one) ? 0.0f : one - std::floor(one); });
}
Lanes Scale(Lanes y, Lanes x) {
  float factors[16];
  Store(factors, EachLane(x, [](float one) {
          return std::isnan(one)
                     ? one
                     : std::ldexp(1.0f, std::max(-200, int(std::floor(std::max(one, -200.0f)))));
        }));
  return Mul(y, Load(factors));
}
RawLanes Bf16Of2(Lanes low, Lanes high) {
  float all[32];
  Store(all, low);
  Store(all + 16, high);
  uint16_t bits[32];
  for (int i = 0; i < 32; ++i) {
    bits[i] = std::fabs(all[i]) < 0x1p-126f ? uint16_t{0} : Bf16FromFloat(all[i]);
  }
  return LoadRaw(bits);
}
Lanes AddPairs(Lanes sum, RawLanes pairs) {
  return Add(Add(sum, Bf16Of(pairs, 1)), Bf16Of(pairs, 0));
}
void StoreRaw(std::byte* to, RawLanes x) { std::memcpy(to, &x, sizeof(x)); }

#include "kernels/attention_amx_body.inc"

void Begin(KvElement, uint32_t rows, uint32_t head_dim) { ShapeTiles(rows, head_dim); }
void End(KvElement) { TileRelease(); }

void PackQuery(KvElement, const float* const* row_pointers, uint32_t rows, uint32_t head_dim,
               float scale, float* packed) {
  PackTileQuery(row_pointers, rows, head_dim, scale, packed);
}

const AttentionKernels kEmulated = {
    .scratch_floats = TileScratchFloats,
    .pack_query = PackQuery,
    .clear = Clear,
    .begin = Begin,
    .end = End,
    .attend = AttendTiles,
    .merge = Merge,
    .finish = Finish,
};

PagedCase DrawBf16Case(Prng& prng) {
  PagedCase c = DrawCase(prng);
  c.element = KvElement::kBf16;
  return c;
}

}  // namespace

TEST_CASE("attention with tiles computes what a reference does and uses tiles as they allow") {
  Prng prng(21);
  tiles = EmulatedTiles();
  for (int round = 0; round < 12; ++round) {
    const PagedCase c = DrawBf16Case(prng);
    const std::vector<uint32_t> lengths = {DrawLength(prng, 600), DrawLength(prng, 40)};
    PagedAttention paged(c, lengths, CpuLevel::kPortable);
    CAPTURE(round, c.head_dim, c.query_heads, c.kv_heads, c.window, lengths[0], lengths[1]);
    CheckAgainstReference(paged, kEmulated, c, 0.05, prng.Next());
  }
  REQUIRE(tiles.refused == 0);
  REQUIRE(tiles.configurations > 0);
  REQUIRE_FALSE(tiles.configured);  // released
}

TEST_CASE("attention with tiles gives a row the same bits alone, in any chunk and any batch") {
  Prng prng(22);
  for (int round = 0; round < 4; ++round) {
    const PagedCase c = DrawBf16Case(prng);
    const std::vector<uint32_t> lengths = {DrawLength(prng, round == 0 ? 600 : 150),
                                           DrawLength(prng, 20)};
    PagedAttention paged(c, lengths, CpuLevel::kPortable);
    CAPTURE(round, c.head_dim, c.query_heads, c.kv_heads, c.window, lengths[0], lengths[1]);
    CheckSameBits(paged, 2, kEmulated, prng.Next());
  }
}

TEST_CASE("attention with tiles leaves a row undisturbed by a NaN that it does not see") {
  Prng prng(23);
  for (int round = 0; round < 6; ++round) {
    const PagedCase c = DrawBf16Case(prng);
    PagedAttention paged(c, {DrawLength(prng, 200)}, CpuLevel::kPortable);
    CAPTURE(round, c.head_dim, c.query_heads, c.kv_heads, c.window, paged.length(0));
    CheckUndisturbed(paged, kEmulated, c, prng.Next());
  }
}

}  // namespace cairn
