// What a simulation found, as JSON: docs/SIMULATOR.md says what each field is.
#pragma once

#include <nlohmann/json.hpp>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

nlohmann::ordered_json ToJson(const SimulationReport& report);

}  // namespace cairn
