#include "deploy/cli/simulate.h"

#include <iostream>
#include <memory>

#include "deploy/cli/options.h"
#include "deploy/cli/simulation/simulate_flags.h"
#include "deploy/cli/simulation/simulation_json.h"
#include "deploy/cli/simulation/simulation_study.h"
#include "deploy/cli/simulation/simulation_text.h"

namespace cairn {
namespace {

absl::Status RunSimulate(const SimulateFlags& flags) {
  const absl::StatusOr<SimulationReport> report = RunStudy(flags);
  if (!report.ok()) return report.status();
  if (flags.format == OutputFormat::kJson) {
    std::cout << ToJson(*report).dump(2) << "\n";
  } else {
    std::cout << ToText(*report);
  }
  return absl::OkStatus();
}

}  // namespace

void AddSimulate(CLI::App& root) {
  auto flags = std::make_shared<SimulateFlags>();
  CLI::App* app = root.add_subcommand("simulate", "a cluster in virtual time, replaying a trace")
                      ->group("Measure");
  AddSimulateFlags(*app, *flags);
  app->footer(
      R"(Everything it prints is simulated: the production scheduler, worker and store cores in virtual time,
with steps that take what the profile says.

Examples:
  cairn simulate conversation.jsonl --workers 16 --kv-tokens 2000000
  cairn simulate conversation.jsonl --workers 16 --goodput --seeds 5 -o json)");
  OnRun(*app, [flags] { return RunSimulate(*flags); });
}

}  // namespace cairn
