#include "deploy/cli/simulation/find_sliders.h"

#include <algorithm>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "deploy/cli/simulation/cell_queue.h"
#include "deploy/cli/simulation/simulated_cell.h"
#include "deploy/cli/simulation/simulated_cluster.h"

namespace cairn {

absl::StatusOr<PhaseSliders> FindSliders(const Scenario& scenario) {
  const SimulateFlags& flags = scenario.flags;
  const absl::StatusOr<Trace> trace = ShapedTrace(scenario, 0, 0);
  if (!trace.ok()) return trace.status();
  const double first = RateOf(*trace);
  if (first <= 0) return absl::InvalidArgumentError("the trace has no rate to begin with: --rate");
  absl::Status status;
  const SliderChoice choice = SearchSliders(
      AllSettings({.workers = flags.workers}),
      {.attainment = flags.attainment, .first_rate = first, .precision = 0.02},
      [&](const PhaseSliders& sliders, double rate) {
        const absl::StatusOr<SeedRun> run =
            RunCell(scenario, {.policy = flags.policies[0], .sliders = sliders, .rate = rate});
        status.Update(run.status());
        return run.ok() ? run->summary.attainment : 0.0;
      });
  if (!status.ok()) return status;
  if (choice.rate == 0) return absl::NotFoundError("no setting of the sliders attains the targets");
  return choice.sliders;
}

absl::StatusOr<PhaseSliders> BestSliders(const Scenario& scenario, uint32_t workers, double rate) {
  const std::vector<PhaseSliders> settings = AllSettings({.workers = workers});
  const uint32_t seeds = scenario.flags.seeds;
  const auto cells = static_cast<uint32_t>(settings.size()) * seeds;
  std::vector<double> attainment(cells);
  const uint64_t requests = scenario.traces[0].requests.size();
  CellQueue queue(scenario.flags.threads, absl::StrCat("searching roles for ", workers),
                  cells * requests);
  const absl::Status status = queue.ForEach(cells, [&](uint32_t i) -> absl::Status {
    const absl::StatusOr<SeedRun> run = RunCell(scenario, {.policy = scenario.flags.policies[0],
                                                           .sliders = settings[i / seeds],
                                                           .seed = i % seeds,
                                                           .rate = rate});
    if (!run.ok()) return run.status();
    attainment[i] = run->summary.attainment;
    queue.Advance(requests);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  const auto worst = [&](size_t setting) {
    return *std::ranges::min_element(std::span(attainment).subspan(setting * seeds, seeds));
  };
  size_t best = 0;
  for (size_t i = 1; i < settings.size(); ++i) {
    if (worst(i) > worst(best)) best = i;
  }
  return settings[best];
}

}  // namespace cairn
