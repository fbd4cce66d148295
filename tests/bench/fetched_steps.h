// What steps cost if a worker fetches KV that any other has computed instead of computing it again:
// the ablation of docs/numbers/routing.md. Modelled from outside: workers and schedulers know
// nothing of it. What was computed once can be had for ever, from somebody who has nothing else to
// send; the step waits for what it fetches. So it says what fetching could bring at most.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "kvstore/base/prng.h"
#include "scheduler/simulator/step_cost.h"
#include "worker/core/step_plan.h"

namespace cairn {

// Of one run. Tokens of simulated prompts name the block of the trace that they belong to.
class FetchedSteps {
 public:
  explicit FetchedSteps(const StepCost& cost) : cost_(cost) {}

  Duration CostOf(const StepPlan& plan) {
    std::vector<PrefillChunk> chunks;
    uint32_t decodes = 0;
    uint64_t context_tokens = 0;
    Duration fetches;
    for (const StepSpan& span : plan.spans) {
      const auto size = static_cast<uint32_t>(span.tokens.size());
      if (size == 1 && span.first_position > 0) {
        ++decodes;
        context_tokens += uint64_t{span.first_position} + 1;
        continue;
      }
      const uint32_t fresh = std::max(1u, Compute(span));
      chunks.push_back({fresh, uint64_t{span.first_position} + size - fresh});
      if (fresh < size)
        fetches = fetches + cost_.TransferTokens(KvLink::kNetwork, size - fresh, size);
    }
    return fetches + cost_.Step(chunks, decodes, context_tokens);
  }

 private:
  // How many of its tokens nobody had computed before.
  uint32_t Compute(const StepSpan& span) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < span.tokens.size(); ++i) {
      const uint64_t position = uint64_t{span.first_position} + i;
      fresh += computed_.insert(SplitMix64(position << 32 | span.tokens[i])).second;
    }
    return fresh;
  }

  const StepCost& cost_;
  absl::flat_hash_set<uint64_t> computed_;
};

}  // namespace cairn
