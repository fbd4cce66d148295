// Times single steps of chosen shapes on an engine: what the costs of a step profile are fitted to.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/clock.h"
#include "worker/engine/engine.h"

namespace cairn {

// A chunk of a prompt, decodes, or both in one step.
struct StepShape {
  uint32_t new_tokens = 0;     // of the chunk; 0: none
  uint32_t cached_tokens = 0;  // before it in its sequence
  uint32_t sequences = 0;      // that decode one token each
  uint32_t context = 0;        // of each of them, the new token included
};

// Shapes that cover what one worker meets: chunks up to a step's budget, contexts and batches as
// far as `tokens_max` tokens of KV allow. Mixed steps come last.
std::vector<StepShape> ShapesToMeasure(uint32_t step_tokens, uint32_t context_max,
                                       uint32_t tokens_max);

// Slots that the largest of them needs.
uint32_t SlotsFor(const std::vector<StepShape>& shapes, uint32_t block_tokens);

// The median of `repeats` runs, after one that does not count, each after a pause in which the
// engine has nothing to do. What KV holds does not matter to how long a step takes: nothing is
// computed for it. REQUIRES: the engine's arena has the slots.
absl::StatusOr<Duration> MeasureStep(Engine& engine, const Clock& clock, const StepShape& shape,
                                     uint32_t repeats, Duration pause = Duration());

// How much longer a step takes after a pause than right after another one: the mean over a decode
// and two chunks; not below zero.
absl::StatusOr<Duration> MeasureWake(Engine& engine, const Clock& clock, uint32_t step_tokens,
                                     uint32_t repeats, Duration pause = Milliseconds(300));

}  // namespace cairn
