// Which sequences are in the next step, and with how many tokens: continuous batching with chunked
// prefill. A pure function of lengths; no blocks, no requests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cairn {

// What one sequence could do. `left` tokens must be computed before its next token can be chosen:
// 1 is a decode, more is prefill (of a prompt, or of what a preempted sequence had).
struct StepCandidate {
  uint32_t left = 0;
};

// Tokens for each candidate, in their order; 0: not in this step. Decodes come first, since
// somebody is reading along; the rest of `step_tokens` goes to prefill in chunks, but at most
// `prompt_chunk` of it: that is by how much prompts may slow those who read along. Within each
// kind, earlier candidates (better ranks) come first, so none is passed over for ever.
std::vector<uint32_t> PlanStep(std::span<const StepCandidate> candidates, uint32_t step_tokens,
                               uint32_t prompt_chunk);

}  // namespace cairn
