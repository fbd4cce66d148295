#include "kernels/kv_layout.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <set>

#include "kernels/append_kv.h"
#include "kvstore/block/block_geometry.h"
#include "tests/kernels/levels.h"
#include "tests/kernels/paged_attention.h"

namespace cairn {
namespace {

TEST_CASE("addresses fill exactly the bytes that the block's geometry counts") {
  for (const uint32_t block_tokens : {16u, 32u, 64u}) {
    for (const KvElement element : {KvElement::kBf16, KvElement::kInt8}) {
      BlockGeometry geometry{.block_tokens = block_tokens,
                             .type = element == KvElement::kBf16 ? KvType::kBf16 : KvType::kInt8};
      geometry.classes = {{LayerKind::kSlidingWindow, {0, 1, 3}, 1, 256, 512},
                          {LayerKind::kFull, {2}, 3, 80, 0}};
      const KvLayout layout(element, block_tokens, {{3, 1, 256}, {1, 3, 80}});
      CHECK(layout.block_bytes() == geometry.BlockBytes());
      std::set<uint64_t> groups;  // starts of all groups: each its own, none beyond the block
      uint64_t total = 0;
      for (size_t c = 0; c < 2; ++c) {
        for (size_t l = 0; l < geometry.classes[c].layers.size(); ++l) {
          const KvLayer layer = layout.Layer(c, l);
          CHECK(layer.LayerBytes() == geometry.LayerBytes(geometry.classes[c]));
          for (uint32_t h = 0; h < layer.kv_heads; ++h) {
            for (uint32_t g = 0; g < layer.GroupsPerBlock(); ++g) {
              for (const uint64_t at : {layer.KeyOffset(h, g), layer.ValueOffset(h, g)}) {
                CHECK(groups.insert(at).second);
                CHECK(at % 64 == 0);
                CHECK(at + layer.GroupBytes() <= layout.block_bytes());
                total += layer.GroupBytes();
              }
            }
          }
        }
      }
      CHECK((total + 63) / 64 * 64 == layout.block_bytes());
    }
  }
}

TEST_CASE("shapes that the kernels cannot read are refused with a reason") {
  CHECK(KvLayout::WhyUnsupported(16, {{30, 3, 64}}) == nullptr);
  CHECK(KvLayout::WhyUnsupported(8, {{30, 3, 64}}) != nullptr);
  CHECK(KvLayout::WhyUnsupported(0, {{30, 3, 64}}) != nullptr);
  CHECK(KvLayout::WhyUnsupported(16, {}) != nullptr);
  CHECK(KvLayout::WhyUnsupported(16, {{30, 3, 72}}) != nullptr);
  CHECK(KvLayout::WhyUnsupported(16, {{30, 0, 64}}) != nullptr);
  CHECK(KvLayout::WhyUnsupported(16, {{0, 3, 64}}) != nullptr);
}

struct Appended {
  std::vector<std::byte> memory;
  std::vector<float> rows;
};

// Appends `rows` random tokens from `first` on, to all heads, in runs of at most `run`.
Appended Append(KvElement element, CpuLevel level, uint32_t dim, uint32_t heads, uint32_t first,
                uint32_t rows, uint32_t run) {
  const KvLayout layout(element, 16, {{1, heads, dim}});
  const std::vector<uint32_t> table = {2, 0, 3, 1};
  Appended out;
  out.memory.assign(layout.block_bytes() * 4, std::byte{0xff});
  Prng prng(5);
  const size_t width = size_t{heads} * dim;
  for (size_t i = 0; i < 2 * rows * width; ++i) out.rows.push_back(Normal(prng) * 3);
  for (uint32_t at = 0; at < rows; at += run) {
    AppendKv({.layer = layout.Layer(0, 0),
              .slots = out.memory.data(),
              .slot_bytes = layout.block_bytes(),
              .block_table = table.data(),
              .key = out.rows.data() + at * 2 * width,
              .value = out.rows.data() + (at * 2 + 1) * width,
              .key_stride = 2 * width,
              .value_stride = 2 * width,
              .rows = std::min(run, rows - at),
              .first_position = first + at,
              .head_begin = 0,
              .head_end = heads},
             level);
  }
  return out;
}

TEST_CASE("appended tokens lie where the layout says, and nothing else is touched") {
  const uint32_t dim = 80, heads = 2, first = 13, rows = 30;
  const KvLayout layout(KvElement::kBf16, 16, {{1, heads, dim}});
  const KvLayer layer = layout.Layer(0, 0);
  const uint32_t table[] = {2, 0, 3, 1};
  for (const CpuLevel level : RunnableLevels()) {
    const Appended got = Append(KvElement::kBf16, level, dim, heads, first, rows, rows);
    std::vector<std::byte> expected(got.memory.size(), std::byte{0xff});
    for (uint32_t r = 0; r < rows; ++r) {
      const uint32_t position = first + r, token = position % 16;
      for (uint32_t h = 0; h < heads; ++h) {
        std::byte* base = expected.data() + table[position / 16] * layout.block_bytes();
        for (uint32_t i = 0; i < dim; ++i) {
          const float* row = got.rows.data() + (size_t{r} * 2 * heads + h) * dim;
          const float k = RoundedToBf16(row[i]), v = RoundedToBf16(row[heads * dim + i]);
          std::memcpy(base + layer.KeyOffset(h, 0) + (i / 2 * 32 + token * 2 + i % 2) * 2,
                      reinterpret_cast<const char*>(&k) + 2, 2);
          std::memcpy(
              base + layer.ValueOffset(h, 0) + (token / 2 * dim * 2 + i * 2 + token % 2) * 2,
              reinterpret_cast<const char*>(&v) + 2, 2);
        }
      }
    }
    REQUIRE(got.memory == expected);
  }
}

TEST_CASE("a token's bytes do not depend on the run it was appended in, nor on the level") {
  for (const KvElement element : {KvElement::kBf16, KvElement::kInt8}) {
    const Appended whole = Append(element, CpuLevel::kPortable, 64, 3, 3, 50, 50);
    for (const CpuLevel level : RunnableLevels()) {
      for (const uint32_t run : {1u, 2u, 7u, 16u, 50u}) {
        REQUIRE(Append(element, level, 64, 3, 3, 50, run).memory == whole.memory);
      }
    }
  }
}

TEST_CASE("values that are no numbers stay no numbers in KV of either type") {
  for (const CpuLevel level : RunnableLevels()) {
    for (const KvElement element : {KvElement::kBf16, KvElement::kInt8}) {
      const KvLayout layout(element, 16, {{1, 1, 64}});
      const KvLayer layer = layout.Layer(0, 0);
      std::vector<std::byte> memory(layout.block_bytes());
      std::vector<float> row(64, 1.0f);
      row[9] = std::nanf("");
      const uint32_t table = 0;
      AppendKv({.layer = layer,
                .slots = memory.data(),
                .slot_bytes = layout.block_bytes(),
                .block_table = &table,
                .key = row.data(),
                .value = row.data(),
                .key_stride = 64,
                .value_stride = 64,
                .rows = 1,
                .first_position = 0,
                .head_begin = 0,
                .head_end = 1},
               level);
      float back = 0;
      if (element == KvElement::kBf16) {
        std::memcpy(reinterpret_cast<char*>(&back) + 2,
                    memory.data() + layer.KeyOffset(0, 0) + 4 * 64 + 2, 2);
      } else {
        std::memcpy(&back, memory.data() + layer.KeyOffset(0, 0) + 16 * 64, 4);
      }
      CHECK(std::isnan(back));
    }
  }
}

}  // namespace
}  // namespace cairn
