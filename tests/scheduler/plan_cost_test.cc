// What a plan of the worker's core costs.
#include "scheduler/simulator/plan_cost.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

StepSpan Span(uint32_t first_position, size_t tokens) {
  StepSpan span;
  span.first_position = first_position;
  span.tokens.resize(tokens);
  return span;
}

TEST_CASE("a plan costs its prompts' pieces and its decodes as one step") {
  StepProfile profile;
  profile.prefill_fixed_ms = 1;
  profile.prefill_token_ms = 0.5;
  profile.prefill_pair_ms = 0.001;
  profile.decode_fixed_ms = 1;
  profile.decode_sequence_ms = 0.25;
  profile.decode_context_token_ms = 0.125;
  profile.mix = StepMix::kSum;
  profile.wake_ms = 3;
  const StepCost cost(profile);
  StepPlan plan;
  CHECK(CostOf(plan, cost, Seconds(1)) == Duration());
  plan.spans = {Span(7, 1), Span(9, 1), Span(100, 10), Span(0, 1)};
  const std::vector<PrefillChunk> chunks = {{10, 100}, {1, 0}};
  CHECK(CostOf(plan, cost, Duration()) == cost.Step(chunks, 2, 18));
  CHECK(CostOf(plan, cost, Seconds(1)) == cost.Step(chunks, 2, 18) + Milliseconds(3));
}

}  // namespace
}  // namespace cairn
