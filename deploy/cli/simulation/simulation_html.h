// What a simulation found, as one page to look at and to keep: everything is in the file, nothing
// is fetched, nothing needs a script.
#pragma once

#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

std::string ToHtml(const SimulationReport& report);

}  // namespace cairn
