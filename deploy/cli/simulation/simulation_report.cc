#include "deploy/cli/simulation/simulation_report.h"

namespace cairn {

GoodputSpread SpreadOf(const SimulationReport& report) {
  std::vector<Goodput> all;
  for (const SeedGoodput& one : report.searched) all.push_back(one.goodput);
  return SpreadOf(all);
}

}  // namespace cairn
