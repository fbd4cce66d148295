// Runs one cell of a study and keeps what a report needs of it.
#pragma once

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/scenario.h"
#include "deploy/cli/simulation/simulated_cluster.h"
#include "deploy/cli/simulation/simulation_report.h"
#include "scheduler/simulator/virtual_cluster.h"

namespace cairn {

absl::StatusOr<SeedRun> RunCell(const Scenario& scenario, const StudyCell& cell,
                                const RunWatch& watch = nullptr);

}  // namespace cairn
