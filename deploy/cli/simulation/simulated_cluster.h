// The cluster that the flags ask for.
#pragma once

#include <cstdint>
#include <string>

#include "deploy/cli/simulation/simulate_flags.h"
#include "scheduler/simulator/cluster_options.h"
#include "scheduler/simulator/step_cost.h"

namespace cairn {

ClusterOptions ClusterOf(const SimulateFlags& flags, const StepCost& cost, uint32_t block_tokens,
                         uint64_t seed);

// The same in one line, for people.
std::string ClusterText(const SimulateFlags& flags);

}  // namespace cairn
