// An engine alone, without scheduler or server, for the subcommands that measure it.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "deploy/cli/instruction_flags.h"
#include "kvstore/media/host_arena.h"
#include "worker/engine/cpu_engine.h"
#include "worker/engine/worker_team.h"

namespace cairn {

struct StandaloneEngineFlags {
  std::string model = "smollm2-135m-instruct";
  std::string models_dir;
  std::string weights = "auto";
  std::string kv_type = "bf16";
  InstructionFlags instructions;
  int threads = 0;  // 0: all cores
  uint32_t step_tokens = 512;
};

// --model, --models-dir, --weights, --kv-type, --cpu-level, --attention, --threads, --step-tokens.
void AddStandaloneEngineFlags(CLI::App& app, StandaloneEngineFlags& flags);

class StandaloneEngine {
 public:
  // `slots_for` says how many slots of KV the engine needs, once the model is known. They are
  // touched before the first step. Errors: those of LoadModel and of the arena.
  static absl::StatusOr<std::unique_ptr<StandaloneEngine>> Make(
      const StandaloneEngineFlags& flags,
      const std::function<uint32_t(const LoadedModel&)>& slots_for);

  CpuEngine& engine() { return *engine_; }
  CpuLevel level() const { return level_; }

 private:
  StandaloneEngine(int threads, CpuLevel level);

  WorkerTeam team_;
  const CpuLevel level_;
  std::unique_ptr<HostArena> arena_;
  std::unique_ptr<CpuEngine> engine_;
};

}  // namespace cairn
