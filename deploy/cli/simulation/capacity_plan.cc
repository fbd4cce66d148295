#include "deploy/cli/simulation/capacity_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "deploy/cli/simulation/cell_queue.h"
#include "deploy/cli/simulation/find_sliders.h"
#include "deploy/cli/simulation/goodput_study.h"
#include "deploy/cli/simulation/simulated_cell.h"
#include "kvstore/base/check.h"

namespace cairn {
namespace {

// How many sizes a search usually tries, for the progress bar.
constexpr uint64_t kSizesUsually = 7;
constexpr uint32_t kWorkersMax = 4096;
// Beyond the goodput, where the answer to "what if" is seen, but not far; and beyond the rate that
// is planned for, where the better ones of many roles show.
constexpr double kOverload = 1.1;
// A change that lets less than so many more percent of requests attain their targets is none.
constexpr double kHelps = 0.02;

// All seeds of a cell.
absl::StatusOr<RatePoint> RunSeeds(const Scenario& scenario, const StudyCell& cell,
                                   CellQueue& queue) {
  RatePoint point{.rate = cell.rate, .seeds = {}};
  point.seeds.resize(scenario.flags.seeds);
  const absl::Status status =
      queue.ForEach(scenario.flags.seeds, [&](uint32_t seed) -> absl::Status {
        StudyCell one = cell;
        one.seed = seed;
        absl::StatusOr<SeedRun> run = RunCell(scenario, one);
        if (!run.ok()) return run.status();
        point.seeds[seed] = *std::move(run);
        queue.Advance(scenario.traces[seed].requests.size());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return point;
}

Spread HitShareOf(const RatePoint& point) {
  return SpreadOf(point, [](const SeedRun& run) { return HitShare(run.summary); });
}

absl::Status SearchSize(const Scenario& scenario, const StudyCell& cell,
                        const CapacitySearch& search, CapacityPlan& plan) {
  CellQueue queue(scenario.flags.threads, "searching the smallest cluster",
                  kSizesUsually * scenario.flags.seeds * scenario.traces[0].requests.size());
  absl::Status status;
  std::vector<std::pair<uint32_t, RatePoint>> sizes;
  plan.capacity = SearchCapacity(search, [&](uint32_t workers) {
    std::vector<double> attainment(scenario.flags.seeds);
    if (!status.ok()) return attainment;
    StudyCell one = cell;
    one.workers = workers;
    if (scenario.flags.phases.search) {
      const absl::StatusOr<PhaseSliders> roles =
          BestSliders(scenario, workers, plan.rate * kOverload);
      status.Update(roles.status());
      if (!roles.ok()) return attainment;
      one.sliders = plan.roles[workers] = *roles;
    }
    absl::StatusOr<RatePoint> point = RunSeeds(scenario, one, queue);
    status.Update(point.status());
    if (!point.ok()) return attainment;
    for (uint32_t seed = 0; seed < scenario.flags.seeds; ++seed) {
      attainment[seed] = point->seeds[seed].summary.attainment;
    }
    sizes.emplace_back(workers, *std::move(point));
    return attainment;
  });
  if (!status.ok()) return status;
  for (auto& [workers, point] : sizes) {
    const uint32_t away = workers > plan.capacity.workers ? workers - plan.capacity.workers
                                                          : plan.capacity.workers - workers;
    if (away <= 1) plan.sizes.emplace_back(workers, std::move(point));
  }
  std::ranges::sort(plan.sizes, {}, [](const auto& size) { return size.first; });
  return absl::OkStatus();
}

absl::Status AskWhatIf(const Scenario& scenario, const StudyCell& answer, CapacityPlan& plan) {
  double goodput = 0;
  for (const SeedGoodput& seed : plan.headroom) {
    goodput += seed.goodput.rate / static_cast<double>(plan.headroom.size());
  }
  StudyCell cell = answer;
  cell.rate = plan.overload_rate = goodput * kOverload;
  std::vector<std::pair<std::string, StudyCell>> cells = {{"as it is", cell}};
  cells.emplace_back("steps a fifth faster", cell).second.step_percent = 80;
  cells.emplace_back("twice the KV memory", cell).second.kv_percent = 200;
  CellQueue queue(scenario.flags.threads, "asking what limits it",
                  cells.size() * scenario.flags.seeds * scenario.traces[0].requests.size());
  for (const auto& [name, one] : cells) {
    const absl::StatusOr<RatePoint> point = RunSeeds(scenario, one, queue);
    if (!point.ok()) return point.status();
    plan.what_ifs.push_back({name, AttainmentOf(*point), HitShareOf(*point)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CapacityPlan> PlanCapacity(const Scenario& scenario, double work_rps_per_worker) {
  const absl::StatusOr<Trace> trace = ShapedTrace(scenario, 0, 0);
  if (!trace.ok()) return trace.status();
  CapacityPlan plan;
  plan.rate = RateOf(*trace);
  plan.gpus = scenario.profile.gpus;
  CapacitySearch search{.attainment = scenario.flags.attainment,
                        .first = 1,
                        .workers_min = WorkersNeeded(scenario.events),
                        .workers_max = kWorkersMax};
  // Fewer than the work takes are never enough; queues and misses take some more.
  const double guess = work_rps_per_worker > 0 ? plan.rate / work_rps_per_worker * 1.2 : 1;
  search.first = std::clamp(static_cast<uint32_t>(std::min(std::ceil(guess), double{kWorkersMax})),
                            search.workers_min, kWorkersMax);
  const StudyCell cell{.policy = scenario.flags.policies[0]};
  if (absl::Status done = SearchSize(scenario, cell, search, plan); !done.ok()) return done;
  if (plan.capacity.workers == 0 || plan.rate <= 0) return plan;
  StudyCell answer = cell;
  answer.workers = plan.capacity.workers;
  if (!plan.roles.empty()) answer.sliders = plan.roles.at(answer.workers);
  absl::StatusOr<std::vector<std::vector<SeedGoodput>>> headroom =
      SearchGoodputs(scenario, {answer}, plan.rate);
  if (!headroom.ok()) return headroom.status();
  plan.headroom = std::move(headroom->front());
  if (absl::Status done = AskWhatIf(scenario, answer, plan); !done.ok()) return done;
  return plan;
}

double HeadroomOf(const CapacityPlan& plan) {
  if (plan.headroom.empty() || plan.rate <= 0) return 0;
  const auto least = std::ranges::min_element(
      plan.headroom, {}, [](const SeedGoodput& seed) { return seed.goodput.rate; });
  return least->goodput.rate / plan.rate - 1;
}

std::string LimitOf(const CapacityPlan& plan) {
  if (plan.what_ifs.size() < 3) return "unknown";
  const WhatIf& as_is = plan.what_ifs[0];
  const WhatIf& faster = plan.what_ifs[1];
  const WhatIf& larger = plan.what_ifs[2];
  const double faster_gain = faster.attainment.mean - as_is.attainment.mean;
  const double larger_gain = larger.attainment.mean - as_is.attainment.mean;
  if (std::max(faster_gain, larger_gain) < kHelps) {
    return "neither faster steps nor more KV memory help: the schedule or the targets limit it";
  }
  if (faster_gain >= larger_gain) return "compute: faster steps help most";
  const double hits = larger.hit_share.mean - as_is.hit_share.mean;
  if (hits > kHelps) return "hit rate: more KV memory keeps more of what is asked again";
  return "KV memory: more of it lets more requests run at once";
}

}  // namespace cairn
