// The tables of a report, as HTML. Every number stands in a <data value="..."> that holds it in
// full, so that a program can read what a person sees.
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
