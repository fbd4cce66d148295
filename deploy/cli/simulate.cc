#include "deploy/cli/simulate.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "deploy/cli/command_text.h"
#include "deploy/cli/options.h"
#include "deploy/cli/simulation/find_sliders.h"
#include "deploy/cli/simulation/scenario.h"
#include "deploy/cli/simulation/simulate_flags.h"
#include "deploy/cli/simulation/simulation_html.h"
#include "deploy/cli/simulation/simulation_json.h"
#include "deploy/cli/simulation/simulation_study.h"
#include "deploy/cli/simulation/simulation_text.h"
#include "deploy/cli/version.h"
#include "kvstore/shell/system_clock.h"

namespace cairn {
namespace {

absl::Status WriteFile(const std::string& file, const std::string& text,
                       std::ios::openmode mode = std::ios::trunc) {
  std::ofstream out(file, std::ios::binary | mode);
  out << text << std::flush;
  if (!out) return absl::UnavailableError(absl::StrCat("--html: cannot write ", file));
  return absl::OkStatus();
}

absl::Status RunSimulate(SimulateFlags flags, std::string command) {
  const SystemClock clock;
  const Instant start = clock.Now();
  absl::StatusOr<Scenario> scenario = LoadScenario(std::move(flags));
  if (!scenario.ok()) return scenario.status();
  if (!scenario->flags.html.empty()) {  // better now than after an hour
    const absl::Status writable = WriteFile(scenario->flags.html, "", std::ios::app);
    if (!writable.ok()) return writable;
  }
  if (scenario->flags.phases.search && !scenario->flags.plan) {
    const absl::StatusOr<PhaseSliders> found = FindSliders(*scenario);
    if (!found.ok()) return found.status();
    scenario->flags.phases.Take(*found);
  }
  absl::StatusOr<SimulationReport> report = RunStudy(*scenario);
  if (!report.ok()) return report.status();
  report->version = VersionText();
  report->command = std::move(command);
  report->wall_seconds = (clock.Now() - start).seconds();
  if (!scenario->flags.html.empty()) {
    const absl::Status written = WriteFile(scenario->flags.html, ToHtml(*report));
    if (!written.ok()) return written;
  }
  if (scenario->flags.format == OutputFormat::kJson) {
    std::cout << JsonText(*report);
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
  cairn simulate trace.jsonl --workers 16                            what would its requests get?
  cairn simulate trace.jsonl --plan                                  how many workers does it need?
  cairn simulate trace.jsonl --workers 16 --goodput --seeds 5        how much do so many carry?
  cairn simulate trace.jsonl --prefill 5 --decode 3 --goodput        prompts and decodes apart
  cairn simulate trace.jsonl --plan --search-sliders                 how many workers, and which for what?
  cairn simulate trace.jsonl --compare --seeds 3 --html report.html  which policy, and why?
  cairn simulate trace.jsonl --event 60s:kill:3,90s:return:3         what does a failure cost?)");
  OnRun(*app, [app, flags] { return RunSimulate(*flags, CommandText(*app)); });
}

}  // namespace cairn
