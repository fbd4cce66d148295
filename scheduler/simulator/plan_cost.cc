#include "scheduler/simulator/plan_cost.h"

#include <vector>

namespace cairn {

Duration CostOf(const StepPlan& plan, const StepCost& cost, Duration idle) {
  if (plan.spans.empty()) return Duration();
  std::vector<PrefillChunk> chunks;
  uint32_t decodes = 0;
  uint64_t context_tokens = 0;
  for (const StepSpan& span : plan.spans) {
    if (span.tokens.size() == 1 && span.first_position > 0) {
      ++decodes;
      context_tokens += uint64_t{span.first_position} + 1;
    } else {
      chunks.push_back({static_cast<uint32_t>(span.tokens.size()), span.first_position});
    }
  }
  return cost.Step(chunks, decodes, context_tokens) + cost.Wake(idle);
}

}  // namespace cairn
