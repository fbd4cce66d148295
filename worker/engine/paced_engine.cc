#include "worker/engine/paced_engine.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "kvstore/base/check.h"
#include "kvstore/base/prng.h"

namespace cairn {
namespace {

constexpr uint32_t kFirstToken = 1000;  // of those that are said, where a vocabulary has so many

}  // namespace

PacedEngine::PacedEngine(BlockGeometry geometry, uint32_t vocabulary_size, uint32_t context_length,
                         StepTime step_time)
    : geometry_(std::move(geometry)),
      vocabulary_size_(vocabulary_size),
      context_length_(context_length),
      step_time_(std::move(step_time)) {
  CAIRN_CHECK(vocabulary_size_ > 0);
}

TokenId PacedEngine::TokenAt(uint64_t seed, uint32_t position) const {
  const uint32_t low = std::min(kFirstToken, vocabulary_size_ / 4);
  const uint64_t draw = SplitMix64(SplitMix64(seed) + position);
  return static_cast<TokenId>(low + draw % (vocabulary_size_ - low));
}

absl::StatusOr<StepResult> PacedEngine::Run(const StepPlan& plan) {
  const auto begin = std::chrono::steady_clock::now();
  StepResult result;
  result.elapsed = step_time_(plan, Nanoseconds(std::chrono::nanoseconds(begin - ended_).count()));
  result.samples.resize(plan.spans.size());
  for (size_t i = 0; i < plan.spans.size(); ++i) {
    for (const SampleRequest& sample : plan.spans[i].samples) {
      result.samples[i].push_back({.token = TokenAt(sample.seed, sample.position)});
    }
  }
  // What this function itself took is part of the step.
  std::this_thread::sleep_until(begin + std::chrono::nanoseconds(result.elapsed.nanoseconds()));
  ended_ = std::chrono::steady_clock::now();
  return result;
}

}  // namespace cairn
