// Runs steps of a model on this machine's cores.
//
//   LoadedModel model = *LoadModel(path, options, team, progress);
//   auto arena = HostArena::Make(slots, model.geometry.BlockBytes(), ...);
//   CpuEngine engine(std::move(model), **arena, team);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/attention.h"
#include "kernels/cpu_level.h"
#include "kvstore/media/arena.h"
#include "worker/engine/engine.h"
#include "worker/model/kv_geometry.h"
#include "worker/model/model_config.h"
#include "worker/model/model_weights.h"
#include "worker/model/sampler.h"
#include "worker/model/transformer.h"

namespace cairn {

struct CpuEngineOptions {
  std::optional<WeightFormat> weights;  // nothing: DefaultFormatOf(file)
  KvType kv_type = KvType::kBf16;
  uint32_t block_tokens = 16;
  uint32_t step_tokens_max = 512;  // of one plan; scratch memory grows with it
  CpuLevel level = DetectCpuLevel();
  AttentionArithmetic attention = AttentionArithmetic::kBf16Tiles;  // docs/numbers/quality.md
};

// A model in memory, before it has room for KV.
struct LoadedModel {
  ModelConfig config;
  ModelWeights weights;
  BlockGeometry geometry;
  WeightFormat format = WeightFormat::kInt8;
  RopeStyle rope_style = RopeStyle::kHalves;
  CpuEngineOptions options;
};

// INVALID_ARGUMENT: the file or a feature of its model is refused, with the reason. NOT_FOUND: no
// file.
absl::StatusOr<LoadedModel> LoadModel(std::shared_ptr<const WeightFile> file,
                                      const CpuEngineOptions& options, WorkerTeam& team,
                                      const LoadProgress& progress);
absl::StatusOr<LoadedModel> LoadModel(const std::filesystem::path& path,
                                      const CpuEngineOptions& options, WorkerTeam& team,
                                      const LoadProgress& progress);

class CpuEngine final : public Engine {
 public:
  // `arena` and `team` outlive the engine. REQUIRES: arena.slot_bytes() is geometry.BlockBytes()
  // and its slots lie one after another.
  CpuEngine(LoadedModel model, Arena& arena, WorkerTeam& team);

  const BlockGeometry& geometry() const override { return geometry_; }
  uint32_t vocabulary_size() const override { return config_.vocabulary; }
  uint32_t context_length() const override { return config_.context_length; }
  uint32_t step_tokens_max() const { return transformer_.rows_max(); }
  WeightFormat format() const { return format_; }
  uint64_t weight_bytes() const { return transformer_.weight_bytes(); }
  const ModelConfig& config() const { return config_; }

  // INVALID_ARGUMENT: a plan that asks for what cannot be (too many tokens, a slot, token or
  // position that does not exist); nothing was run. DATA_LOSS: logits that are not numbers.
  absl::StatusOr<StepResult> Run(const StepPlan& plan) override;

  // Runs one span and gives the logits of each of its rows to `row`, in order: what each position
  // would sample from. For measuring a model's quality.
  using LogitsSink = std::function<void(uint32_t row, std::span<const float> logits)>;
  absl::Status RunTeacherForced(const StepSpan& span, const LogitsSink& row);

 private:
  // One row whose logits are wanted, and the samples drawn from it.
  struct Wanted {
    uint32_t row = 0;
    size_t span = 0;
  };
  absl::Status Check(const StepPlan& plan) const;
  absl::Status CheckSpan(const StepSpan& span) const;
  void Copy(const BlockCopy& copy);
  absl::Status Sample(const StepPlan& plan, std::span<const Wanted> wanted, StepResult& result);

  const ModelConfig config_;
  const BlockGeometry geometry_;
  const WeightFormat format_;
  Arena& arena_;
  WorkerTeam& team_;
  Transformer transformer_;
  std::vector<SamplerScratch> sampler_scratch_;  // of each worker
};

}  // namespace cairn
