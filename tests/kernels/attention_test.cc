#include "kernels/attention.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "tests/kernels/attention_case.h"
#include "tests/kernels/levels.h"
#include "tests/kernels/paged_attention.h"

namespace cairn {
namespace {

constexpr auto kFloat = AttentionArithmetic::kFloat;
constexpr AttentionArithmetic kAll[] = {kFloat, AttentionArithmetic::kBf16,
                                        AttentionArithmetic::kBf16Tiles};

// int8 KV meets queries of 15 and weights of 14 bits where there is VNNI, and floats below.
double FloatTolerance(const PagedCase& c, CpuLevel level) {
  return c.element == KvElement::kInt8 && level >= CpuLevel::kAvx512 ? 2e-3 : 2e-5;
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
      for (const AttentionArithmetic arithmetic : kAll) {
        CheckAgainstReference(paged, AttentionKernelsFor(level, arithmetic), c,
                              arithmetic == kFloat ? FloatTolerance(c, level) : 0.05, prng.Next());
      }
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
      for (const AttentionArithmetic arithmetic : kAll) {
        CheckSameBits(paged, 3, AttentionKernelsFor(level, arithmetic), prng.Next());
      }
    }
  }
}

TEST_CASE("what a row does not see does not reach it, not even a NaN in the same chunk") {
  Prng prng(15);
  for (int round = 0; round < 12; ++round) {
    const PagedCase c = DrawCase(prng);
    const uint32_t length = DrawLength(prng, round % 6 == 0 ? 700 : 200);
    for (const CpuLevel level : RunnableLevels()) {
      for (const AttentionArithmetic arithmetic : kAll) {
        PagedAttention paged(c, {length}, level);
        CAPTURE(round, LevelName(level), static_cast<int>(arithmetic), c.head_dim, c.query_heads,
                c.window, c.block_tokens, static_cast<int>(c.element), length);
        CheckUndisturbed(paged, AttentionKernelsFor(level, arithmetic), c, prng.Next());
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
    const std::vector<float> a = paged.Run(items, AttentionKernelsFor(levels[1]), 2, 1);
    const std::vector<float> b = paged.Run(items, AttentionKernelsFor(levels[2]), 2, 1);
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
  const AttentionKernels& kernels = AttentionKernelsFor(level, AttentionArithmetic::kBf16Tiles);
  const std::vector<float> expected = paged.Run(items, kernels, 1, 1);
  const AttentionPlan plan(kernels, paged.shape(), items, 4);
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
