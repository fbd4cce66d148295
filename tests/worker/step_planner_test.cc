#include "worker/core/step_planner.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "kvstore/base/prng.h"

namespace cairn {
namespace {

using Tokens = std::vector<uint32_t>;

Tokens Plan(std::vector<StepCandidate> candidates, uint32_t step_tokens,
            uint32_t prompt_chunk = ~0u) {
  return PlanStep(candidates, step_tokens, prompt_chunk);
}

TEST_CASE("decodes come first; prefill takes the rest in order of rank") {
  CHECK(Plan({{100}, {1}, {7}, {1}}, 10) == Tokens{8, 1, 0, 1});
  CHECK(Plan({{3}, {1}, {7}, {1}}, 10) == Tokens{3, 1, 5, 1});
}

TEST_CASE("a long prompt is computed in chunks") {
  CHECK(Plan({{1000}}, 512) == Tokens{512});
  CHECK(Plan({{488}}, 512) == Tokens{488});
}

TEST_CASE("a chunk bounds what prompts add to a step, whatever else is in it") {
  CHECK(Plan({{100}, {1}, {7}, {1}}, 512, 16) == Tokens{16, 1, 0, 1});
  CHECK(Plan({{10}, {1}, {70}, {1}}, 512, 16) == Tokens{10, 1, 6, 1});
  CHECK(Plan({{1}, {1}, {70}}, 3, 16) == Tokens{1, 1, 1});
}

TEST_CASE("more decodes than the budget: the best ranks go on") {
  CHECK(Plan({{1}, {1}, {1}}, 2) == Tokens{1, 1, 0});
}

TEST_CASE("no plan is over the budget or over what is left, and none is empty") {
  Prng prng(3);
  for (int i = 0; i < 2000; ++i) {
    std::vector<StepCandidate> candidates(prng.Below(20) + 1);
    for (StepCandidate& one : candidates) one.left = static_cast<uint32_t>(prng.Between(1, 30));
    const uint32_t budget = static_cast<uint32_t>(prng.Between(1, 64));
    const Tokens tokens = PlanStep(candidates, budget, budget);
    const uint32_t sum = std::accumulate(tokens.begin(), tokens.end(), 0u);
    REQUIRE((sum > 0 && sum <= budget));
    for (size_t k = 0; k < tokens.size(); ++k) REQUIRE(tokens[k] <= candidates[k].left);
  }
}

}  // namespace
}  // namespace cairn
