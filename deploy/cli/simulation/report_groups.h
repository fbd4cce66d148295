// What each latency class, each tenant and the workers of each role got, as sections of a report:
// plots and a table. Each is empty where a run has no such groups, or only one.
#pragma once

#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

std::string ClassSection(const SimulationReport& report);
std::string TenantSection(const SimulationReport& report);
std::string RoleSection(const SimulationReport& report);

}  // namespace cairn
