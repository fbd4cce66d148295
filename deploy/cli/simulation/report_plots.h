// The plots of a report, as HTML figures.
#pragma once

#include <string>

#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

// Attainment and goodput.
std::string LoadPlots(const SimulationReport& report);
// TTFT and TPOT against load.
std::string LatencyPlots(const SimulationReport& report);
// TTFT and TPOT of all requests of one run.
std::string DistributionPlots(const SimulationReport& report);
// What was found in which tier.
std::string CachePlots(const SimulationReport& report);
// Workers beside each other, and everything that changes over time.
std::string BalancePlots(const SimulationReport& report);
std::string SensitivityPlots(const SimulationReport& report);

}  // namespace cairn
