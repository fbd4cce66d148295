// Everything that a run was made of, named as its flags are, so that it can be repeated.
#pragma once

#include <cstdint>

#include "deploy/cli/simulation/scenario.h"
#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

Configuration ConfigurationOf(const Scenario& scenario, uint32_t block_tokens);

}  // namespace cairn
