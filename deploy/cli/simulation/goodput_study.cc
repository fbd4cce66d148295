#include "deploy/cli/simulation/goodput_study.h"

#include <algorithm>
#include <utility>

#include "deploy/cli/simulation/cell_queue.h"

namespace cairn {
namespace {

// How many runs a search usually takes, for the progress bar.
constexpr uint64_t kRunsUsually = 9;

absl::StatusOr<Goodput> SearchOne(const Scenario& scenario, StudyCell cell, double first_rate,
                                  CellQueue& queue) {
  const uint64_t requests = scenario.traces[cell.seed].requests.size();
  absl::Status status;
  uint64_t runs = 0;
  const GoodputSearch search{.attainment = scenario.flags.attainment, .first_rate = first_rate};
  Goodput found = SearchGoodput(search, [&](double rate) {
    if (!status.ok()) return 0.0;
    cell.rate = rate;
    const absl::StatusOr<SeedRun> run = RunCell(scenario, cell);
    status.Update(run.status());
    if (++runs <= kRunsUsually) queue.Advance(requests);
    return run.ok() ? run->summary.attainment : 0.0;
  });
  if (!status.ok()) return status;
  if (runs < kRunsUsually) queue.Advance(requests * (kRunsUsually - runs));
  return found;
}

}  // namespace

absl::StatusOr<std::vector<std::vector<SeedGoodput>>> SearchGoodputs(
    const Scenario& scenario, const std::vector<StudyCell>& cells, double first_rate) {
  const uint32_t seeds = scenario.flags.seeds;
  const uint64_t searches = cells.size() * seeds;
  CellQueue queue(scenario.flags.threads, "searching the goodput",
                  searches * kRunsUsually * scenario.traces[0].requests.size());
  std::vector<std::vector<SeedGoodput>> found(cells.size(), std::vector<SeedGoodput>(seeds));
  const absl::Status status =
      queue.ForEach(static_cast<uint32_t>(searches), [&](uint32_t i) -> absl::Status {
        StudyCell cell = cells[i / seeds];
        cell.seed = i % seeds;
        absl::StatusOr<Goodput> goodput = SearchOne(scenario, cell, first_rate, queue);
        if (!goodput.ok()) return goodput.status();
        found[i / seeds][cell.seed] = {scenario.flags.trace.seed + cell.seed, *std::move(goodput)};
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return found;
}

}  // namespace cairn
