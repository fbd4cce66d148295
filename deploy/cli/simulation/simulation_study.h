// What `cairn simulate` runs, in this order: the goodput of every policy and seed if it is asked
// for, every policy at every rate with every seed, the goodputs once more for each value of what is
// varied, or the plan.
#pragma once

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/scenario.h"
#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

// The report without what says how it was asked for (SimulationReport::version, command,
// wall_seconds).
absl::StatusOr<SimulationReport> RunStudy(const Scenario& scenario);

}  // namespace cairn
