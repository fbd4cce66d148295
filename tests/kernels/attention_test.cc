#include "kernels/attention.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "tests/kernels/levels.h"
#include "tests/kernels/paged_attention.h"

namespace cairn {
namespace {

constexpr auto kFloat = AttentionArithmetic::kFloat;
constexpr auto kBf16 = AttentionArithmetic::kBf16;

PagedCase DrawCase(Prng& prng) {
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

// int8 KV meets queries of 15 and weights of 14 bits where there is VNNI, and floats below.
double FloatTolerance(const PagedCase& c, CpuLevel level) {
  return c.element == KvElement::kInt8 && level >= CpuLevel::kAvx512 ? 2e-3 : 2e-5;
}

// A length that is often near the edge of a block or of a partition.
uint32_t DrawLength(Prng& prng, uint32_t max) {
  const auto near = static_cast<uint32_t>(prng.Below(3));
  const uint32_t edge = prng.Chance(0.5) ? 16 : 256;
  const auto any = static_cast<uint32_t>(1 + prng.Below(max));
  return prng.Chance(0.5) ? any : std::max(1u, any / edge * edge + near);
}

// Cuts each sequence into chunks of random length, in random order.
std::vector<AttentionItem> DrawChunks(const PagedAttention& paged, size_t sequences, Prng& prng,
                                      uint32_t chunk_max) {
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

void CheckRow(const PagedAttention& paged, const std::vector<float>& out, size_t sequence,
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

TEST_CASE("every level computes what a double-precision reference does, from poisoned slots") {
  Prng prng(11);
  for (int round = 0; round < 24; ++round) {
    const PagedCase c = DrawCase(prng);
    const uint32_t longest = round % 8 == 0 ? 3000 : 600;
    const std::vector<uint32_t> lengths = {DrawLength(prng, longest), DrawLength(prng, 40)};
    for (const CpuLevel level : RunnableLevels()) {
      PagedAttention paged(c, lengths, level);
      CAPTURE(round, LevelName(level), c.head_dim, c.query_heads, c.kv_heads, c.window,
              c.block_tokens, static_cast<int>(c.element), lengths[0], lengths[1]);
      std::vector<AttentionItem> items;
      std::vector<std::pair<size_t, uint32_t>> rows;
      for (size_t s = 0; s < 2; ++s) {
        const uint32_t last = lengths[s] - 1;
        const uint32_t first = last - std::min(last, static_cast<uint32_t>(prng.Below(90)));
        items.push_back(paged.Item(s, first, last - first + 1));
        for (const uint32_t p : {first, first + (last - first) / 2, last}) rows.emplace_back(s, p);
      }
      const std::vector<float> out = paged.Run(items, level, kFloat, 2, prng.Next());
      for (const auto& [s, p] : rows) CheckRow(paged, out, s, p, c, FloatTolerance(c, level));
      const std::vector<float> rounded = paged.Run(items, level, kBf16, 2, prng.Next());
      for (const auto& [s, p] : rows) CheckRow(paged, rounded, s, p, c, 0.05);
    }
  }
}

TEST_CASE("a row has the same bits decoded alone, in any chunk, any batch and any order of tasks") {
  Prng prng(12);
  for (int round = 0; round < 12; ++round) {
    const PagedCase c = DrawCase(prng);
    const uint32_t longest = round % 6 == 0 ? 1200 : 300;
    const std::vector<uint32_t> lengths = {DrawLength(prng, longest), DrawLength(prng, 60),
                                           DrawLength(prng, 20)};
    for (const CpuLevel level : RunnableLevels()) {
      if (level == CpuLevel::kPortable && longest > 300) continue;  // slow
      PagedAttention paged(c, lengths, level);
      CAPTURE(round, LevelName(level), c.head_dim, c.query_heads, c.kv_heads, c.window,
              c.block_tokens, static_cast<int>(c.element), lengths[0]);
      for (const AttentionArithmetic arithmetic : {kFloat, kBf16}) {
        const std::vector<AttentionItem> decodes = DrawChunks(paged, 3, prng, 1);
        const std::vector<float> decoded = paged.Run(decodes, level, arithmetic, 1, 1);
        for (const uint32_t chunk_max : {1u, 7u, 100u, 2000u}) {
          const auto workers = static_cast<uint32_t>(1 + prng.Below(40));
          const std::vector<float> out = paged.Run(DrawChunks(paged, 3, prng, chunk_max), level,
                                                   arithmetic, workers, prng.Next());
          REQUIRE(std::memcmp(decoded.data(), out.data(), out.size() * sizeof(float)) == 0);
        }
      }
    }
  }
}

TEST_CASE("levels with fused multiply-add agree in every bit over bf16 KV") {
  const std::vector<CpuLevel> levels = RunnableLevels();
  Prng prng(13);
  for (int round = 0; levels.size() > 2 && round < 8; ++round) {
    PagedCase c = DrawCase(prng);
    c.element = KvElement::kBf16;  // int8 has other arithmetic where there is VNNI
    const std::vector<uint32_t> lengths = {DrawLength(prng, 900)};
    PagedAttention paged(c, lengths, levels[1]);
    const std::vector<AttentionItem> items = DrawChunks(paged, 1, prng, 100);
    const std::vector<float> a = paged.Run(items, levels[1], kFloat, 2, 1);
    const std::vector<float> b = paged.Run(items, levels[2], kFloat, 2, 1);
    REQUIRE(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("threads that share a plan get the bits that one thread gets, layer after layer") {
  Prng prng(14);
  const PagedCase c{.query_heads = 4, .kv_heads = 1, .head_dim = 64, .seed = 9};
  const CpuLevel level = RunnableLevels().back();
  PagedAttention paged(c, {1500, 700, 30}, level);
  const std::vector<AttentionItem> items = {paged.Item(0, 1499, 1), paged.Item(1, 600, 100),
                                            paged.Item(2, 29, 1)};
  const std::vector<float> expected = paged.Run(items, level, kFloat, 1, 1);
  const AttentionPlan plan(AttentionKernelsFor(level), paged.shape(), items, 4);
  for (int layer = 0; layer < 20; ++layer) {
    std::vector<float> out(expected.size(), 0.0f);
    std::atomic<size_t> next{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        std::vector<std::byte> scratch(plan.scratch_bytes() + 64);
        const auto at = reinterpret_cast<uintptr_t>(scratch.data());
        std::byte* aligned = scratch.data() + ((at + 63) / 64 * 64 - at);
        for (size_t t; (t = next.fetch_add(1)) < plan.task_count();) {
          plan.RunTask(t, paged.Layer(out.data()), aligned);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    REQUIRE(std::memcmp(expected.data(), out.data(), out.size() * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace cairn
