// What the tests of attention at every level, and of its tiles without AMX, have in common: random
// cases, and the two things that must hold of each.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/attention.h"
#include "kvstore/base/prng.h"
#include "tests/kernels/paged_attention.h"

namespace cairn {

inline PagedCase DrawCase(Prng& prng) {
  constexpr uint32_t kDims[] = {64, 80, 96, 128, 256, 16};
  constexpr uint32_t kGroups[] = {1, 2, 3, 4, 7, 13};
  constexpr uint32_t kWindows[] = {0, 0, 1, 17, 100, 512};
  PagedCase c;
  c.head_dim = kDims[prng.Below(6)];
  c.kv_heads = 1 + static_cast<uint32_t>(prng.Below(3));
  c.query_heads = c.kv_heads * kGroups[prng.Below(6)];
  c.window = kWindows[prng.Below(6)];
  c.block_tokens = prng.Chance(0.3) ? 32 : 16;
  c.element = prng.Chance(0.4) ? KvElement::kInt8 : KvElement::kBf16;
  c.scale = prng.Chance(0.3) ? 0.09f : 0;
  c.seed = prng.Next();
  return c;
}

// A length that is often near the edge of a block or of a partition.
inline uint32_t DrawLength(Prng& prng, uint32_t max) {
  const auto near = static_cast<uint32_t>(prng.Below(3));
  const uint32_t edge = prng.Chance(0.5) ? 16 : 256;
  const auto any = static_cast<uint32_t>(1 + prng.Below(max));
  return prng.Chance(0.5) ? any : std::max(1u, any / edge * edge + near);
}

// Cuts each sequence into chunks of random length, in random order.
inline std::vector<AttentionItem> DrawChunks(const PagedAttention& paged, size_t sequences,
                                             Prng& prng, uint32_t chunk_max) {
  std::vector<AttentionItem> items;
  for (size_t s = 0; s < sequences; ++s) {
    for (uint32_t at = 0; at < paged.length(s);) {
      const auto rows = static_cast<uint32_t>(
          std::min<uint64_t>(1 + prng.Below(chunk_max), paged.length(s) - at));
      items.push_back(paged.Item(s, at, rows));
      at += rows;
    }
  }
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[prng.Below(i)]);
  return items;
}

inline void CheckRow(const PagedAttention& paged, const std::vector<float>& out, size_t sequence,
                     uint32_t position, const PagedCase& c, double tolerance) {
  const size_t row = paged.Item(sequence, position, 1).first_row;
  for (uint32_t head = 0; head < c.query_heads; ++head) {
    const std::vector<double> expected = paged.Reference(sequence, position, head);
    for (uint32_t i = 0; i < c.head_dim; ++i) {
      const double got = static_cast<double>(out[row * paged.width() + head * c.head_dim + i]);
      if (!(std::fabs(got - expected[i]) < tolerance)) {
        FAIL("position " << position << " head " << head << " dim " << i << ": " << got << ", not "
                         << expected[i]);
      }
    }
  }
}

// Some rows of two sequences that end in a chunk each.
inline void CheckAgainstReference(PagedAttention& paged, const AttentionKernels& kernels,
                                  const PagedCase& c, double tolerance, uint64_t seed) {
  Prng prng(seed);
  std::vector<AttentionItem> items;
  std::vector<std::pair<size_t, uint32_t>> rows;
  for (size_t s = 0; s < 2; ++s) {
    const uint32_t last = paged.length(s) - 1;
    const uint32_t first = last - std::min(last, static_cast<uint32_t>(prng.Below(90)));
    items.push_back(paged.Item(s, first, last - first + 1));
    for (const uint32_t p : {first, first + (last - first) / 2, last}) rows.emplace_back(s, p);
  }
  const std::vector<float> out = paged.Run(items, kernels, 2, prng.Next());
  for (const auto& [s, p] : rows) CheckRow(paged, out, s, p, c, tolerance);
}

// Rows decoded one by one, and the same rows in chunks of many sizes cut into tasks of many sizes.
inline void CheckSameBits(PagedAttention& paged, size_t sequences, const AttentionKernels& kernels,
                          uint64_t seed) {
  Prng prng(seed);
  const std::vector<float> decoded =
      paged.Run(DrawChunks(paged, sequences, prng, 1), kernels, 1, 1);
  for (const uint32_t chunk_max : {1u, 7u, 100u, 2000u}) {
    const auto workers = static_cast<uint32_t>(1 + prng.Below(40));
    const std::vector<float> out =
        paged.Run(DrawChunks(paged, sequences, prng, chunk_max), kernels, workers, prng.Next());
    REQUIRE(std::memcmp(decoded.data(), out.data(), out.size() * sizeof(float)) == 0);
  }
}

// Some tokens become NaN: rows that see none of them keep their bits, though all are one chunk.
inline void CheckUndisturbed(PagedAttention& paged, const AttentionKernels& kernels,
                             const PagedCase& c, uint64_t seed) {
  Prng prng(seed);
  const uint32_t length = paged.length(0);
  const std::vector<AttentionItem> all = {paged.Item(0, 0, length)};
  const std::vector<float> before = paged.Run(all, kernels, 2, 1);
  const auto first = static_cast<uint32_t>(prng.Below(length));
  const auto last = static_cast<uint32_t>(
      std::min<uint64_t>(first + prng.Below(prng.Chance(0.5) ? 4 : 300), length - 1));
  for (uint32_t token = first; token <= last; ++token) paged.Spoil(0, token);
  const std::vector<float> after = paged.Run(all, kernels, 2, 1);
  CAPTURE(first, last);
  for (uint32_t p = 0; p < length; ++p) {
    const bool sees = p >= first && (c.window == 0 || p < last + c.window);
    const size_t row = (paged.Item(0, p, 1).first_row) * paged.width();
    CAPTURE(p);
    if (!sees) {
      REQUIRE(std::memcmp(&before[row], &after[row], paged.width() * sizeof(float)) == 0);
    } else {
      REQUIRE(std::isnan(after[row]));
    }
  }
}

}  // namespace cairn
