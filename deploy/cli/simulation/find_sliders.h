// The search that `--search-sliders` begins with.
#pragma once

#include "absl/status/statusor.h"
#include "deploy/cli/simulation/scenario.h"
#include "scheduler/simulator/slider_search.h"

namespace cairn {

// How many of --workers should be for what, and with which chunks: the setting with the highest
// goodput on the first seed with the first policy. All mixed and strict splits are among them.
absl::StatusOr<PhaseSliders> FindSliders(Scenario scenario);

}  // namespace cairn
