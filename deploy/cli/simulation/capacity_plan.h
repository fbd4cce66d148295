// The smallest cluster that keeps its targets on the trace at its rate, what one worker more or
// fewer would mean, how much more it carries, and what would have to be better for it to carry more
// still.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/scenario.h"
#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

// For the first policy; with --search-sliders each size with the best roles for its workers.
// `work_rps_per_worker` is where to begin.
absl::StatusOr<CapacityPlan> PlanCapacity(const Scenario& scenario, double work_rps_per_worker);

// The highest rate that every seed carries over the rate that was planned for, less 1.
double HeadroomOf(const CapacityPlan& plan);

// What limits the cluster, in a sentence: what of that which was tried helps most.
std::string LimitOf(const CapacityPlan& plan);

}  // namespace cairn
