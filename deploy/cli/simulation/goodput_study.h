// The goodput of policies, every seed searched alone.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/simulated_cell.h"

namespace cairn {

// Of each of `cells`, whose rate and seed are chosen here: the seeds' goodputs. `first_rate` is
// where to begin.
absl::StatusOr<std::vector<std::vector<SeedGoodput>>> SearchGoodputs(
    const Scenario& scenario, const std::vector<StudyCell>& cells, double first_rate);

}  // namespace cairn
