#include "deploy/cli/standalone_engine.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/cli/model_catalog.h"

namespace cairn {

void AddStandaloneEngineFlags(CLI::App& app, StandaloneEngineFlags& flags) {
  app.add_option("--model", flags.model, "a known name, a GGUF file or a safetensors folder")
      ->capture_default_str();
  AddModelsDir(app, flags.models_dir);
  app.add_option("--weights", flags.weights, "run-time format of the weights")
      ->check(CLI::IsMember({"auto", "bf16", "int8", "q4"}))
      ->capture_default_str();
  app.add_option("--kv-type", flags.kv_type, "of keys and values")
      ->check(CLI::IsMember({"bf16", "int8"}))
      ->capture_default_str();
  AddInstructionFlags(app, flags.instructions, "Options");
  app.add_option("--threads", flags.threads, "0: all cores")->capture_default_str();
  app.add_option("--step-tokens", flags.step_tokens, "tokens of one step at most")
      ->check(CLI::Range(16u, 8192u))
      ->capture_default_str();
}

StandaloneEngine::StandaloneEngine(int threads, CpuLevel level)
    : team_(threads, /*pin=*/true), level_(level) {
  team_.PinCaller();
}

absl::StatusOr<std::unique_ptr<StandaloneEngine>> StandaloneEngine::Make(
    const StandaloneEngineFlags& flags,
    const std::function<uint32_t(const LoadedModel&)>& slots_for) {
  const absl::StatusOr<std::filesystem::path> path = ResolveModel(flags.model, flags.models_dir);
  if (!path.ok()) return path.status();
  CpuEngineOptions options{.step_tokens_max = flags.step_tokens};
  if (absl::Status s = ApplyInstructionFlags(flags.instructions, options); !s.ok()) return s;
  if (flags.weights != "auto") options.weights = *ParseWeightFormat(flags.weights);
  if (flags.kv_type == "int8") options.kv_type = KvType::kInt8;
  const int threads =
      flags.threads > 0 ? flags.threads : static_cast<int>(std::thread::hardware_concurrency());
  std::unique_ptr<StandaloneEngine> made(new StandaloneEngine(threads, options.level));
  absl::StatusOr<LoadedModel> model =
      LoadModel(*path, options, made->team_, [](uint64_t, uint64_t) {});
  if (!model.ok()) return model.status();
  absl::StatusOr<std::unique_ptr<HostArena>> arena =
      HostArena::Make(slots_for(*model), model->geometry.BlockBytes(), ArenaFill::kPrefault);
  if (!arena.ok()) return arena.status();
  made->arena_ = *std::move(arena);
  made->engine_ = std::make_unique<CpuEngine>(*std::move(model), *made->arena_, made->team_);
  return made;
}

}  // namespace cairn
