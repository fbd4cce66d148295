#include "deploy/cli/local_node.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/cli/units.h"
#include "kvstore/base/check.h"
#include "kvstore/block/model_identity.h"
#include "kvstore/media/host_arena.h"
#include "kvstore/shell/block_mover.h"
#include "kvstore/shell/system_clock.h"
#include "worker/core/worker_core.h"
#include "worker/engine/worker_team.h"
#include "worker/model/kv_geometry.h"
#include "worker/model/weights_digest.h"
#include "worker/shell/worker_loop.h"
#include "worker/shell/worker_thread.h"

namespace cairn {
namespace {

constexpr NodeId kWorker{1};
constexpr Epoch kEpoch{1};

// The scheduler's way to the one worker of its process.
class InboxLink : public WorkerLink {
 public:
  void Connect(WorkerInbox& inbox) { inbox_ = &inbox; }
  void Send(NodeId, Epoch, Assignment assignment) override {
    // The inbox has room for everything that the scheduler's limits let it send (see
    // InboxCapacity).
    CAIRN_CHECK(inbox_->TryPush(std::move(assignment)) || inbox_->closed());
  }
  void Ask(const ResyncRequest& request) override { (void)inbox_->TryPush(request); }

 private:
  WorkerInbox* inbox_ = nullptr;
};

// For each live request one Assign, one Cancel and a StopChoice a choice; and a few resync
// requests, of which there is seldom one.
size_t InboxCapacity(const LocalNodeConfig& config) {
  return size_t{config.scheduler.live_requests_max} * (2 + config.choices_max) + 16;
}

std::string RopeName(const ModelConfig& config) {
  std::string name = absl::StrCat("base=", config.rope.base, " linear=", config.rope.linear,
                                  " local=", config.local_rope.base, "/", config.local_rope.linear);
  for (float factor : config.rope.factors) absl::StrAppend(&name, " ", factor);
  return name;
}

// Where KV is, by tier. `dram` may be null.
struct Arenas {
  std::unique_ptr<HostArena> device;
  std::unique_ptr<HostArena> dram;
};

// An engine, with what it is to people and to those who exchange KV with it.
struct NamedEngine {
  std::unique_ptr<Engine> engine;
  std::string text;
  ModelIdentity identity;
};

class InProcessNode final : public LocalNode {
 public:
  InProcessNode(const LocalNodeConfig& config, std::unique_ptr<WorkerTeam> team, Arenas arenas,
                NamedEngine engine, uint32_t context_length)
      : team_(std::move(team)),
        device_(std::move(arenas.device)),
        dram_(std::move(arenas.dram)),
        context_length_(context_length),
        engine_text_(std::move(engine.text)),
        engine_(std::move(engine.engine)),
        mover_(*device_, dram_.get()),
        core_(WorkerLimitsFor(config), StoreLimitsFor(), engine.identity),
        scheduler_(SchedulerLimitsFor(config, engine.identity), link_, clock_),
        loop_(
            core_, *engine_, mover_, clock_,
            [this](std::span<const Report> reports) {
              scheduler_.WorkerReports(kWorker, kEpoch, reports);
            },
            [this](std::span<const PublishWord> words) { scheduler_.WorkerPublishes(words); }),
        thread_(loop_, InboxCapacity(config), [this] {
          team_->PinCaller();
          core_.StartPublishing(kWorker, kEpoch);
        }) {
    link_.Connect(thread_.inbox());
    scheduler_.WorkerJoins(kWorker, kEpoch);
  }

  ~InProcessNode() override { scheduler_.StopTimer(); }

  GenerationPort& port() override { return scheduler_; }
  const Clock& clock() const override { return clock_; }
  uint32_t context_length() const override { return context_length_; }
  const Engine& engine() const override { return *engine_; }
  std::string EngineText() const override { return engine_text_; }
  uint32_t device_slots() const override { return device_->slots(); }
  uint32_t dram_slots() const override { return dram_ == nullptr ? 0 : dram_->slots(); }
  bool Drain(Duration at_most) override {
    scheduler_.StartDrain();
    return scheduler_.AwaitDrained(at_most);
  }

 private:
  WorkerLimits WorkerLimitsFor(const LocalNodeConfig& config) const {
    return {.vocabulary_size = engine_->vocabulary_size(),
            .context_length = context_length_,
            .step_tokens = config.engine.step_tokens_max,
            .sequences_max = config.sequences_max,
            .requests_max = config.scheduler.live_requests_max,
            .choices_max = config.choices_max};
  }
  // The scheduler keys prompts as the worker does and needs to remember no more than it can hold.
  SchedulerLimits SchedulerLimitsFor(const LocalNodeConfig& config,
                                     const ModelIdentity& identity) const {
    SchedulerLimits limits = config.scheduler;
    limits.model = identity;
    limits.block_tokens = engine_->geometry().block_tokens;
    const uint64_t slots = uint64_t{device_slots()} + dram_slots();
    limits.directory.index.bytes_max =
        std::min(limits.directory.index.bytes_max, (slots + 1024) * 64);
    return limits;
  }
  StoreLimits StoreLimitsFor() const {
    return {
        .block_tokens = engine_->geometry().block_tokens,
        .device = {.slots = device_slots()},
        .dram = {.slots = dram_slots()},
        // Room is made ahead of need, so that a request seldom waits for blocks to be copied away.
        .device_headroom_slots = dram_slots() > 0 ? device_slots() / 16 : 0};
  }

  const SystemClock clock_;
  std::unique_ptr<WorkerTeam> team_;
  std::unique_ptr<HostArena> device_;
  std::unique_ptr<HostArena> dram_;
  const uint32_t context_length_;
  const std::string engine_text_;
  std::unique_ptr<Engine> engine_;
  BlockMover mover_;
  WorkerCore core_;
  InboxLink link_;
  SchedulerHost scheduler_;
  WorkerLoop loop_;
  WorkerThread thread_;  // last: ends first
};

// Keys and values of all layers but the first depend on how attention rounds and adds, so machines
// that do it differently do not read each other's blocks.
ModelIdentity IdentityOf(const WeightFile& file, const LoadedModel& model) {
  std::string format = NameOf(model.format);
  const AttentionArithmetic attention =
      AttentionArithmeticOf(model.options.level, model.options.attention);
  if (attention != AttentionArithmetic::kFloat) {
    absl::StrAppend(&format, " attention=", std::string(AttentionArithmeticName(attention)));
  }
  return MakeModelIdentity({.weights_digest = WeightsDigest(file),
                            .weight_format = format,
                            .rope = RopeName(model.config),
                            .geometry = model.geometry});
}

absl::StatusOr<std::unique_ptr<HostArena>> MakeArena(const char* flag, uint64_t budget,
                                                     uint64_t block_bytes, ArenaFill fill) {
  const TierBudget tier = TierBudget::FromBytes(budget, block_bytes);
  if (tier.slots == 0) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " of ", FormatSize(budget),
                                                   " holds no block: one takes ",
                                                   FormatSizeRounded(block_bytes)));
  }
  return HostArena::Make(tier.slots, block_bytes, fill);
}

// What the engine writes is there from the start: otherwise a tenth of a first prompt's time goes
// to pages that are cleared. What is moved to DRAM waits for nobody, and an engine that only waits
// writes nothing.
absl::StatusOr<Arenas> MakeArenas(const LocalNodeConfig& config, uint64_t block_bytes) {
  Arenas arenas;
  const ArenaFill fill = config.paced ? ArenaFill::kOnDemand : ArenaFill::kPrefaultBehind;
  absl::StatusOr<std::unique_ptr<HostArena>> device =
      MakeArena("--kv-budget", config.kv_budget_bytes, block_bytes, fill);
  if (!device.ok()) return device.status();
  arenas.device = *std::move(device);
  if (config.dram_budget_bytes == 0) return arenas;
  absl::StatusOr<std::unique_ptr<HostArena>> dram =
      MakeArena("--dram-budget", config.dram_budget_bytes, block_bytes, ArenaFill::kOnDemand);
  if (!dram.ok()) return dram.status();
  arenas.dram = *std::move(dram);
  return arenas;
}

// How long a request may be: as the model, the flag and the KV budget allow.
uint32_t ContextFor(const LocalNodeConfig& config, const Arenas& arenas, uint32_t model_context,
                    uint32_t block_tokens) {
  const uint64_t kv_tokens = uint64_t{arenas.device->slots()} * block_tokens;
  uint64_t context = std::min<uint64_t>(model_context, kv_tokens);
  if (config.context_length > 0) context = std::min<uint64_t>(context, config.context_length);
  return static_cast<uint32_t>(context);
}

// Steps are waited for: nothing but the model's sizes is read.
absl::StatusOr<std::unique_ptr<LocalNode>> StartPaced(const WeightFile& file,
                                                      const LocalNodeConfig& config,
                                                      std::unique_ptr<WorkerTeam> team) {
  const absl::StatusOr<ModelConfig> model = ReadModelConfig(file);
  if (!model.ok()) return model.status();
  const BlockGeometry geometry =
      KvGeometryOf(*model, config.engine.block_tokens, config.engine.kv_type);
  absl::StatusOr<Arenas> arenas = MakeArenas(config, geometry.BlockBytes());
  if (!arenas.ok()) return arenas.status();
  NamedEngine engine{.engine = std::make_unique<PacedEngine>(geometry, model->vocabulary,
                                                             model->context_length, config.paced),
                     .text = "modelled: steps are waited for, nothing is computed",
                     .identity = MakeModelIdentity({.weights_digest = WeightsDigest(file),
                                                    .weight_format = "modelled",
                                                    .rope = RopeName(*model),
                                                    .geometry = geometry})};
  const uint32_t context =
      ContextFor(config, *arenas, model->context_length, geometry.block_tokens);
  return std::make_unique<InProcessNode>(config, std::move(team), *std::move(arenas),
                                         std::move(engine), context);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalNode>> LocalNode::Start(std::shared_ptr<const WeightFile> file,
                                                            const LocalNodeConfig& config,
                                                            const LoadProgress& progress) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = config.paced ? 1 : config.threads > 0 ? config.threads : cores;
  auto team = std::make_unique<WorkerTeam>(std::max(1, threads), config.pin_threads);
  if (config.paced) return StartPaced(*file, config, std::move(team));
  absl::StatusOr<LoadedModel> model = LoadModel(file, config.engine, *team, progress);
  if (!model.ok()) return model.status();
  absl::StatusOr<Arenas> arenas = MakeArenas(config, model->geometry.BlockBytes());
  if (!arenas.ok()) return arenas.status();
  const uint32_t context =
      ContextFor(config, *arenas, model->config.context_length, model->geometry.block_tokens);
  NamedEngine engine{.engine = nullptr, .text = {}, .identity = IdentityOf(*file, *model)};
  const AttentionArithmetic attention =
      AttentionArithmeticOf(config.engine.level, config.engine.attention);
  auto cpu = std::make_unique<CpuEngine>(*std::move(model), *arenas->device, *team);
  engine.text = absl::StrCat("weights ", FormatSizeRounded(cpu->weight_bytes()), " as ",
                             NameOf(cpu->format()), ", ",
                             std::string(CpuLevelName(config.engine.level)), " instructions, ",
                             std::string(AttentionArithmeticName(attention)), " attention");
  engine.engine = std::move(cpu);
  return std::make_unique<InProcessNode>(config, std::move(team), *std::move(arenas),
                                         std::move(engine), context);
}

}  // namespace cairn
