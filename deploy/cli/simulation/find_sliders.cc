#include "deploy/cli/simulation/find_sliders.h"

#include "absl/status/status.h"
#include "deploy/cli/simulation/simulated_cell.h"
#include "deploy/cli/simulation/simulated_cluster.h"

namespace cairn {

absl::StatusOr<PhaseSliders> FindSliders(Scenario scenario) {
  SimulateFlags& flags = scenario.flags;
  const absl::StatusOr<Trace> trace = ShapedTrace(scenario, 0, 0);
  if (!trace.ok()) return trace.status();
  const double first = RateOf(*trace);
  if (first <= 0) return absl::InvalidArgumentError("the trace has no rate to begin with: --rate");
  absl::Status status;
  const SliderChoice choice = SearchSliders(
      AllSettings({.workers = flags.workers}),
      {.attainment = flags.attainment, .first_rate = first, .precision = 0.02},
      [&](const PhaseSliders& sliders, double rate) {
        flags.phases.Take(sliders);
        const absl::StatusOr<SeedRun> run = RunCell(
            scenario, {.policy = flags.policies[0], .workers = flags.workers, .rate = rate});
        status.Update(run.status());
        return run.ok() ? run->summary.attainment : 0.0;
      });
  if (!status.ok()) return status;
  if (choice.rate == 0) return absl::NotFoundError("no setting of the sliders attains the targets");
  return choice.sliders;
}

}  // namespace cairn
