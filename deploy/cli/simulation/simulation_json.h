// What a simulation found, as JSON: docs/SIMULATOR.md says what each field is.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

nlohmann::ordered_json ToJson(const SimulationReport& report);

// The same, to be printed. The names of files need not be UTF-8, JSON must.
std::string JsonText(const SimulationReport& report);

}  // namespace cairn
