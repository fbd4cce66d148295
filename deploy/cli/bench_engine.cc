#include "deploy/cli/bench_engine.h"

#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "deploy/cli/model_catalog.h"
#include "deploy/cli/options.h"
#include "deploy/cli/progress.h"
#include "kernels/cpu_level.h"
#include "kvstore/media/host_arena.h"
#include "kvstore/shell/system_clock.h"
#include "worker/engine/cpu_engine.h"
#include "worker/engine/engine_bench.h"
#include "worker/engine/worker_team.h"

namespace cairn {
namespace {

struct BenchEngineOptions {
  std::string model = "smollm2-135m-instruct";
  std::string models_dir;
  std::string weights = "auto";
  std::string kv_type = "bf16";
  std::string cpu_level = "auto";
  int threads = 0;
  bool copy_prefill = false;
  uint64_t seed = 1;
  EngineBenchCell cell;
  OutputFormat format = OutputFormat::kText;
};

// Bytes that one decode step must read: all weights once, and every sequence's KV.
uint64_t DecodeBytes(const CpuEngine& engine, const EngineBenchCell& cell) {
  const uint64_t tokens = uint64_t{cell.batch} * (cell.context + cell.decode_steps / 2);
  return engine.weight_bytes() + tokens * engine.geometry().BlockBytes() / engine.geometry().block_tokens;
}

absl::Status RunBenchEngine(const BenchEngineOptions& options) {
  absl::StatusOr<std::filesystem::path> path = ResolveModel(options.model, options.models_dir);
  if (!path.ok()) return path.status();
  CpuEngineOptions engine_options{.step_tokens_max = options.cell.step_tokens, };
  if (options.cpu_level != "auto") engine_options.level = *ParseCpuLevel(options.cpu_level);
  if (options.weights != "auto") engine_options.weights = *ParseWeightFormat(options.weights);
  if (options.kv_type == "int8") engine_options.kv_type = KvType::kInt8;
  WorkerTeam team(options.threads > 0 ? options.threads
                                      : static_cast<int>(std::thread::hardware_concurrency()),
                  /*pin=*/true);
  team.PinCaller();
  absl::StatusOr<LoadedModel> model = LoadModel(*path, engine_options, team, [](uint64_t, uint64_t) {});
  if (!model.ok()) return model.status();
  const uint32_t slots = SlotsFor(options.cell, model->geometry.block_tokens);
  absl::StatusOr<std::unique_ptr<HostArena>> arena =
      HostArena::Make(slots, model->geometry.BlockBytes(), ArenaFill::kPrefault);
  if (!arena.ok()) return arena.status();
  CpuEngine engine(*std::move(model), **arena, team);
  const SystemClock clock;
  // Once for the caches, the page tables and the threads.
  const EngineBenchCell warm{.batch = 1, .context = 16, .decode_steps = 2, .step_tokens = 16};
  if (absl::StatusOr<EngineBenchResult> r = RunEngineBench(engine, clock, warm, 1); !r.ok()) {
    return r.status();
  }
  EngineBenchCell cell = options.cell;
  cell.measure_prefill = !options.copy_prefill;
  absl::StatusOr<EngineBenchResult> result = RunEngineBench(engine, clock, cell, options.seed);
  if (!result.ok()) return result.status();
  const double gigabytes = static_cast<double>(DecodeBytes(engine, cell)) * 1e-9;
  const double rate = result->decode_step_seconds > 0 ? gigabytes / result->decode_step_seconds : 0;
  const EngineBenchWork work = WorkOf(engine.config(), cell);
  if (options.format == OutputFormat::kJson) {
    std::cout << nlohmann::ordered_json{{"weights", NameOf(engine.format())},
                                        {"kv", options.kv_type},
                                        {"cpu_level", CpuLevelName(engine_options.level)},
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
  CLI::App* engine = bench.add_subcommand("engine", "prefill and decode speed of one model on this machine");
  engine->add_option("--model", options->model)->capture_default_str();
  AddModelsDir(*engine, options->models_dir);
  engine->add_option("--weights", options->weights)
      ->check(CLI::IsMember({"auto", "bf16", "int8", "q4"}))->capture_default_str();
  engine->add_option("--kv-type", options->kv_type)->check(CLI::IsMember({"bf16", "int8"}))->capture_default_str();
  engine->add_option("--cpu-level", options->cpu_level)
      ->check(CLI::IsMember({"auto", "portable", "avx2", "avx512", "amx"}))->capture_default_str();
  engine->add_option("--threads", options->threads, "0: all cores")->capture_default_str();
  engine->add_option("--batch", options->cell.batch)->check(CLI::Range(1, 512))->capture_default_str();
  engine->add_option("--context", options->cell.context, "tokens of each sequence before the first decode")
      ->check(CLI::Range(1, 1000000))->capture_default_str();
  engine->add_option("--decode-steps", options->cell.decode_steps)->check(CLI::Range(0, 10000))->capture_default_str();
  engine->add_option("--step-tokens", options->cell.step_tokens)->check(CLI::Range(16, 8192))->capture_default_str();
  engine->add_flag("--copy-prefill", options->copy_prefill,
                   "compute one sequence only and copy its KV to the others: for decode figures");
  engine->add_option("--seed", options->seed)->capture_default_str();
  AddOutputFormat(*engine, options->format);
  OnRun(*engine, [options] { return RunBenchEngine(*options); });
}

}  // namespace cairn
