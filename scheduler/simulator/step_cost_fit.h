// The costs of step_cost.h from measured steps: least squares, with how well they fit.
#pragma once

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "kvstore/base/time.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

// One kind of step, measured: a prefill (sequences == 0) or a decode (new_tokens == 0).
struct StepMeasurement {
  uint32_t new_tokens = 0;
  uint64_t cached_tokens = 0;
  uint32_t sequences = 0;
  uint64_t context_tokens = 0;  // of all sequences
  Duration took;
};

// One half: three costs, and how far from the measurements they are.
struct StepLineFit {
  // Fixed, for each token or sequence, for each pair or token of context. Never negative: a feature
  // that would be is left out, since more work cannot take less time.
  std::array<double, 3> ms{};
  double r2 = 0;          // of the times themselves
  double error_mean = 0;  // mean and largest relative error
  double error_max = 0;
  // Fitted minus measured over measured, in the order of the measurements.
  std::vector<double> residuals;
};

struct StepFit {
  StepLineFit prefill;
  StepLineFit decode;

  // Puts the costs and their errors into a profile.
  void ApplyTo(StepProfile& profile) const;
};

// Relative errors count, so that short steps are fitted as well as long ones. Errors:
// InvalidArgument for a measurement that is neither prefill nor decode or took no time, or where
// either half has fewer than three measurements or too few different ones to tell its costs apart.
absl::StatusOr<StepFit> FitStepCost(std::span<const StepMeasurement> measurements,
                                    uint32_t attention_tokens_min);

}  // namespace cairn
