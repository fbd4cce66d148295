// Whether what a study concludes, which policy is ahead of which, still holds when something that
// is only assumed is varied.
#pragma once

#include <string>
#include <vector>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

// Policies by mean goodput, the best first; equal ones as they were asked for.
std::vector<const PolicyReport*> RankedByGoodput(const std::vector<PolicyReport>& policies);

enum class Robustness {
  kHolds,     // whoever is clearly ahead of somebody stays ahead
  kBlurs,     // somewhere who was clearly ahead is no longer clearly so
  kReverses,  // somewhere somebody who was clearly behind is clearly ahead
};

// Clearly ahead: the worst seed is better than the other's best.
Robustness RobustnessOf(const SimulationReport& report);

// The same as a sentence that names the policies and the settings.
std::string ConclusionOf(const SimulationReport& report);

}  // namespace cairn
