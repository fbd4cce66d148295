#include "scheduler/core/learned_cost.h"

#include <algorithm>

namespace cairn {
namespace {

// Steps with fewer tokens are all overhead and memory traffic.
constexpr uint32_t kHeavyTokens = 64;

}  // namespace

void LearnedCost::Average::Mix(int64_t tokens, int64_t elapsed) {
  if (tokens_q10 == 0) {
    tokens_q10 = tokens * 1024;
    elapsed_ns = elapsed;
    return;
  }
  tokens_q10 += (tokens * 1024 - tokens_q10) / 8;
  elapsed_ns += (elapsed - elapsed_ns) / 8;
}

void LearnedCost::Learn(uint32_t tokens, Duration elapsed) {
  if (tokens == 0 || elapsed <= Duration()) return;
  (tokens >= kHeavyTokens ? heavy_ : light_).Mix(tokens, elapsed.nanoseconds());
  if (!known()) return;
  int64_t elapsed_ns = heavy_.elapsed_ns;
  int64_t tokens_q10 = heavy_.tokens_q10;
  // The line through both averages, if it rises.
  if (light_.tokens_q10 > 0 && heavy_.elapsed_ns > light_.elapsed_ns) {
    elapsed_ns -= light_.elapsed_ns;
    tokens_q10 -= light_.tokens_q10;
  }
  const auto slope = static_cast<__int128>(elapsed_ns) * 1024 / tokens_q10;
  token_ = Nanoseconds(std::max<int64_t>(1, static_cast<int64_t>(slope)));
  const auto rise = static_cast<__int128>(token_.nanoseconds()) * heavy_.tokens_q10 / 1024;
  step_ = Nanoseconds(std::max<int64_t>(0, heavy_.elapsed_ns - static_cast<int64_t>(rise)));
}

void LearnedCost::Assume(const LearnedCost& other) {
  token_ = other.token_;
  step_ = other.step_;
}

Duration LearnedCost::Of(uint64_t tokens, uint32_t step_tokens) const {
  const uint64_t chunk = std::max(1u, step_tokens);
  const uint64_t steps = (tokens + chunk - 1) / chunk;
  return token_ * static_cast<int64_t>(tokens) + step_ * static_cast<int64_t>(steps);
}

}  // namespace cairn
