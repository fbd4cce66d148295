// The tables of a report, as HTML.
#pragma once

#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

std::string GoodputTable(const SimulationReport& report);
std::string RatesTable(const SimulationReport& report);
std::string SensitivityTable(const SimulationReport& report);
std::string PlanTables(const SimulationReport& report);
std::string ConfigurationTable(const SimulationReport& report);

}  // namespace cairn
