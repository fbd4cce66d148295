// Attention alone, at each level of this machine: decode in GB/s of KV read, prefill in GFLOP/s of
// the multiplications that the causal mask leaves. Layers follow each other as in a model, so that
// KV comes from memory and not from a cache that a model's weights would have emptied.
//   attention_bench [threads] [rounds] [level or all] [float|bf16]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "kernels/append_kv.h"
#include "kernels/attention.h"
#include "kvstore/base/prng.h"
#include "kvstore/media/host_arena.h"
#include "tests/kernels/levels.h"

namespace cairn {
namespace {

// Seconds by the clock; of one thread alone its own time, which other programs disturb less.
double Now(uint32_t threads) {
  timespec now{};
  clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Model {
  const char* name;
  uint32_t layers, query_heads, kv_heads, head_dim;
};

// Runs a function on all threads at once, each given its index; returns when all have ended.
class Crew {
 public:
  explicit Crew(uint32_t threads) {
    for (uint32_t i = 1; i < threads; ++i) threads_.emplace_back([this, i] { Work(i); });
  }
  ~Crew() {
    work_ = nullptr;
    round_.fetch_add(1, std::memory_order_release);
    for (std::thread& thread : threads_) thread.join();
  }
  void Run(const std::function<void(uint32_t)>& work) {
    work_ = &work;
    left_.store(threads_.size(), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    work(0);
    while (left_.load(std::memory_order_acquire) != 0) __builtin_ia32_pause();
  }

 private:
  void Work(uint32_t index) {
    for (uint64_t round = 0;; ++round) {
      while (round_.load(std::memory_order_acquire) == round) __builtin_ia32_pause();
      if (work_ == nullptr) return;
      (*work_)(index);
      left_.fetch_sub(1, std::memory_order_release);
    }
  }
  std::atomic<uint64_t> round_{0};
  std::atomic<size_t> left_{0};
  const std::function<void(uint32_t)>* work_ = nullptr;
  std::vector<std::thread> threads_;
};

struct Bench {
  Model model;
  KvElement element;
  uint32_t sequences;
  uint32_t context;  // tokens in KV when the step ends
  uint32_t rows;     // of each sequence in the step
};

// KV of some sequences in shuffled slots, and queries for their last rows.
struct Step {
  KvLayout layout;
  std::unique_ptr<HostArena> arena;
  std::vector<uint32_t> table;
  std::vector<AttentionItem> items;
  std::vector<float> query, out;
  double pairs = 0;  // query rows x tokens they see
  double append_seconds = 0;
};

void AppendAll(const Bench& bench, CpuLevel level, uint32_t threads,
               const std::vector<float>& random, Step& step) {
  const size_t blocks = step.table.size() / bench.sequences;
  const double start = Now(threads);
  for (uint32_t layer = 0; layer < bench.model.layers; ++layer) {
    for (uint32_t s = 0; s < bench.sequences; ++s) {
      AppendKv({.layer = step.layout.Layer(0, layer),
                .slots = step.arena->base(),
                .slot_bytes = step.layout.block_bytes(),
                .block_table = step.table.data() + s * blocks,
                .key = random.data(),
                .value = random.data() + 7,
                .key_stride = 1,
                .value_stride = 1,
                .rows = bench.context,
                .first_position = 0,
                .head_begin = 0,
                .head_end = bench.model.kv_heads},
               level);
    }
  }
  step.append_seconds = Now(threads) - start;
}

std::optional<Step> Prepare(const Bench& bench, CpuLevel level, uint32_t threads) {
  const Model& m = bench.model;
  Step step{.layout = KvLayout(bench.element, 16, {{m.layers, m.kv_heads, m.head_dim}})};
  const uint32_t blocks = (bench.context + 15) / 16;
  auto arena =
      HostArena::Make(bench.sequences * blocks, step.layout.block_bytes(), ArenaFill::kPrefault);
  if (!arena.ok()) {
    std::printf("%s\n", arena.status().ToString().c_str());
    return std::nullopt;
  }
  step.arena = *std::move(arena);
  step.table.resize(bench.sequences * blocks);
  std::iota(step.table.begin(), step.table.end(), 0u);
  Prng prng(1);
  for (size_t i = step.table.size(); i > 1; --i) {
    std::swap(step.table[i - 1], step.table[prng.Below(i)]);
  }
  const size_t width = size_t{m.query_heads} * m.head_dim;
  std::vector<float> random(bench.context + 4096 + width);
  for (float& x : random) x = static_cast<float>(prng.Uniform() * 2 - 1);
  AppendAll(bench, level, threads, random, step);
  for (uint32_t s = 0; s < bench.sequences; ++s) {
    step.items.push_back({.first_row = s * bench.rows,
                          .rows = bench.rows,
                          .first_position = bench.context - bench.rows,
                          .block_table = step.table.data() + s * blocks});
    for (uint32_t r = 0; r < bench.rows; ++r) step.pairs += bench.context - bench.rows + r + 1;
  }
  step.query.resize(size_t{bench.sequences} * bench.rows * width);
  step.out.resize(step.query.size());
  for (size_t i = 0; i < step.query.size(); ++i) step.query[i] = random[i % 4096] * 3;
  return step;
}

// Seconds of each round, ascending: one pass over all layers.
std::vector<double> Time(const Bench& bench, const AttentionKernels& kernels, uint32_t threads,
                         int rounds, Step& step) {
  const Model& m = bench.model;
  const AttentionPlan plan(
      kernels, {.query_heads = m.query_heads, .kv_heads = m.kv_heads, .head_dim = m.head_dim},
      step.items, threads);
  const size_t width = size_t{m.query_heads} * m.head_dim;
  std::vector<std::vector<std::byte>> scratch(threads,
                                              std::vector<std::byte>(plan.scratch_bytes() + 64));
  Crew crew(threads);
  std::vector<double> seconds;
  for (int round = 0; round < rounds; ++round) {
    const double start = Now(threads);
    for (uint32_t layer = 0; layer < m.layers; ++layer) {
      const AttentionLayer where{.kv = step.layout.Layer(0, layer),
                                 .slots = step.arena->base(),
                                 .slot_bytes = step.layout.block_bytes(),
                                 .query = step.query.data(),
                                 .query_stride = width,
                                 .out = step.out.data(),
                                 .out_stride = width};
      std::atomic<size_t> next{0};
      crew.Run([&](uint32_t worker) {
        const auto at = reinterpret_cast<uintptr_t>(scratch[worker].data());
        auto* mine = reinterpret_cast<std::byte*>((at + 63) / 64 * 64);
        for (size_t t; (t = next.fetch_add(1, std::memory_order_relaxed)) < plan.task_count();) {
          plan.RunTask(t, where, mine);
        }
      });
    }
    seconds.push_back(Now(threads) - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

void Run(const Bench& bench, CpuLevel level, AttentionArithmetic arithmetic, uint32_t threads,
         int rounds) {
  std::optional<Step> step = Prepare(bench, level, threads);
  if (!step.has_value()) return;
  const std::vector<double> seconds =
      Time(bench, AttentionKernelsFor(level, arithmetic), threads, rounds, *step);
  const double best = seconds[0], median = seconds[seconds.size() / 2];
  const double tokens = static_cast<double>(bench.sequences) * bench.context;
  const double bytes = static_cast<double>(step->layout.block_bytes()) / 16 * tokens;
  const Model& m = bench.model;
  const double flop = step->pairs * m.query_heads * m.head_dim * 4 * m.layers;
  std::printf(
      "%-8s %-5s %-7s %-4s %2u x %-3u at %-4u %9.3f ms (median %9.3f) %6.1f GB/s %6.1f "
      "GFLOP/s  append %5.1f us/token\n",
      LevelName(level), arithmetic == AttentionArithmetic::kFloat ? "float" : "bf16", m.name,
      bench.element == KvElement::kBf16 ? "bf16" : "int8", bench.sequences, bench.rows,
      bench.context, best * 1e3, median * 1e3, bytes / best / 1e9, flop / best / 1e9,
      step->append_seconds * 1e6 / tokens);
  std::fflush(stdout);
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  using namespace cairn;
  const uint32_t threads = argc > 1 ? static_cast<uint32_t>(std::max(1, std::atoi(argv[1]))) : 2;
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 7;
  const char* only = argc > 3 ? argv[3] : "all";
  const Model smol{"smollm2", 30, 9, 3, 64}, gemma{"gemma3", 18, 4, 1, 256};
  for (const CpuLevel level : RunnableLevels()) {
    if (std::string_view(only) != "all" && std::string_view(only) != LevelName(level)) continue;
    const bool fast = argc > 4 && *argv[4] == 'b';
    const auto arithmetic = fast ? AttentionArithmetic::kBf16 : AttentionArithmetic::kFloat;
    for (const KvElement element : {KvElement::kBf16, KvElement::kInt8}) {
      for (const Model& model : {smol, gemma}) {
        for (const uint32_t context : {128u, 1024u, 4096u}) {
          Run({model, element, 1, context, 1}, level, arithmetic, threads, rounds);
        }
        Run({model, element, 8, 1024, 1}, level, arithmetic, threads, rounds);
        for (const uint32_t context : {1024u, 4096u}) {
          Run({model, element, 1, context, 256}, level, arithmetic, threads, std::min(rounds, 3));
        }
      }
    }
  }
  return 0;
}
