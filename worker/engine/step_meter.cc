#include "worker/engine/step_meter.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

uint32_t BlocksOf(uint32_t tokens, uint32_t block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

uint32_t SlotsFor(const StepShape& shape, uint32_t block_tokens) {
  return BlocksOf(shape.cached_tokens + shape.new_tokens, block_tokens) +
         shape.sequences * BlocksOf(shape.context, block_tokens);
}

Duration Median(std::vector<Duration> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Makes spans over slots that no other span of the plan has.
class PlanMaker {
 public:
  PlanMaker(const Engine& engine, const SamplingParams& params)
      : engine_(engine), params_(params) {}

  void Add(uint32_t first_position, uint32_t tokens) {
    StepSpan span{.sequence = SequenceId(plan_.spans.size() + 1), .first_position = first_position};
    for (uint32_t i = 0; i < tokens; ++i) {
      span.tokens.push_back(static_cast<TokenId>(prng_.Below(engine_.vocabulary_size())));
    }
    const uint32_t blocks = BlocksOf(first_position + tokens, engine_.geometry().block_tokens);
    for (uint32_t i = 0; i < blocks; ++i) span.table.push_back(SlotIndex(next_slot_++));
    span.samples.push_back({.params = &params_, .position = first_position + tokens});
    plan_.spans.push_back(std::move(span));
  }

  StepPlan Finish() && { return std::move(plan_); }

 private:
  const Engine& engine_;
  const SamplingParams& params_;
  Prng prng_{1};
  uint32_t next_slot_ = 0;
  StepPlan plan_{.number = 1};
};

}  // namespace

std::vector<StepShape> ShapesToMeasure(uint32_t step_tokens, uint32_t context_max,
                                       uint32_t tokens_max) {
  const uint32_t longest = std::min(context_max, tokens_max);
  std::vector<StepShape> shapes, mixed;
  for (uint32_t chunk = std::min(16u, step_tokens); chunk <= step_tokens; chunk *= 2) {
    for (const uint32_t cached : {0u, 256u, 1024u, 2048u, 4096u}) {
      if (cached + chunk > longest) continue;
      shapes.push_back({.new_tokens = chunk, .cached_tokens = cached});
    }
  }
  for (const uint32_t context : {32u, 256u, 1024u, 2048u, 4096u}) {
    for (uint32_t batch = 1; batch <= 64; batch *= 2) {
      if (context > longest || uint64_t{batch} * context > tokens_max || batch > step_tokens) {
        continue;
      }
      shapes.push_back({.sequences = batch, .context = context});
      if (batch < 4 || step_tokens < 64 || context > 1024) continue;
      for (const uint32_t chunk : {step_tokens / 4, step_tokens - batch}) {
        if (chunk > longest || uint64_t{batch} * context + chunk > tokens_max) continue;
        mixed.push_back({.new_tokens = chunk, .sequences = batch, .context = context});
      }
    }
  }
  shapes.insert(shapes.end(), mixed.begin(), mixed.end());
  return shapes;
}

uint32_t SlotsFor(const std::vector<StepShape>& shapes, uint32_t block_tokens) {
  uint32_t slots = 1;
  for (const StepShape& shape : shapes) slots = std::max(slots, SlotsFor(shape, block_tokens));
  return slots;
}

absl::StatusOr<Duration> MeasureStep(Engine& engine, const Clock& clock, const StepShape& shape,
                                     uint32_t repeats, Duration pause) {
  CAIRN_CHECK(repeats > 0);
  const SamplingParams greedy{.temperature = 0};
  PlanMaker maker(engine, greedy);
  for (uint32_t i = 0; i < shape.sequences; ++i) maker.Add(shape.context - 1, 1);
  if (shape.new_tokens > 0) maker.Add(shape.cached_tokens, shape.new_tokens);
  const StepPlan plan = std::move(maker).Finish();
  std::vector<Duration> took;
  for (uint32_t run = 0; run <= repeats; ++run) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(pause.nanoseconds()));
    const Instant begin = clock.Now();
    const absl::StatusOr<StepResult> result = engine.Run(plan);
    if (!result.ok()) return result.status();
    if (run > 0) took.push_back(clock.Now() - begin);
  }
  return Median(std::move(took));
}

absl::StatusOr<Duration> MeasureWake(Engine& engine, const Clock& clock, uint32_t step_tokens,
                                     uint32_t repeats, Duration pause) {
  const std::array<StepShape, 3> shapes = {{{.sequences = 1, .context = 32},
                                            {.new_tokens = std::min(64u, step_tokens)},
                                            {.new_tokens = std::min(256u, step_tokens)}}};
  Duration more;
  for (const StepShape& shape : shapes) {
    // In turn, so that a machine that becomes slower meanwhile is slower for both.
    std::vector<Duration> differences;
    for (uint32_t run = 0; run < repeats; ++run) {
      const absl::StatusOr<Duration> busy = MeasureStep(engine, clock, shape, 1);
      if (!busy.ok()) return busy.status();
      const absl::StatusOr<Duration> woken = MeasureStep(engine, clock, shape, 1, pause);
      if (!woken.ok()) return woken.status();
      differences.push_back(*woken - *busy);
    }
    more = more + Median(std::move(differences));
  }
  return std::max(Duration(), more / static_cast<int64_t>(shapes.size()));
}

}  // namespace cairn
