#include "worker/core/step_planner.h"

#include <algorithm>

#include "kvstore/base/check.h"

namespace cairn {

std::vector<uint32_t> PlanStep(std::span<const StepCandidate> candidates, uint32_t step_tokens,
                               uint32_t prompt_chunk) {
  std::vector<uint32_t> tokens(candidates.size(), 0);
  uint32_t budget = step_tokens;
  for (size_t i = 0; i < candidates.size() && budget > 0; ++i) {
    CAIRN_CHECK_GT(candidates[i].left, 0u);
    if (candidates[i].left > 1) continue;
    tokens[i] = 1;
    --budget;
  }
  budget = std::min(budget, prompt_chunk);
  for (size_t i = 0; i < candidates.size() && budget > 0; ++i) {
    if (candidates[i].left == 1) continue;
    tokens[i] = std::min(candidates[i].left, budget);
    budget -= tokens[i];
  }
  return tokens;
}

}  // namespace cairn
