// Attention alone: decode in GB/s of KV read, prefill in GFLOP/s of the multiplications that the
// causal mask leaves. Layers follow each other as in a model, so that KV comes from memory and not
// from a cache that a model's weights would have emptied. All kinds of a case are run in turn,
// round by round, so that they meet the same neighbours: best and median of the rounds, and the
// best's ratio to the first kind's.
//   attention_bench [--threads N] [--rounds N] [--kinds LEVEL/ARITHMETIC,...] [--case TEXT]
// A kind is, for example, amx/bf16-tiles; without --kinds every one that this machine has. --case
// takes only cases whose line has the text in it, such as "smollm2", "decode", or "at 1024".
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
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

void AppendAll(const Bench& bench, uint32_t threads, const std::vector<float>& random, Step& step) {
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
               DetectCpuLevel());
    }
  }
  step.append_seconds = Now(threads) - start;
}

std::optional<Step> Prepare(const Bench& bench, uint32_t threads) {
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
  AppendAll(bench, threads, random, step);
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

// One way to compute it.
struct Kind {
  CpuLevel level;
  AttentionArithmetic arithmetic;
};

std::string NameOf(const Kind& kind) {
  return std::string(CpuLevelName(kind.level)) + "/" +
         std::string(AttentionArithmeticName(kind.arithmetic));
}

std::vector<Kind> AllKinds() {
  std::vector<Kind> kinds;
  for (const CpuLevel level : RunnableLevels()) {
    for (const AttentionArithmetic arithmetic :
         {AttentionArithmetic::kFloat, AttentionArithmetic::kBf16,
          AttentionArithmetic::kBf16Tiles}) {
      if (AttentionArithmeticOf(level, arithmetic) == arithmetic)
        kinds.push_back({level, arithmetic});
    }
  }
  return kinds;
}

// Seconds of one pass over all layers.
double TimeOnce(const Bench& bench, const AttentionPlan& plan, Crew& crew, uint32_t threads,
                Step& step) {
  const Model& m = bench.model;
  const size_t width = size_t{m.query_heads} * m.head_dim;
  std::vector<std::vector<std::byte>> scratch(threads,
                                              std::vector<std::byte>(plan.scratch_bytes() + 64));
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
  return Now(threads) - start;
}

void Run(const Bench& bench, const std::vector<Kind>& kinds, uint32_t threads, int rounds,
         const char* name) {
  std::optional<Step> step = Prepare(bench, threads);
  if (!step.has_value()) return;
  const Model& m = bench.model;
  const double tokens = static_cast<double>(bench.sequences) * bench.context;
  const double bytes = static_cast<double>(step->layout.block_bytes()) / 16 * tokens;
  const double flop = step->pairs * m.query_heads * m.head_dim * 4 * m.layers;
  std::printf("%s  (append %.1f us/token)\n", name, step->append_seconds * 1e6 / tokens);

  std::vector<AttentionPlan> plans;
  for (const Kind& kind : kinds) {
    plans.emplace_back(
        AttentionKernelsFor(kind.level, kind.arithmetic),
        AttentionShape{
            .query_heads = m.query_heads, .kv_heads = m.kv_heads, .head_dim = m.head_dim},
        step->items, threads);
  }
  Crew crew(threads);
  std::vector<std::vector<double>> seconds(kinds.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t k = 0; k < kinds.size(); ++k) {
      seconds[k].push_back(TimeOnce(bench, plans[k], crew, threads, *step));
    }
  }
  for (std::vector<double>& s : seconds) std::sort(s.begin(), s.end());
  for (size_t k = 0; k < kinds.size(); ++k) {
    const double best = seconds[k][0], median = seconds[k][seconds[k].size() / 2];
    std::printf("    %-16s %9.3f ms (median %9.3f)  %5.1f GB/s %6.1f GFLOP/s  x %.2f (%.2f)\n",
                NameOf(kinds[k]).c_str(), best * 1e3, median * 1e3, bytes / best / 1e9,
                flop / best / 1e9, seconds[0][0] / best,
                seconds[0][seconds[0].size() / 2] / median);
  }
  std::fflush(stdout);
}

// Layers enough to leave any cache, few enough for any machine's memory.
Model Shortened(Model model, uint32_t tokens) {
  const uint64_t layer_bytes = uint64_t{4} * model.kv_heads * model.head_dim * tokens;
  model.layers = static_cast<uint32_t>(
      std::clamp<uint64_t>((uint64_t{1} << 30) / layer_bytes, 1, model.layers));
  return model;
}

void RunAll(const std::vector<Kind>& kinds, uint32_t threads, int rounds, std::string_view only) {
  const Model models[] = {
      {"smollm2", 30, 9, 3, 64}, {"qwen3-0.6b", 28, 16, 8, 128}, {"gemma3", 18, 4, 1, 256}};
  const auto run = [&](const Model& model, KvElement element, uint32_t sequences, uint32_t context,
                       uint32_t rows) {
    char name[100];
    std::snprintf(name, sizeof(name), "%-10s %s %s %2u x %3u at %u", model.name,
                  element == KvElement::kBf16 ? "bf16" : "int8", rows == 1 ? "decode " : "prefill",
                  sequences, rows, context);
    if (std::string_view(name).find(only) == std::string_view::npos) return;
    Run({Shortened(model, sequences * context), element, sequences, context, rows}, kinds, threads,
        rows == 1 ? rounds : (rounds + 2) / 3, name);
  };
  for (const KvElement element : {KvElement::kBf16, KvElement::kInt8}) {
    for (const Model& model : models) {
      for (const uint32_t sequences : {1u, 8u, 32u}) {
        for (const uint32_t context : {128u, 1024u, 4096u}) {
          run(model, element, sequences, context, 1);
        }
      }
      for (const uint32_t context : {1024u, 4096u}) run(model, element, 1, context, 256);
    }
  }
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  using namespace cairn;
  uint32_t threads = 2;
  int rounds = 9;
  std::string_view only;
  std::vector<Kind> kinds = AllKinds();
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i], value = argv[i + 1];
    if (option == "--threads") threads = static_cast<uint32_t>(std::max(1, std::atoi(argv[i + 1])));
    if (option == "--rounds") rounds = std::max(1, std::atoi(argv[i + 1]));
    if (option == "--case") only = value;
    if (option != "--kinds") continue;
    std::vector<Kind> wanted;
    for (std::string_view rest = value; !rest.empty();) {
      const std::string_view name = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      for (const Kind& kind : kinds) {
        if (NameOf(kind) == name) wanted.push_back(kind);
      }
    }
    kinds = wanted;
  }
  RunAll(kinds, threads, rounds, only);
  return 0;
}
