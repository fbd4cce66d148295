// Drives an engine over one cell of a speed table: so many sequences of so much context.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/clock.h"
#include "worker/engine/engine.h"
#include "worker/model/model_config.h"

namespace cairn {

struct EngineBenchCell {
  uint32_t batch = 1;
  uint32_t context = 128;      // tokens of each sequence before the first decode
  uint32_t decode_steps = 32;  // 0: prefill only
  uint32_t step_tokens = 512;  // budget of a prefill step
  bool measure_prefill =
      true;  // false: only one sequence is computed, the others are copies of its KV
};

struct EngineBenchResult {
  double prefill_seconds = 0;  // of all that was computed: batch x context tokens, or one context
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;  // of the whole batch
  double decode_step_seconds = 0;       // median
};

// What a cell asks of a machine at least, for a roofline: a multiplication and its addition are two
// operations.
struct EngineBenchWork {
  double prefill_product_ops = 0;  // of one sequence: weights, and the head for one row
  double prefill_attention_ops = 0;
  double decode_product_ops = 0;  // of one step of the batch, halfway through the steps
  double decode_attention_ops = 0;
};
EngineBenchWork WorkOf(const ModelConfig& config, const EngineBenchCell& cell);

// Slots that a cell needs.
uint32_t SlotsFor(const EngineBenchCell& cell, uint32_t block_tokens);

// REQUIRES: the engine's arena has SlotsFor slots. Prompts are seeded random tokens, each sequence
// its own, so that nothing is shared by accident.
absl::StatusOr<EngineBenchResult> RunEngineBench(Engine& engine, const Clock& clock,
                                                 const EngineBenchCell& cell, uint64_t seed);

}  // namespace cairn
