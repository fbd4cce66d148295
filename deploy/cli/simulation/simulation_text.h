// What a simulation found, for a terminal.
#pragma once

#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

std::string ToText(const SimulationReport& report);

}  // namespace cairn
