#include "worker/engine/cpu_engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/kv_layout.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

KvSlots SlotsOf(Arena& arena) {
  CAIRN_CHECK(arena.slots() > 0);
  std::byte* const base = arena.At(SlotIndex(0)).data();
  const std::byte* const last = arena.At(SlotIndex(arena.slots() - 1)).data();
  CAIRN_CHECK_EQ(static_cast<uint64_t>(last - base), (arena.slots() - 1) * arena.slot_bytes());
  return {base, arena.slot_bytes()};
}

absl::Status CheckLayout(const BlockGeometry& geometry) {
  std::vector<KvClassShape> shapes;
  for (const LayerClass& c : geometry.classes) {
    shapes.push_back({static_cast<uint32_t>(c.layers.size()), c.kv_heads, c.head_dim});
  }
  const char* why = KvLayout::WhyUnsupported(geometry.block_tokens, shapes);
  if (why == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("this model's KV cannot be laid out: ", why));
}

}  // namespace

absl::StatusOr<LoadedModel> LoadModel(const std::filesystem::path& path,
                                      const CpuEngineOptions& options, WorkerTeam& team,
                                      const LoadProgress& progress) {
  absl::StatusOr<std::unique_ptr<const WeightFile>> file = OpenWeightFile(path);
  if (!file.ok()) return file.status();
  return LoadModel(*std::move(file), options, team, progress);
}

absl::StatusOr<LoadedModel> LoadModel(std::shared_ptr<const WeightFile> file,
                                      const CpuEngineOptions& options, WorkerTeam& team,
                                      const LoadProgress& progress) {
  absl::StatusOr<ModelConfig> config = ReadModelConfig(*file);
  if (!config.ok()) return config.status();
  LoadedModel model{
      .config = *std::move(config), .weights = {}, .geometry = {}, .options = options};
  model.geometry = KvGeometryOf(model.config, options.block_tokens, options.kv_type);
  const absl::Status layout = CheckLayout(model.geometry);
  if (!layout.ok()) return layout;
  model.format = options.weights.value_or(DefaultFormatOf(*file));
  // GGUF files of this family alone hold pairs side by side.
  if (model.config.family == ModelFamily::kLlama && file->kind() == WeightFileKind::kGguf) {
    model.rope_style = RopeStyle::kInterleaved;
  }
  absl::StatusOr<ModelWeights> weights =
      LoadModelWeights(file, model.config, model.format, team, progress);
  if (!weights.ok()) return weights.status();
  model.weights = *std::move(weights);
  return model;
}

CpuEngine::CpuEngine(LoadedModel model, Arena& arena, WorkerTeam& team)
    : config_(model.config),
      geometry_(model.geometry),
      format_(model.format),
      arena_(arena),
      team_(team),
      transformer_(model.config, std::move(model.weights), model.geometry, SlotsOf(arena),
                   {.rope_style = model.rope_style,
                    .level = model.options.level,
                    .attention = model.options.attention,
                    .rows_max = model.options.step_tokens_max},
                   team),
      sampler_scratch_(static_cast<size_t>(team.threads())) {}

absl::StatusOr<StepResult> CpuEngine::Run(const StepPlan& plan) {
  const auto started = std::chrono::steady_clock::now();
  const WorkerTeam::HotSection step(team_);
  const absl::Status sound = Check(plan);
  if (!sound.ok()) return sound;
  team_.Run(plan.copies.size(), [&](size_t i, int) { Copy(plan.copies[i]); });

  std::vector<ForwardSpan> spans;
  std::vector<Wanted> wanted;
  uint32_t rows = 0;
  for (size_t i = 0; i < plan.spans.size(); ++i) {
    const StepSpan& span = plan.spans[i];
    spans.push_back({span.first_position, span.tokens, span.table});
    rows += static_cast<uint32_t>(span.tokens.size());
    if (!span.samples.empty()) wanted.push_back({rows - 1, i});
  }
  transformer_.Run(spans);

  StepResult result;
  result.samples.resize(plan.spans.size());
  const size_t at_once = transformer_.logits_rows_max();
  for (size_t begin = 0; begin < wanted.size(); begin += at_once) {
    const size_t count = std::min(at_once, wanted.size() - begin);
    const absl::Status status = Sample(plan, std::span(wanted).subspan(begin, count), result);
    if (!status.ok()) return status;
  }
  const auto elapsed = std::chrono::steady_clock::now() - started;
  result.elapsed =
      Nanoseconds(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
  return result;
}

absl::Status CpuEngine::Sample(const StepPlan& plan, std::span<const Wanted> wanted,
                               StepResult& result) {
  std::vector<uint32_t> rows;
  for (const Wanted& w : wanted) rows.push_back(w.row);
  const std::span<float> logits = transformer_.Logits(rows);
  std::vector<absl::Status> failures(wanted.size());
  team_.Run(wanted.size(), [&](size_t i, int worker) {
    const auto row = logits.subspan(i * config_.vocabulary, config_.vocabulary);
    for (const SampleRequest& request : plan.spans[wanted[i].span].samples) {
      absl::StatusOr<SampledToken> token =
          SampleToken(row, request, sampler_scratch_[static_cast<size_t>(worker)]);
      if (!token.ok()) {
        failures[i] = token.status();
        return;
      }
      result.samples[wanted[i].span].push_back(*std::move(token));
    }
  });
  for (const absl::Status& failure : failures) {
    if (!failure.ok()) return failure;
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::RunTeacherForced(const StepSpan& span, const LogitsSink& sink) {
  const absl::Status sound = CheckSpan(span);
  if (!sound.ok()) return sound;
  if (span.tokens.size() > step_tokens_max()) {
    return absl::InvalidArgumentError("the span has more tokens than a step may have");
  }
  const ForwardSpan forward{span.first_position, span.tokens, span.table};
  transformer_.Run({&forward, 1});
  const auto count = static_cast<uint32_t>(span.tokens.size());
  for (uint32_t begin = 0; begin < count; begin += transformer_.logits_rows_max()) {
    std::vector<uint32_t> rows;
    for (uint32_t row = begin; row < std::min(count, begin + transformer_.logits_rows_max());
         ++row) {
      rows.push_back(row);
    }
    const std::span<float> logits = transformer_.Logits(rows);
    for (size_t i = 0; i < rows.size(); ++i) {
      sink(rows[i], logits.subspan(i * config_.vocabulary, config_.vocabulary));
    }
  }
  return absl::OkStatus();
}

void CpuEngine::Copy(const BlockCopy& copy) {
  const std::span<std::byte> from = arena_.At(copy.from);
  std::memcpy(arena_.At(copy.to).data(), from.data(), from.size());
}

absl::Status CpuEngine::CheckSpan(const StepSpan& span) const {
  const auto refuse = [&](const std::string& why) {
    return absl::InvalidArgumentError(
        absl::StrCat("the span of sequence ", span.sequence.value(), ": ", why));
  };
  const uint64_t end = span.first_position + uint64_t{span.tokens.size()};
  if (span.tokens.empty()) return refuse("it has no tokens");
  if (end > config_.context_length) {
    return refuse(
        absl::StrCat("position ", end - 1, " is beyond the context of ", config_.context_length));
  }
  if (uint64_t{span.table.size()} * geometry_.block_tokens < end) {
    return refuse(absl::StrCat(span.table.size(), " blocks do not cover ", end, " positions"));
  }
  for (const TokenId token : span.tokens) {
    if (token >= 0 && static_cast<uint32_t>(token) < config_.vocabulary) continue;
    return refuse(
        absl::StrCat("token ", token, " is not in the vocabulary of ", config_.vocabulary));
  }
  for (const SlotIndex slot : span.table) {
    if (slot.value() >= arena_.slots()) {
      return refuse(absl::StrCat("slot ", slot.value(), " of ", arena_.slots()));
    }
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::Check(const StepPlan& plan) const {
  uint64_t tokens = 0;
  for (const StepSpan& span : plan.spans) {
    const absl::Status status = CheckSpan(span);
    if (!status.ok()) return status;
    tokens += span.tokens.size();
  }
  if (tokens > step_tokens_max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a step of ", tokens, " tokens, at most ", step_tokens_max(), " are allowed"));
  }
  for (const BlockCopy& copy : plan.copies) {
    if (std::max(copy.from, copy.to).value() >= arena_.slots()) {
      return absl::InvalidArgumentError("a copy from or to a slot that does not exist");
    }
  }
  return absl::OkStatus();
}

}  // namespace cairn
