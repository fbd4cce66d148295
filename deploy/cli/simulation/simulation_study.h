// What `cairn simulate` runs: every seed at one rate, or the search of each seed's goodput.
#pragma once

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/simulate_flags.h"
#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

absl::StatusOr<SimulationReport> RunStudy(SimulateFlags flags);

}  // namespace cairn
