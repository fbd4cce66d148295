#include "deploy/cli/bench_engine.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "deploy/cli/options.h"
#include "deploy/cli/standalone_engine.h"
#include "kernels/cpu_level.h"
#include "kvstore/shell/system_clock.h"
#include "worker/engine/engine_bench.h"

namespace cairn {
namespace {

struct BenchEngineOptions {
  StandaloneEngineFlags engine;
  bool copy_prefill = false;
  uint64_t seed = 1;
  EngineBenchCell cell;
  OutputFormat format = OutputFormat::kText;
};

// Bytes that one decode step must read: all weights once, and every sequence's KV.
uint64_t DecodeBytes(const CpuEngine& engine, const EngineBenchCell& cell) {
  const uint64_t tokens = uint64_t{cell.batch} * (cell.context + cell.decode_steps / 2);
  return engine.weight_bytes() +
         tokens * engine.geometry().BlockBytes() / engine.geometry().block_tokens;
}

absl::Status RunBenchEngine(const BenchEngineOptions& options) {
  EngineBenchCell cell = options.cell;
  cell.step_tokens = options.engine.step_tokens;
  const absl::StatusOr<std::unique_ptr<StandaloneEngine>> alone = StandaloneEngine::Make(
      options.engine,
      [&](const LoadedModel& model) { return SlotsFor(cell, model.geometry.block_tokens); });
  if (!alone.ok()) return alone.status();
  CpuEngine& engine = (*alone)->engine();
  const SystemClock clock;
  // Once for the caches, the page tables and the threads: an engine that serves has seen such
  // steps.
  const EngineBenchCell warm{.batch = 1,
                             .context = std::min(cell.context, cell.step_tokens),
                             .decode_steps = std::min(cell.decode_steps, 2u),
                             .step_tokens = cell.step_tokens};
  if (absl::StatusOr<EngineBenchResult> r = RunEngineBench(engine, clock, warm, 1); !r.ok()) {
    return r.status();
  }
  cell.measure_prefill = !options.copy_prefill;
  absl::StatusOr<EngineBenchResult> result = RunEngineBench(engine, clock, cell, options.seed);
  if (!result.ok()) return result.status();
  const double gigabytes = static_cast<double>(DecodeBytes(engine, cell)) * 1e-9;
  const double rate = result->decode_step_seconds > 0 ? gigabytes / result->decode_step_seconds : 0;
  const EngineBenchWork work = WorkOf(engine.config(), cell);
  if (options.format == OutputFormat::kJson) {
    std::cout
        << nlohmann::ordered_json{{"weights", NameOf(engine.format())},
                                  {"kv", options.engine.kv_type},
                                  {"cpu_level", CpuLevelName((*alone)->level())},
                                  {"batch", cell.batch},
                                  {"context", cell.context},
                                  {"prefill", result->prefill_tokens_per_second},
                                  {"decode", result->decode_tokens_per_second},
                                  {"decode_step_ms", result->decode_step_seconds * 1e3},
                                  {"decode_gb_per_step", gigabytes},
                                  {"decode_gb_per_second", rate},
                                  {"prefill_product_gop", work.prefill_product_ops * 1e-9},
                                  {"prefill_attention_gop", work.prefill_attention_ops * 1e-9},
                                  {"decode_product_gop", work.decode_product_ops * 1e-9},
                                  {"decode_attention_gop", work.decode_attention_ops * 1e-9},
                                  {"weights_gb", static_cast<double>(engine.weight_bytes()) * 1e-9}}
               .dump()
        << "\n";
    return absl::OkStatus();
  }
  std::cout << NameOf(engine.format()) << " weights, " << cell.batch << " x " << cell.context
            << " tokens: prefill " << static_cast<int64_t>(result->prefill_tokens_per_second)
            << " tokens/s, decode " << static_cast<int64_t>(result->decode_tokens_per_second)
            << " tokens/s (" << rate << " GB/s)\n";
  return absl::OkStatus();
}

}  // namespace

void AddBenchEngine(CLI::App& bench) {
  auto options = std::make_shared<BenchEngineOptions>();
  CLI::App* engine =
      bench.add_subcommand("engine", "prefill and decode speed of one model on this machine");
  AddStandaloneEngineFlags(*engine, options->engine);
  engine->add_option("--batch", options->cell.batch)
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  engine
      ->add_option("--context", options->cell.context,
                   "tokens of each sequence before the first decode")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  engine->add_option("--decode-steps", options->cell.decode_steps)
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  engine->add_flag("--copy-prefill", options->copy_prefill,
                   "compute one sequence only and copy its KV to the others: for decode figures");
  engine->add_option("--seed", options->seed)->capture_default_str();
  AddOutputFormat(*engine, options->format);
  OnRun(*engine, [options] { return RunBenchEngine(*options); });
}

}  // namespace cairn
