// The searches behind `--search-sliders`.
#pragma once

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/scenario.h"
#include "scheduler/simulator/slider_search.h"

namespace cairn {

// How many of --workers should be for what, and with which chunks: the setting with the highest
// goodput on the first seed with the first policy. All mixed and strict splits are among them.
absl::StatusOr<PhaseSliders> FindSliders(const Scenario& scenario);

// For so many workers, the setting with the most requests within the targets at that rate under its
// worst seed, likewise.
absl::StatusOr<PhaseSliders> BestSliders(const Scenario& scenario, uint32_t workers, double rate);

}  // namespace cairn
