// One pass of the engine over a batch, as a value. The planner (pure) makes it, the engine runs it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "kvstore/base/generation.h"
#include "kvstore/base/ids.h"
#include "kvstore/base/time.h"

namespace cairn {

// Choose one next token from the logits of a span's last position.
struct SampleRequest {
  const SamplingParams* params = nullptr;  // outlives the step
  uint64_t seed = 0;                       // of this choice
  uint32_t position = 0;            // of the token to be chosen, counted from the prompt's start
  std::span<const TokenId> prompt;  // outlive the step; for penalties
  std::span<const TokenId> output;
  std::span<const TokenId> forbidden;  // must not be chosen (stop tokens before min_tokens)
};

// A run of tokens of one sequence whose KV is computed in this step.
//   tokens  the tokens at positions first_position .. first_position + size - 1; at least one
//   table   slots of the blocks that cover positions 0 .. first_position + size - 1, in order;
//           KV of all positions below first_position is already in them
//   samples empty in the middle of a prompt; one at its end and for a decode; n at the end of the
//           prompt of a request with n choices
// (Most spans have one sample: it lives inside the span.)
struct StepSpan {
  SequenceId sequence;
  uint32_t first_position = 0;
  std::vector<TokenId> tokens;
  std::vector<SlotIndex> table;
  absl::InlinedVector<SampleRequest, 1> samples;
};

// Copy-on-write: the whole block `from` is copied to `to` before anything is computed.
struct BlockCopy {
  SlotIndex from;
  SlotIndex to;
};

struct StepPlan {
  uint64_t number = 0;
  std::vector<BlockCopy> copies;
  std::vector<StepSpan> spans;  // decodes first; each sequence at most once
};

// What was chosen for one span: one token for each of its samples.
using SpanSamples = absl::InlinedVector<SampledToken, 1>;

struct StepResult {
  std::vector<SpanSamples> samples;  // one for each span, in the plan's order
  Duration elapsed;
};

}  // namespace cairn
